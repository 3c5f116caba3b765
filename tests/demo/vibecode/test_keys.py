"""API keys of the VibeCode service: what they may read, and their limits."""

from collections.abc import Iterator

import pytest

from tap_bitrix24.demo import serve
from tap_bitrix24.demo.server.running import RunningPortal
from tap_bitrix24.demo.vibecode import keys
from tap_bitrix24.demo.vibecode.limits import state
from tests.demo.vibecode.service import Service, good, refused, rows
from tests.demo.wire import JSON, Answer


@pytest.fixture
def running() -> Iterator[RunningPortal]:
    with serve(scale=60, no_limits=True) as running:
        yield running


@pytest.fixture
def service(running: RunningPortal) -> Service:
    return Service.of(running)


@pytest.mark.parametrize(
    ("ended", "status", "code"),
    [
        ("expired", 401, "KEY_EXPIRED"),
        ("revoked", 401, "KEY_INACTIVE"),
        ("ip", 403, "IP_NOT_ALLOWED"),
        ("waitlist", 403, "WAITLIST_PENDING"),
    ],
)
def test_keys_that_work_no_more(service: Service, ended: str, status: int, code: str) -> None:
    """For every path."""
    service.switch(vibe_key=ended)
    assert refused(service.get("/me")) == refused(service.get("/deals")) == (status, code)


def as_user(service: Service, path: str, bearer: str) -> Answer:
    headers = {"Authorization": f"Bearer {bearer}"} | ({"X-Api-Key": service.key} if service.key else {})
    return service.send("GET", f"/v1{path}", headers=headers)


def test_an_applications_key_takes_a_session(running: RunningPortal, service: Service) -> None:
    """Without a session it may read /me but no entity."""
    service.key = keys.key(running.portal, "vibe_app_")
    assert service.data("/me")["type"] == "oauth_app"
    assert "currentUser" not in service.data("/me")
    assert refused(service.get("/deals")) == (401, "TOKEN_MISSING")
    assert refused(as_user(service, "/deals", "vibe_session_wrong")) == (401, "INVALID_SESSION")
    session = keys.session(running.portal)
    assert len(rows(as_user(service, "/deals", session))) == 50
    assert good(as_user(service, "/me", session))["data"]["currentUser"] == {"bitrixUserId": 1}
    templates = rows(as_user(service, "/bizproc-templates?limit=500", session))
    assert len(templates) == len(service.truth("workflow_templates"))
    assert {"id", "modified", "moduleId"} <= templates[0].keys()
    for name in ("bizproc-robots", "bizproc-activities"):  # docs/protocol-vibecode.md §3.1: bare text
        assert all(type(row) is str for row in as_user(service, f"/{name}", session).body["data"])


def test_a_partners_key_looks_the_same_and_needs_none(running: RunningPortal, service: Service) -> None:
    """A key must not be refused for its prefix."""
    service.key = keys.partner_key(running.portal)
    assert service.key.startswith("vibe_app_")
    assert len(rows(service.get("/deals"))) == 50


def test_a_key_may_come_as_a_bearer(running: RunningPortal, service: Service) -> None:
    """An application's key may not; the error is another one."""
    personal, service.key = service.key, ""
    assert len(rows(as_user(service, "/deals", personal))) == 50
    assert refused(as_user(service, "/deals", keys.key(running.portal, "vibe_app_"))) == (401, "INVALID_SESSION")


def test_a_management_key_reads_nothing(running: RunningPortal, service: Service) -> None:
    service.key = keys.key(running.portal, "vibe_live_")
    assert service.data("/me")["type"] == "management"
    assert refused(service.get("/deals")) == (403, "MANAGEMENT_KEY_NO_ENTITY_ACCESS")


def test_entities_without_their_scope() -> None:
    """Not listed by /me, and refused; in a batch with another code."""
    with serve(scale=60, no_limits=True, scopes="crm,user_basic") as running:
        service = Service.of(running)
        entities = service.data("/me")["api"]["entityApi"]["entities"]
        assert "deals" in entities
        assert "orders" not in entities
        assert refused(service.get("/orders")) == (403, "SCOPE_DENIED")
        assert refused(service.get("/posts")) == (403, "SCOPE_DENIED")
        assert len(rows(service.get("/users"))) == 5
        calls = [{"id": "a", "entity": "orders", "action": "list"}, {"id": "b", "entity": "deals", "action": "list"}]
        assert service.calls(*calls)["errors"]["a"]["code"] == "SCOPE_NOT_ALLOWED"


@pytest.mark.parametrize("verb", ["PATCH", "PUT", "DELETE"])
def test_every_verb_that_writes_is_refused_and_counted(service: Service, verb: str) -> None:
    """A key that only reads is enough for a tap."""
    headers = {"X-Api-Key": service.key, "Content-Type": JSON}
    answer = service.send(verb, "/v1/deals/1", "" if verb == "DELETE" else '{"title": "x"}', headers)
    assert refused(answer) == (403, "WRITE_BLOCKED_READONLY_KEY")
    assert service.stats()["write_calls"] == {f"{verb} deals": 1}


def test_requests_of_a_second(service: Service) -> None:
    """The key's own rate limit, shown by /me; the clock stands still here."""
    assert service.data("/me")["rateLimit"]["requestsPerSecond"] == 10
    service.control("clock", {"now": "2026-11-27T10:00:00Z"})
    service.switch(vibe_rate="3")
    assert service.data("/me")["rateLimit"]["requestsPerSecond"] == 3
    answers = [service.get("/deals", "limit=1") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert refused(answers[2]) == (429, "RATE_LIMITED")
    assert answers[2].body["error"]["retryAfter"] == 2
    service.control("clock", {"advance": 1})
    assert service.get("/deals", "limit=1").status == 200


def test_who_waits_too_long_in_the_queue_is_sent_away(running: RunningPortal, service: Service) -> None:
    """Two requests reach the portal at once, others wait."""
    service.switch(vibe_queue="0.01")
    queue = state(running.portal).queue
    assert queue.acquire(blocking=False)
    assert rows(service.get("/contacts"))
    assert queue.acquire(blocking=False)
    answer = service.get("/contacts")
    assert refused(answer) == (504, "QUEUE_TIMEOUT")
    assert answer.body["error"]["retryAfter"] == int(answer.headers["retry-after"]) == 10
    queue.release(2)
    assert rows(service.get("/contacts"))


def test_in_a_loop_of_errors_each_fiftieth_request_passes(service: Service) -> None:
    """Twelve equal errors block that request."""
    for _ in range(12):
        assert refused(service.search("deals", filter={"nothing": 1})) == (400, "INVALID_FILTER_FIELD")
    statuses = [service.search("deals", limit=1).status for _ in range(50)]
    assert statuses == [429] * 49 + [200]
    assert service.search("deals", limit=1).status == 200


def test_limits_are_told_in_headers(service: Service) -> None:
    """Errors have an id for reports."""
    headers = service.get("/me").headers
    assert headers["x-ratelimit-limit"] == "300"
    assert int(headers["x-ratelimit-remaining"]) < 300
    assert "x-request-id" in service.get("/nothing").headers
