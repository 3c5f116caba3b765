"""The fingerprint of a portal: what makes another portal, and what does not."""

import json
from typing import Any

import pytest

from tap_bitrix24.auth.from_settings import webhook
from tap_bitrix24.fingerprint import PortalFingerprint, portal_fingerprint, stored_facts

HOST, OTHER = "firm.bitrix24.com", "other.bitrix24.com"
HERE = portal_fingerprint(HOST)
WITH_ID = portal_fingerprint(HOST, member_id="m1")


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("https://firm.bitrix24.com", "firm.bitrix24.com"),
        ("https://FIRM.Bitrix24.com/", "https://firm.bitrix24.com"),
        ("https://firm.bitrix24.com.", "https://firm.bitrix24.com"),
        ("https://firm.bitrix24.com:443", "https://firm.bitrix24.com"),
        ("http://crm.firm.ru", "https://crm.firm.ru:443/"),
        ("https://срм.рф/portal/", "https://xn--l1ahc.xn--p1ai/portal"),
        ("https://[::1]:8443", "[::1]:8443/"),
    ],
)
def test_spellings_of_one_address_are_one_portal(one: str, two: str) -> None:
    assert portal_fingerprint(one) == portal_fingerprint(two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (HOST, OTHER),
        ("http://127.0.0.1:8001", "http://127.0.0.1:8002"),
        ("https://crm.firm.ru/portal1", "https://crm.firm.ru/portal2"),
        ("https://crm.firm.ru", "https://crm.firm.ru:8443"),
    ],
)
def test_other_addresses_are_other_portals(one: str, two: str) -> None:
    assert portal_fingerprint(one).host != portal_fingerprint(two).host
    assert not portal_fingerprint(two).recognizes(portal_fingerprint(one).facts)


@pytest.mark.parametrize("address", ["host:port", "[::1", "x" * 70 + ".com"])
def test_what_is_no_address_has_a_fingerprint_too(address: str) -> None:
    assert portal_fingerprint(address).recognizes(portal_fingerprint(address.upper()).facts)
    assert not portal_fingerprint(address).recognizes(HERE.facts)


@pytest.mark.parametrize("user", ["1", "17"])
def test_all_webhooks_of_a_portal_have_one_fingerprint_that_holds_no_secret(user: str) -> None:
    credentials = webhook(f"https://crm.firm.ru/sub/REST/{user}/s3cr3t{user}/")
    assert credentials.portal_url == "https://crm.firm.ru/sub"
    assert portal_fingerprint(credentials.portal_url) == portal_fingerprint("https://crm.firm.ru/sub")


@pytest.mark.parametrize(
    ("read", "stored", "same"),
    [
        (HERE, {}, True),
        (PortalFingerprint(), HERE.facts, True),
        (HERE, HERE.facts, True),
        (HERE, portal_fingerprint(OTHER).facts, False),
        # webhook → OAuth → webhook: what both hold decides
        (WITH_ID, HERE.facts, True),
        (HERE, WITH_ID.facts, True),
        (WITH_ID, portal_fingerprint(OTHER).facts, False),
        # the portal's id outlives its host; a host may be given to another portal
        (portal_fingerprint(OTHER, member_id="m1"), WITH_ID.facts, True),
        (portal_fingerprint(HOST, member_id="m2"), WITH_ID.facts, False),
        # a former host is the operator's word
        (portal_fingerprint(OTHER, former=[f"https://{HOST}/"]), HERE.facts, True),
        (portal_fingerprint(OTHER, former=[HOST]), WITH_ID.facts, True),
        (portal_fingerprint(OTHER, member_id="m2", former=[HOST]), WITH_ID.facts, True),
        (portal_fingerprint(OTHER, former=["third.bitrix24.com"]), HERE.facts, False),
        (portal_fingerprint(OTHER, former=[""]), {"member": "x", "host": ""}, True),
    ],
)
def test_who_is_recognized(read: PortalFingerprint, stored: dict[str, str], *, same: bool) -> None:
    assert read.recognizes(stored) is same


def test_what_is_stored_grows_and_follows_the_portal() -> None:
    assert HERE.updated({}) == HERE.facts
    assert HERE.updated(WITH_ID.facts) == WITH_ID.facts, "what only OAuth tells is kept"
    renamed = portal_fingerprint(OTHER, former=[HOST])
    stored = renamed.updated(WITH_ID.facts)
    assert stored == {"host": portal_fingerprint(OTHER).host, "member": WITH_ID.member}
    assert portal_fingerprint(OTHER).recognizes(stored)
    assert not HERE.recognizes(stored)


def test_host_and_id_with_the_same_text_have_different_hashes() -> None:
    assert portal_fingerprint("x", member_id="x").host != portal_fingerprint("x", member_id="x").member


@pytest.mark.parametrize("told", [WITH_ID, portal_fingerprint(OTHER, former=[HOST, OTHER]), PortalFingerprint()])
def test_it_survives_the_way_through_a_schema_message(told: PortalFingerprint) -> None:
    text = json.dumps(told.to_json())
    assert PortalFingerprint.from_json(json.loads(text)) == told
    assert HOST not in text


@pytest.mark.parametrize("value", [None, 5, "x", [], {"host": 5}, {"host": None}])
def test_what_is_no_fingerprint_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="fingerprint"):
        PortalFingerprint.from_json(value)
    with pytest.raises(ValueError, match="fingerprint"):
        stored_facts(value)


@pytest.mark.parametrize("former", [5, "host", [5]])
def test_former_hosts_must_be_a_list(former: Any) -> None:
    with pytest.raises(ValueError, match="former_hosts"):
        PortalFingerprint.from_json({"host": "x", "former_hosts": former})


def test_only_a_short_form_is_shown() -> None:
    shown = HERE.compared(WITH_ID.facts)
    assert HERE.host[:8] in shown
    assert HERE.host[:9] not in shown
