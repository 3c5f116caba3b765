"""Settings are checked before any request; each error is one line without a secret.

See docs/decisions.md#decision-18 and docs/decisions.md#decision-19.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tap_bitrix24.auth.from_settings import webhook
from tap_bitrix24.errors import SettingsError
from tap_bitrix24.settings import CONFIG_JSONSCHEMA, PROPERTIES, check
from tap_bitrix24.tap import TapBitrix24
from tap_bitrix24.throttling.rate_limit import TARIFFS

SECRET = "s3cr3tw0rd"
URL = f"https://example.bitrix24.com/rest/1/{SECRET}/"


def refused(config: dict[str, Any]) -> str:
    """Return the message a config is refused with."""
    with pytest.raises(SettingsError) as raised:
        check(config)
    text = str(raised.value)
    assert "\n" not in text
    assert SECRET not in text
    assert raised.value.exit_code == 2
    return text


def test_defaults() -> None:
    settings = check({"webhook_url": URL})
    assert settings.credentials.address("", "rest_v2") == URL
    assert settings.start_date is None
    assert settings.lookback == timedelta(seconds=300)
    assert (settings.tariff, settings.tariff_fixed) == (TARIFFS["standard"], False)
    assert settings.request_timeout == 75
    assert settings.universal is False
    assert settings.verify is True
    assert settings.secrets == (SECRET,)


def test_empty_and_null_settings_are_not_given() -> None:
    assert check(dict.fromkeys(PROPERTIES) | {"webhook_url": URL}) == check({"webhook_url": URL})
    assert check({"webhook_url": URL, "portal_url": "", "start_date": ""}) == check({"webhook_url": URL})


def test_everything_set(tmp_path: Path) -> None:
    ca_bundle = tmp_path / "ca.pem"
    ca_bundle.write_text("")
    given = {
        "webhook_url": URL,
        "start_date": "2025-01-31",
        "lookback_seconds": 0,
        "plan": "enterprise",
        "max_concurrency": 2,
        "request_timeout": 10.5,
        "crm_methods": "universal",
        "child_sweep_hours": 1,
        "detect_deletes": False,
        "ca_bundle": str(ca_bundle),
        "allow_http": True,
    }
    settings = check(given)
    assert settings.start_date == datetime(2025, 1, 31, tzinfo=UTC)
    assert (settings.lookback, settings.tariff, settings.tariff_fixed) == (timedelta(0), TARIFFS["enterprise"], True)
    assert (settings.request_timeout, settings.universal, settings.verify) == (10.5, True, str(ca_bundle))


def test_the_names_and_defaults_of_settings() -> None:
    of_connections = {
        "webhook_url",
        "portal_url",
        "client_id",
        "client_secret",
        "refresh_token",
        "token_file",
        "oauth_token_url",
        "vibecode_api_key",
        "vibecode_url",
        "site_url",
        "site_api_key",
        "site_openapi_path",
    }
    rest = {
        "start_date",
        "lookback_seconds",
        "plan",
        "max_concurrency",
        "request_timeout",
        "crm_methods",
        "child_sweep_hours",
        "detect_deletes",
        "ca_bundle",
        "allow_http",
    }
    assert of_connections | rest <= PROPERTIES.keys()
    defaults = {
        "lookback_seconds": 300,
        "plan": "standard",
        "max_concurrency": 4,
        "request_timeout": 75,
        "crm_methods": "classic",
        "child_sweep_hours": 24,
        "detect_deletes": False,
        "allow_http": False,
    }
    assert {name: PROPERTIES[name]["default"] for name in defaults} == defaults
    secrets = {name for name, facts in PROPERTIES.items() if facts.get("secret")}
    assert secrets == {"webhook_url", "client_secret", "refresh_token", "vibecode_api_key", "site_api_key"}
    assert all(CONFIG_JSONSCHEMA["properties"][name]["description"] for name in PROPERTIES)


@pytest.mark.parametrize(
    "former",
    [
        "old.bitrix24.com",
        "https://Old.bitrix24.com/",
        "crm.firm.ru:8443/portal",
        " old.bitrix24.com\n",
        "http://[::1]:80",
    ],
)
def test_the_former_host_of_a_renamed_portal(former: str) -> None:
    settings = check({"webhook_url": URL, "renamed_from": former})
    assert settings.former_addresses == ("https://example.bitrix24.com", former.strip())
    assert check({"webhook_url": URL}).former_addresses == ("https://example.bitrix24.com",)


@pytest.mark.parametrize(
    "former", [5, [], "old bitrix24", "ftp://old.bitrix24.com", f"https://old.bitrix24.com/rest/1/{SECRET}/", "a/b?c=d"]
)
def test_what_is_no_former_host_is_refused(former: Any) -> None:
    assert "renamed_from must be the portal's former host" in refused({"webhook_url": URL, "renamed_from": former})


# Webhook URLs


@pytest.mark.parametrize(
    ("url", "base", "host"),
    [
        (URL, URL, "https://example.bitrix24.com"),
        (URL.rstrip("/"), URL, "https://example.bitrix24.com"),
        (f"  {URL}\n", URL, "https://example.bitrix24.com"),
        (f"{URL}crm.deal.list", URL, "https://example.bitrix24.com"),
        (f"{URL}crm.deal.list.json", URL, "https://example.bitrix24.com"),
        (f"{URL}profile/", URL, "https://example.bitrix24.com"),
        (f"HTTPS://Example.Bitrix24.com/rest/1/{SECRET}/", URL, "https://example.bitrix24.com"),
        (
            f"https://crm.firm.ru:8443/rest/17/{SECRET}",
            f"https://crm.firm.ru:8443/rest/17/{SECRET}/",
            "https://crm.firm.ru:8443",
        ),
        (f"https://firm.ru/a/b/rest/1/{SECRET}/", f"https://firm.ru/a/b/rest/1/{SECRET}/", "https://firm.ru"),
        (f"https://портал.рф/rest/1/{SECRET}/", f"https://портал.рф/rest/1/{SECRET}/", "https://портал.рф"),
        (
            f"https://[2001:db8::1]:444/rest/1/{SECRET}/",
            f"https://[2001:db8::1]:444/rest/1/{SECRET}/",
            "https://[2001:db8::1]:444",
        ),
        (f"http://127.0.0.1:8080/rest/1/{SECRET}/", f"http://127.0.0.1:8080/rest/1/{SECRET}/", "http://127.0.0.1:8080"),
        (f"http://127.9.9.9/rest/1/{SECRET}/", f"http://127.9.9.9/rest/1/{SECRET}/", "http://127.9.9.9"),
        (f"http://localhost:1/rest/1/{SECRET}/", f"http://localhost:1/rest/1/{SECRET}/", "http://localhost:1"),
        (f"http://[::1]:8080/rest/1/{SECRET}/", f"http://[::1]:8080/rest/1/{SECRET}/", "http://[::1]:8080"),
    ],
)
def test_webhooks(url: str, base: str, host: str) -> None:
    credentials = webhook(url)
    assert (credentials.url, credentials.host, credentials.secret) == (base, host, SECRET)
    assert credentials.address("crm.deal.list", "rest_v2") == f"{base}crm.deal.list"
    assert SECRET not in repr(credentials)


@pytest.mark.parametrize(
    "url",
    [
        "example.bitrix24.com",
        f"example.bitrix24.com/rest/1/{SECRET}/",
        f"ftp://example.bitrix24.com/rest/1/{SECRET}/",
        f"https:///rest/1/{SECRET}/",
        "https://example.bitrix24.com/",
        "https://example.bitrix24.com/rest/1/",
        f"https://example.bitrix24.com/rest/{SECRET}/",
        f"https://example.bitrix24.com/rest/admin/{SECRET}/",
        f"https://example.bitrix24.com/rest/1/{SECRET}/a/b/c",
        f"https://example.bitrix24.com/rest/1/{SECRET}/?auth=1",
        f"https://example.bitrix24.com/rest/1/{SECRET}/#top",
        f"https://user:pw@example.bitrix24.com/rest/1/{SECRET}/",
        f"https://example.bitrix24.com/rest/1/{SECRET} /",
        f"https://exa mple.bitrix24.com/rest/1/{SECRET}/",
        f"https://example.bitrix24.com:99999/rest/1/{SECRET}/",
        f"https://example.bitrix24.com:abc/rest/1/{SECRET}/",
        f"https://[::1/rest/1/{SECRET}/",
        f"https://exa$mple.com/rest/1/{SECRET}/",
        5,
        [URL],
        True,
    ],
)
def test_malformed_webhooks(url: Any) -> None:
    text = refused({"webhook_url": url})
    assert "https://example.bitrix24.com/rest/1/secret/" in text, "shows what it should look like"


@pytest.mark.parametrize("host", ["example.com", "10.0.0.1", "169.254.1.1", "[2001:db8::1]", "localhost.example.com"])
def test_http_is_for_this_machine_only(host: str) -> None:
    url = f"http://{host}/rest/1/{SECRET}/"
    assert "allow_http" in refused({"webhook_url": url})
    assert check({"webhook_url": url, "allow_http": True}).credentials.address("", "rest_v2") == url


# Connections


def test_no_connection() -> None:
    assert "webhook_url" in refused({})
    assert "webhook_url" in refused({"start_date": "2025-01-01"})


@pytest.mark.parametrize(
    "other",
    [
        {"portal_url": "https://example.bitrix24.com"},
        {"client_id": "a", "client_secret": SECRET},
        {"refresh_token": SECRET},
        {"vibecode_api_key": SECRET},
        {"site_url": "https://site.ru", "site_api_key": SECRET},
    ],
)
def test_two_connections(other: dict[str, str]) -> None:
    text = refused({"webhook_url": URL, **other})
    assert "webhook_url" in text
    assert all(name in text for name in other)


@pytest.mark.parametrize(
    ("config", "connection"),
    [
        (
            {"portal_url": "https://e.bitrix24.com", "client_id": "a", "client_secret": SECRET, "token_file": "t.json"},
            "OAuth",
        ),
        ({"vibecode_api_key": SECRET}, "VibeCode"),
        ({"site_url": "https://site.ru", "site_api_key": SECRET}, "site API"),
    ],
)
def test_the_settings_determine_the_connection(config: dict[str, str], connection: str) -> None:
    settings = check(config)
    assert settings.connection == connection
    assert SECRET in settings.secrets
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"portal_url": "https://e.bitrix24.com", "client_id": "a"}, "client_secret"),
        ({"portal_url": "https://e.bitrix24.com", "client_id": "a", "client_secret": SECRET}, "token_file"),
        ({"portal_url": "e.bitrix24.com", "client_id": "a", "client_secret": SECRET, "token_file": "t"}, "portal_url"),
        ({"vibecode_url": "https://a.example"}, "vibecode_api_key"),
        ({"site_url": "https://site.ru"}, "site_api_key"),
        ({"site_url": "http://site.ru", "site_api_key": SECRET}, "http"),
        ({"site_url": "https://site.ru", "site_api_key": SECRET, "site_endpoints": 5}, "site_endpoints"),
    ],
)
def test_an_incomplete_connection_is_refused_with_what_is_missing(config: dict[str, Any], named: str) -> None:
    assert named in refused(config)


# Other settings


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("webhok_url", "Did you mean 'webhook_url'?"),
        ("startdate", "Did you mean 'start_date'?"),
        ("lookback", "Did you mean 'lookback_seconds'?"),
        ("zzz", f"Available: {', '.join(PROPERTIES)}, "),
    ],
)
def test_unknown_settings(name: str, hint: str) -> None:
    assert refused({"webhook_url": URL, name: "x"}).startswith(f"Unknown setting {name!r}. {hint}")


def test_settings_of_the_sdk_are_known() -> None:
    of_the_sdk = {"stream_maps": {}, "stream_map_config": {}, "flattening_enabled": True}
    assert check({"webhook_url": URL, **of_the_sdk}) == check({"webhook_url": URL})


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-01-31", datetime(2025, 1, 31, tzinfo=UTC)),
        ("2025-01-31T09:00:00", datetime(2025, 1, 31, 9, tzinfo=UTC)),
        ("2025-01-31 09:00", datetime(2025, 1, 31, 9, tzinfo=UTC)),
        ("2025-01-31T09:00:00Z", datetime(2025, 1, 31, 9, tzinfo=UTC)),
        ("2025-01-31T09:00:00+03:00", datetime(2025, 1, 31, 6, tzinfo=UTC)),
        ("2025-01-31T09:00:00-05:00", datetime(2025, 1, 31, 14, tzinfo=UTC)),
    ],
)
def test_start_dates(text: str, moment: datetime) -> None:
    assert check({"webhook_url": URL, "start_date": text}).start_date == moment


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "now",
        "12:00",
        "31.01.2025",
        "2025-02-30",
        "2025-13-01",
        "P1Y",
        "2025-01-01/2025-02-01",
        "\n",
        20250131,
        True,
        ["2025-01-31"],
    ],
)
def test_bad_start_dates(text: Any) -> None:
    assert "start_date" in refused({"webhook_url": URL, "start_date": text})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("lookback_seconds", value) for value in (-1, 1.5, "x", True, [1], 10**15)),
        *(("max_concurrency", value) for value in (0, -1, "x")),
        *(("child_sweep_hours", value) for value in (0, "x")),
        *(("request_timeout", value) for value in (0, -5, "x", True, float("nan"), float("inf"), [1])),
        *(("plan", value) for value in ("free", 5, ["standard"])),
        *(("crm_methods", value) for value in ("Classic", "both", 1)),
        *(("allow_http", value) for value in ("yes", 1)),
        *(("detect_deletes", value) for value in (True, "yes")),
        ("ca_bundle", "/no/such/file.pem"),
        ("ca_bundle", "/no/such\nfile.pem"),
    ],
)
def test_bad_values_name_their_setting(name: str, value: Any) -> None:
    assert name in refused({"webhook_url": URL, name: value})


@pytest.mark.parametrize(("value", "seconds"), [(0, 0), (60, 60), ("60", 60)])
def test_whole_numbers_may_come_as_text(value: Any, seconds: int) -> None:
    assert check({"webhook_url": URL, "lookback_seconds": value}).lookback == timedelta(seconds=seconds)


def test_a_webhook_pasted_into_another_setting_is_not_repeated() -> None:
    for name in ("start_date", "plan", "ca_bundle", "lookback_seconds"):
        assert name in refused({"webhook_url": URL, name: URL})


@pytest.mark.parametrize(
    ("set_", "environment", "binds"),
    [
        ({}, {}, False),
        ({"plan": None}, {}, False),
        ({"plan": "standard"}, {}, True),
        ({}, {"PLAN": "enterprise"}, True),
    ],
)
def test_a_plan_that_is_only_a_default_does_not_bind(
    monkeypatch: pytest.MonkeyPatch, set_: dict[str, Any], environment: dict[str, str], *, binds: bool
) -> None:
    """The SDK fills in the default; a self-hosted portal's rate follows its response time unless a plan is set."""
    for name, value in environment.items():
        monkeypatch.setenv(f"TAP_BITRIX24_{name}", value)
    tap = TapBitrix24(config={"webhook_url": URL, **set_}, parse_env_config=True, setup_mapper=False)
    assert tap.settings.tariff_fixed is binds
    assert tap.settings.tariff == TARIFFS[environment.get("PLAN", "standard")]
