"""The authorization server: grants, rotation, refusals, and requests with an access token (docs/protocol.md §8)."""

import http.client
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tap_bitrix24.demo import serve
from tests.demo.wire import FORM, JSON, Answer, Wire

DEALS = "/rest/crm.deal.list"
HOUR = 3600


class Application(Wire):
    """A raw client of an application, with its id and secret and no other state."""

    def __init__(self, webhook: str, config: Mapping[str, str]) -> None:
        super().__init__(webhook)
        self.known = config

    def grant(self, verb: str = "POST", **given: str) -> Answer:
        names = {"client_id": self.known["client_id"], "client_secret": self.known["client_secret"], **given}
        text = urlencode(names)
        if verb == "GET":
            return self.send("GET", f"/oauth/token/?{text}")
        return self.send("POST", "/oauth/token/", text, {"Content-Type": FORM})

    def renew(self, token: str | None = None, verb: str = "POST", **given: str) -> Answer:
        return self.grant(verb, grant_type="refresh_token", refresh_token=token or self.known["refresh_token"], **given)

    def bearer(self, token: str, body: Any = None, path: str = DEALS) -> Answer:
        return self.send(
            "POST", path, json.dumps(body or {}), {"Content-Type": JSON, "Authorization": f"Bearer {token}"}
        )

    def authorize(self, **given: str) -> Answer:
        return self.send("GET", f"/oauth/authorize/?{urlencode({'client_id': self.known['client_id'], **given})}")

    def pass_time(self, seconds: float) -> None:
        self.control("clock", {"advance": seconds})


@pytest.fixture
def app() -> Iterator[Application]:
    with serve(scale=60, no_limits=True) as running:
        yield Application(running.url, running.config("oauth"))


def carried(answer: Answer) -> dict[str, str]:
    """The parameters of a redirect."""
    assert answer.status == 302, answer.raw
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_a_refresh_token_brings_a_pair_and_the_portals_address(app: Application, verb: str) -> None:
    reply = app.renew(verb=verb).body
    assert {"access_token", "expires", "expires_in", "scope", "domain", "server_endpoint", "status"} <= reply.keys()
    assert reply["expires_in"] == HOUR
    assert reply["client_endpoint"] == f"http://127.0.0.1:{app.port}/rest/"
    assert reply["refresh_token"] != app.known["refresh_token"]
    assert len(reply["member_id"]) == 32
    assert app.stats()["token_grants"] == {"refresh_token": 1}


def test_a_spent_refresh_token_is_refused(app: Application) -> None:
    second = app.renew().body["refresh_token"]
    assert app.renew().error == (400, "invalid_grant")
    assert app.renew(second).status == 200


def test_with_grace_a_spent_refresh_token_is_good_for_a_minute_more(app: Application) -> None:
    app.switch(oauth_spent_refresh="grace")
    app.renew()
    assert app.renew().status == 200
    app.pass_time(61)
    assert app.renew().error == (400, "invalid_grant")


def test_a_refresh_token_lives_for_half_a_year(app: Application) -> None:
    app.pass_time(180 * 24 * HOUR - 60)
    token = app.renew().body["refresh_token"]
    app.pass_time(180 * 24 * HOUR)
    assert app.renew(token).error == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"client_id": "local.other"}, "invalid_client"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"grant_type": "password"}, "invalid_request"),
        ({"refresh_token": "nothing"}, "invalid_grant"),
    ],
)
def test_what_is_wrong_with_a_token_request_is_told_and_spends_nothing(
    app: Application, given: dict[str, str], code: str
) -> None:
    wanted = {"grant_type": "refresh_token", "refresh_token": app.known["refresh_token"], **given}
    assert app.grant(**wanted).error == (400, code)
    assert app.renew().status == 200


@pytest.mark.parametrize(
    ("state", "error"),
    [("removed", (400, "invalid_grant")), ("unpaid", (401, "PAYMENT_REQUIRED")), ("unknown", (200, "wrong_client"))],
)
def test_states_of_the_application(app: Application, state: str, error: tuple[int, str]) -> None:
    app.switch(oauth_application=state)
    assert app.renew().error == error


def test_an_answer_that_is_lost_has_spent_the_token(app: Application) -> None:
    app.faults({"fault": "answer_lost", "method": "oauth/token", "times": 1})
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        app.renew()
    assert app.renew().error == (400, "invalid_grant")
    assert app.stats()["token_grants"] == {"refresh_token": 1}


def test_consent_sends_the_browser_back_with_a_code_that_is_good_once(app: Application) -> None:
    back = app.authorize(state="s&1", redirect_uri="http://127.0.0.1:9/x?y=1")
    assert back.headers["location"].startswith("http://127.0.0.1:9/x?y=1&code=")
    reply = carried(back)
    assert reply["state"] == "s&1"
    assert reply["domain"] == f"127.0.0.1:{app.port}"
    got = app.grant(grant_type="authorization_code", code=reply["code"]).body
    assert got["member_id"] == reply["member_id"]
    assert app.bearer(got["access_token"]).status == 200
    assert app.grant(grant_type="authorization_code", code=reply["code"]).error == (400, "invalid_grant")
    assert app.stats()["token_grants"] == {"authorization_code": 1}


def test_a_code_is_good_for_thirty_seconds(app: Application) -> None:
    code = carried(app.authorize())["code"]
    app.pass_time(31)
    assert app.grant(grant_type="authorization_code", code=code).error == (400, "invalid_grant")


def test_without_an_address_the_applications_own_is_used(app: Application) -> None:
    assert app.authorize().headers["location"].startswith("http://127.0.0.1:8025/?code=")
    app.switch(oauth_redirect="http://127.0.0.1:9/mine")
    assert app.authorize().headers["location"].startswith("http://127.0.0.1:9/mine?code=")


def test_who_does_not_consent_is_shown_a_page(app: Application) -> None:
    app.switch(oauth_consent="denied")
    refused = app.authorize(state="s")
    assert (refused.status, refused.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "location" not in refused.headers
    app.switch(oauth_consent="denied_with_redirect")
    assert carried(app.authorize(state="s")) == {"error": "access_denied", "state": "s"}
    app.switch(oauth_consent="given")
    assert "location" not in app.authorize(client_id="local.other").headers


def test_a_token_lets_in_by_header_and_by_either_name(app: Application) -> None:
    token = app.renew().body["access_token"]
    assert len(app.bearer(token).result) == 50
    for name in ("auth", "access_token"):
        assert app.send("POST", DEALS, json.dumps({name: token}), {"Content-Type": JSON}).status == 200
        assert app.send("GET", f"{DEALS}?{name}={token}").status == 200
    assert app.stats()["secrets_in_urls"] == 2


def test_the_header_counts_before_auth_and_that_before_access_token(app: Application) -> None:
    token, unknown = app.renew().body["access_token"], "0" * 70
    assert app.bearer(unknown, {"auth": token}).error == (401, "invalid_token")
    assert app.bearer(token, {"auth": unknown}).status == 200
    both = json.dumps({"auth": unknown, "access_token": token})
    assert app.send("POST", DEALS, both, {"Content-Type": JSON}).error == (401, "invalid_token")
    array = json.dumps({"auth": [unknown], "access_token": token})
    assert app.send("POST", DEALS, array, {"Content-Type": JSON}).status == 200


def test_no_token_and_one_that_looks_like_none(app: Application) -> None:
    assert app.send("POST", DEALS, "{}", {"Content-Type": JSON}).error == (401, "NO_AUTH_FOUND")
    assert app.bearer("nothing").error == (401, "NO_AUTH_FOUND")


def test_access_tokens_expire_by_the_portals_clock(app: Application) -> None:
    token = app.renew().body["access_token"]
    app.pass_time(HOUR - 60)
    assert app.bearer(token).status == 200
    app.pass_time(60)
    assert app.bearer(token).error == (401, "expired_token")
    body = app.bearer(token, {"cmd": {"a": "crm.deal.list"}}, "/rest/batch").body
    assert body["error"] == "expired_token"
    assert "result" not in body


def test_the_life_of_a_token_can_be_short(app: Application) -> None:
    app.switch(oauth_expires_in="5")
    reply = app.renew().body
    assert reply["expires_in"] == 5
    app.pass_time(6)
    assert app.bearer(reply["access_token"]).error == (401, "expired_token")


def test_an_older_access_token_goes_on_until_it_expires(app: Application) -> None:
    first = app.renew().body
    app.renew(first["refresh_token"])
    assert app.bearer(first["access_token"]).status == 200


def test_a_portal_that_has_moved_tells_its_other_name(app: Application) -> None:
    app.switch(oauth_endpoint="moved")
    assert app.renew().body["client_endpoint"] == f"http://localhost:{app.port}/rest/"


def test_a_batch_may_be_asked_for_with_a_token(app: Application) -> None:
    token = app.renew().body["access_token"]
    maps = app.bearer(token, {"cmd": {"a": "crm.deal.list?start=-1"}}, "/rest/batch").result
    assert len(maps["result"]["a"]) == 50


def test_controls_and_ordinary_requests_carry_no_secret_in_their_urls(app: Application) -> None:
    app.bearer(app.renew().body["access_token"])
    assert app.stats()["secrets_in_urls"] == 0
    app.renew("nothing", verb="GET")
    assert app.stats()["secrets_in_urls"] == 1


def test_another_seed_is_another_application() -> None:
    def known(seed: int) -> dict[str, str]:
        with serve(scale=20, seed=seed) as running:
            return running.config("oauth")

    first, second = known(1), known(2)
    names = ("client_id", "client_secret", "refresh_token")
    assert [first[name] for name in names] == [known(1)[name] for name in names]
    assert not {first[name] for name in names} & {second[name] for name in names}
