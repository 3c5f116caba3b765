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
from tap_bitrix24.client import Client
from tap_bitrix24.connections import REST
from tap_bitrix24.errors import (
    AccessError,
    DoubtfulError,
    PortalError,
    RejectedError,
    RetriableError,
    TooSlowError,
    UnavailableError,
    UnreadableError,
)
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.retries import ATTEMPTS, DOUBTFUL_ATTEMPTS
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
    answer: Callable[[list[str]], Reply] | None = None
    """Answers to the commands of a batch, in place of the script."""

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
            scripted = playing.script.pop(0) if len(playing.script) > 1 else playing.script[0]
            status, data, headers = (
                playing.answer(list(playing.seen[-1][1]["cmd"].values())) if playing.answer else scripted
            )
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
        reply(504, "<html>gateway time-out</html>"),
        reply(400, {"error": "ERROR_CORE", "error_description": "SQL query error!"}),
    ],
    ids=[
        "503",
        "503 html",
        "500 empty",
        "502",
        "500",
        "html",
        "cut off",
        "list",
        "401 connection",
        "429",
        "504",
        "busy database",
    ],
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
        (reply(200, {"error": "WRONG_ENCODING"}), UnreadableError),
        (reply(302, "", Location="https://example.com/login"), AccessError),
    ],
    ids=["no auth", "credentials", "denied", "empty code", "encoding", "redirect"],
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
        error = failure(lambda: client.call(PROFILE))
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


REFUSED = reply(400, {"error": "", "error_description": "Access denied."})


def test_a_command_that_keeps_failing_is_its_own_error(portal: Portal) -> None:
    """It takes neither the other commands' answers with it, nor longer than any other request."""
    first = batch(result={"c0": 1}, result_error={"c1": {"error": "INTERNAL_SERVER_ERROR"}})
    again = batch(result_error={"c0": {"error": "INTERNAL_SERVER_ERROR"}})
    with closing(portal.client(reply(body=first), reply(body=again))) as client:
        one, broken = client.batch_with_retries([Command("a"), Command("b")])
        assert client.requests == ATTEMPTS
    assert one == Result(1)
    assert isinstance(broken, RetriableError)


def test_a_refusal_in_doubt_is_repeated_and_then_a_refusal(portal: Portal) -> None:
    busy = batch(result_error={"c0": {"error": "ERROR_CORE", "error_description": "SQL query error!"}})
    with closing(portal.client(reply(body=busy))) as client:
        (refused,) = client.batch_with_retries([Command("a")])
        assert client.requests == DOUBTFUL_ATTEMPTS
    assert type(refused) is RejectedError


def test_a_result_that_is_none_is_asked_for_again(portal: Portal) -> None:
    def check(position: int, result: Result) -> None:
        assert position == 0
        if result.value is None:
            text = "a: no rows"
            raise DoubtfulError(text)

    empty, good = reply(body=batch(result={"c0": None})), reply(body=batch(result={"c0": [1]}))
    with closing(portal.client(empty, good)) as client:
        assert client.batch_with_retries([Command("a")], check) == [Result([1])]


def test_a_batch_refused_because_of_one_command_is_narrowed_down_to_it(portal: Portal) -> None:
    def answer(commands: list[str]) -> Reply:
        if "bad?" in commands:
            return reply(body={"error": "WRONG_ENCODING"})
        return reply(body=batch(result={f"c{number}": name for number, name in enumerate(commands)}))

    names = ["a", "b", "bad", "c", "d"]
    with closing(portal.client(reply())) as client:
        portal.answer = answer
        results = client.batch([Command(name) for name in names])
    assert [each.value if isinstance(each, Result) else type(each) for each in results] == [
        "a?", "b?", UnreadableError, "c?", "d?"
    ]  # fmt: skip


def test_a_batch_whose_first_and_last_command_are_refused_alike_is_refused(portal: Portal) -> None:
    with closing(portal.client(REFUSED)) as client:
        assert type(failure(lambda: client.batch([Command(name) for name in "abcdefgh"]))) is RejectedError
        assert client.requests == 3


def test_a_batch_that_takes_too_long_is_sent_in_halves(portal: Portal) -> None:
    halves = [reply(body=batch(result={"c0": 1, "c1": 2})), reply(body=batch(result={"c0": 3, "c1": 4}))]
    first_alone = reply(body=batch(result={"c0": 1}))
    with closing(portal.client(reply(504, "<html>"), first_alone, *halves)) as client:
        results = client.batch([Command(name) for name in "abcd"])
    assert results == [Result(number) for number in (1, 2, 3, 4)]
    assert [list(body["cmd"].values()) for _, body in portal.seen[1:]] == [["a?"], ["a?", "b?"], ["c?", "d?"]]


def test_a_portal_whose_gateway_always_gives_up_is_not_asked_command_by_command(portal: Portal) -> None:
    with closing(portal.client(reply(504, "<html>"))) as client:
        assert type(failure(lambda: client.batch([Command(name) for name in "abcdefgh"]))) is TooSlowError
        assert client.requests == 1 + 2 * ATTEMPTS


def test_a_command_that_always_takes_too_long_is_repeated_once_over(portal: Portal) -> None:
    def answer(commands: list[str]) -> Reply:
        if "slow?" in commands:
            return reply(504, "<html>")
        return reply(body=batch(result={f"c{number}": name for number, name in enumerate(commands)}))

    with closing(portal.client(reply())) as client:
        portal.answer = answer
        results = client.batch_with_retries([Command(name) for name in ("a", "slow", "b")])
        assert client.requests < 2 * ATTEMPTS
    assert [type(each) for each in results] == [Result, TooSlowError, Result]
