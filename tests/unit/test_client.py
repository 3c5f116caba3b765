"""Which requests are repeated, and what no error ever shows. A local server answers; the clock is a fake."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from tap_bitrix24.auth.from_settings import webhook
from tap_bitrix24.client import DISCOVERY_ATTEMPTS, Client
from tap_bitrix24.connections import REST
from tap_bitrix24.errors import (
    AccessError,
    PortalError,
    RejectedError,
    TooSlowError,
    UnavailableError,
)
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.retries import ATTEMPTS
from tap_bitrix24.throttling.rate_limit import TARIFFS, RateLimiter
from tests.support.clock import Clock

SECRET = "s3cr3tw0rd"
PROFILE = Command("profile", {"a": [1, "Ё"]})
GOOD: dict[str, Any] = {"result": {"ID": "1"}, "time": {"date_start": "2025-01-01T00:00:00+00:00"}}
Reply = tuple[int, bytes, dict[str, str]]


def reply(status: int = 200, body: Any = GOOD, **headers: str) -> Reply:
    """An answer; text is sent as it is, all else as JSON."""
    return status, body.encode() if isinstance(body, str) else json.dumps(body).encode(), headers


@dataclass
class Portal:
    """A server that plays a script; the last line is repeated."""

    url: str
    script: list[Reply] = field(default_factory=list)
    seen: list[tuple[str, Any]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)

    def client(self, *script: Reply, timeout: float = 5.0, rate_limiter: RateLimiter | None = None) -> Client:
        """A client of this portal; its pauses are noted and pass at once, also for its rate_limiter."""
        self.script = list(script)
        rate_limiter = rate_limiter or RateLimiter(TARIFFS["enterprise"], clock=self.clock)
        return Client(webhook(self.url), rate_limiter, REST.dialects, timeout=timeout, sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.now += seconds + 1e-9


@pytest.fixture
def portal() -> Iterator[Portal]:
    """A server on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            playing.seen.append((self.path, json.loads(body)))
            status, data, headers = playing.script.pop(0) if len(playing.script) > 1 else playing.script[0]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    playing = Portal(f"http://127.0.0.1:{server.server_port}/rest/1/{SECRET}/")
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield playing
    server.shutdown()
    thread.join()
    server.server_close()


def failure(call: Callable[[], object]) -> PortalError:
    """The error a call ends with; never shows the secret nor the whole address."""
    with pytest.raises(PortalError) as raised:
        call()
    error = raised.value
    shown = f"{error!r} {error} {error.__cause__!r} {error.args}"
    assert SECRET not in shown
    assert "/rest/" not in shown
    assert "\n" not in str(error)
    return error


def test_a_call_is_a_json_post_to_the_webhook(portal: Portal) -> None:
    with closing(portal.client(reply())) as client:
        assert client.call(PROFILE) == Result({"ID": "1"}, time=GOOD["time"])
        assert client.first_answer == GOOD["time"]
        assert client.requests == 1
    assert portal.seen == [(f"/rest/1/{SECRET}/profile", {"a": [1, "Ё"]})]
    assert portal.slept == []


def test_only_classic_answers_without_operating_show_a_self_hosted_portal(portal: Portal) -> None:
    cloud = {"result": 1, "time": {**GOOD["time"], "operating": 0}}
    for answer, self_hosted in ((GOOD, True), (cloud, False), ({"result": 1}, False)):
        with closing(
            portal.client(reply(body=answer), rate_limiter=RateLimiter(TARIFFS["standard"], clock=Clock(), fixed=False))
        ) as client:
            client.call(PROFILE)
            assert room(client.rate_limiter) == (3 if self_hosted else 47)


def test_a_batch_is_judged_by_its_commands(portal: Portal) -> None:
    """As a whole it belongs to no method, so the cloud need not tell `operating` of it."""
    for operating, self_hosted in (({}, True), ({"operating": 0.5}, False)):
        maps = {"result": {"c0": 1}, "result_time": {"c0": {**GOOD["time"], **operating}}}
        body = {"result": maps, "time": GOOD["time"]}
        with closing(
            portal.client(reply(body=body), rate_limiter=RateLimiter(TARIFFS["standard"], clock=Clock(), fixed=False))
        ) as client:
            client.batch([PROFILE])
            assert room(client.rate_limiter) == (3 if self_hosted else 47)


def room(limiter: RateLimiter) -> int:
    """Requests that may go without a pause."""
    count = 0
    while limiter.acquire() == 0:
        count += 1
    return count


def test_the_clock_of_the_run_is_that_of_the_first_answer(portal: Portal) -> None:
    later = {"result": 1, "time": {"date_start": "2026-01-01T00:00:00+00:00"}}
    with closing(portal.client(reply(), reply(body=later))) as client:
        client.call(PROFILE)
        client.call(PROFILE)
        assert client.first_answer == GOOD["time"]


@pytest.mark.parametrize(
    "passing",
    [
        reply(503, {"error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests"}),
        reply(503, "<html>busy</html>"),
        reply(500, ""),
        reply(502, "<html>bad gateway</html>"),
        reply(500, {"error": "INTERNAL_SERVER_ERROR"}),
        reply(200, "<html>a proxy's page</html>"),
        reply(200, '{"result": [{"ID": "1"'),
        reply(200, [1, 2]),
        reply(401, {"error": "CONNECTION_ERROR"}),
        reply(429, {"error": "OPERATION_TIME_LIMIT"}),
    ],
    ids=["503", "503 html", "500 empty", "502", "500", "html", "cut off", "list", "401 connection", "429"],
)
def test_passing_failures_are_repeated(portal: Portal, passing: Reply) -> None:
    with closing(portal.client(passing, passing, reply())) as client:
        assert client.call(PROFILE).value == {"ID": "1"}
        assert client.requests == 3
    assert 2 <= len(portal.slept) <= 4, "a pause after each failure, and one for the bucket where it counts as full"
    assert all(seconds > 0 for seconds in portal.slept)


@pytest.mark.parametrize(
    ("final", "kind"),
    [
        (reply(401, {"error": "NO_AUTH_FOUND"}), AccessError),
        (reply(401, {"error": "INVALID_CREDENTIALS"}), AccessError),
        (reply(403, {"error": "ACCESS_DENIED"}), RejectedError),
        (reply(400, {"error": "", "error_description": "Access denied."}), RejectedError),
        (reply(400, {"error": 0}), RejectedError),
        (reply(200, {"error": "WRONG_ENCODING"}), RejectedError),
        (reply(504, "<html>gateway time-out</html>"), TooSlowError),
        (reply(302, "", Location="https://example.com/login"), AccessError),
    ],
    ids=["no auth", "credentials", "denied", "empty code", "zero", "encoding", "504", "redirect"],
)
def test_other_failures_are_not(portal: Portal, final: Reply, kind: type[PortalError]) -> None:
    with closing(portal.client(final)) as client:
        assert type(failure(lambda: client.call(PROFILE))) is kind
        assert client.requests == 1


def test_silence_is_given_up(portal: Portal) -> None:
    with closing(portal.client(reply(500, ""))) as client:
        assert isinstance(failure(lambda: client.call(PROFILE)), UnavailableError)
        assert client.requests == ATTEMPTS


def test_an_unreachable_host_is_named_without_its_address() -> None:
    credentials = webhook(f"http://127.0.0.1:1/rest/1/{SECRET}/")
    with closing(Client(credentials, RateLimiter(TARIFFS["standard"]), REST.dialects, sleep=lambda _: None)) as client:
        error = failure(lambda: client.call(PROFILE, attempts=DISCOVERY_ATTEMPTS))
    assert isinstance(error, UnavailableError)
    assert "cannot reach http://127.0.0.1:1" in str(error)


def test_a_moved_portal_is_followed_with_the_body(portal: Portal) -> None:
    moved = portal.url.replace("127.0.0.1", "localhost")
    with closing(portal.client(reply(301, "", Location=f"{moved}profile"), reply())) as client:
        assert client.call(PROFILE).value == {"ID": "1"}
        client.call(PROFILE)
    assert [body for _, body in portal.seen] == [{"a": [1, "Ё"]}] * 3


# Batches


def batch(**maps: Any) -> dict[str, Any]:
    """A batch answer."""
    names = ("result", "result_error", "result_total", "result_next", "result_time")
    return {"result": {name: maps.get(name, []) for name in names}, "time": {}}


def test_a_batch_is_one_request(portal: Portal) -> None:
    failed = {"c1": {"error": "", "error_description": "Access denied."}}
    with closing(portal.client(reply(body=batch(result={"c0": 1}, result_error=failed)))) as client:
        done, denied = client.batch([PROFILE, Command("scope")])
        assert client.requests == 1
    assert done == Result(1)
    assert isinstance(denied, RejectedError)
    path, body = portal.seen[0]
    assert path == f"/rest/1/{SECRET}/batch"
    assert list(body["cmd"]) == ["c0", "c1"]


def test_credentials_refused_inside_a_batch_end_everything(portal: Portal) -> None:
    answer = batch(result_error={"c0": {"error": "invalid_token"}})
    with closing(portal.client(reply(body=answer))) as client:
        assert isinstance(failure(lambda: client.batch([PROFILE])), AccessError)


def test_only_the_commands_that_failed_for_a_moment_are_repeated(portal: Portal) -> None:
    first = batch(
        result={"c0": 1},
        result_error={"c1": {"error": "INTERNAL_SERVER_ERROR"}, "c2": {"error": "insufficient_scope"}},
    )
    with closing(portal.client(reply(body=first), reply(body=batch(result={"c0": 2})))) as client:
        one, two, missing = client.batch_with_retries([Command("a"), Command("b"), Command("c")])
    assert (one, two) == (Result(1), Result(2))
    assert isinstance(missing, PortalError)
    assert [list(body["cmd"].values()) for _, body in portal.seen] == [["a?", "b?", "c?"], ["b?"]]
