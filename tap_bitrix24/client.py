"""The only place that sends requests to a portal: one call or one batch of up to 50 commands, each JSON over HTTP.

`try_call` and `try_batch` send once: the scheduler decides when, and repeats them. `call`, `batch` and
`batch_with_retries` wait for the rate limiter and repeat what fails for a moment: the first request of a run, discovery
and counting use them, and are as patient as the scheduler. Whether a request is repeated, and when, is decided in
`retries.py`; what an answer means, in the dialect.
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeGuard, TypeVar
from urllib.parse import urlsplit

import orjson
import requests
from requests.adapters import HTTPAdapter

from tap_bitrix24 import __version__
from tap_bitrix24.auth.credentials import Credentials
from tap_bitrix24.dialects import BATCH_SIZE, Dialect
from tap_bitrix24.dialects.gateway import unreadable
from tap_bitrix24.errors import (
    AccessError,
    DeniedError,
    ExpiredError,
    MissingMethodError,
    PortalError,
    RateLimitedError,
    RejectedError,
    RetriableError,
    TooSlowError,
    UnavailableError,
)
from tap_bitrix24.model.endpoint import REST_V2
from tap_bitrix24.model.message import Command, Message, Reply, Result
from tap_bitrix24.retries import Retry, log_retry
from tap_bitrix24.throttling.rate_limit import RateLimiter

LOG = logging.getLogger("tap-bitrix24.client")
CHUNK_BYTES = 1 << 24
"""Bytes of an answer read at once."""
_CONNECT_SECONDS = 15.0
_TOKEN_TIMEOUT = (_CONNECT_SECONDS, 60.0)
"""Seconds to connect to an authorization server, and to wait for its answer."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_T = TypeVar("_T")

Check = Callable[[int, Result], object]
"""Called with the position of a command and its result; raises PortalError if the result is unusable."""


class Client:
    """The HTTP client of one portal; counts its requests. Not a stream, as in the SDK's templates."""

    def __init__(
        self,
        credentials: Credentials,
        rate_limiter: RateLimiter,
        dialects: Mapping[str, Dialect],
        *,
        timeout: float = 75.0,
        connections: int = 1,
        verify: str | bool = True,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Open a session; several threads may use it at once.

        Args:
            credentials: Addresses and headers of the connection.
            rate_limiter: Gives the seconds to wait before each request.
            dialects: Write commands as HTTP requests and read the answers, by name.
            timeout: Seconds to wait for an answer; the portal itself gives up after 60.
            connections: Most requests at the same time.
            verify: Path of a CA bundle, or True for the system's.
            sleep: Replaced in tests.
        """
        self.requests = 0
        """HTTP requests sent so far."""
        self.first_answer: Mapping[str, Any] = {}
        """`time` of the first answer: the portal's clock at the start of the run."""
        self.first_date = ""
        """Header `Date` of the first answer, for servers whose answers hold no other time."""
        self.dialects = dialects
        self.rate_limiter = rate_limiter
        self._credentials = credentials
        self._timeout, self._sleep, self._verify = timeout, sleep, verify
        self._count_lock = threading.Lock()
        self._session = requests.Session()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=connections))
        self._session.headers.update({"User-Agent": f"tap-bitrix24/{__version__}", "Accept": "application/json"})

    @property
    def portal_url(self) -> str:
        """Address of the portal; its new one if it has moved."""
        return self._credentials.portal_url

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    # Once, for the scheduler

    def try_call(self, commands: Sequence[Command]) -> list[Result | PortalError]:
        """Send each command as a request of its own, once and now, or raise; the results have a batch's form."""
        return [self._call(command) for command in commands]

    def try_batch(self, commands: Sequence[Command]) -> list[Result | PortalError]:
        """Send up to 50 commands of one dialect as one request, once and now.

        Returns:
            For each command its result, or the error that is its own.

        Raises:
            PortalError: The request as a whole failed, or a command found the credentials invalid.
        """
        name = commands[0].dialect
        dialect = self.dialects[name]
        outer = self._send(dialect.batch(commands), name, "batch")
        results = dialect.batch_results(outer, commands)
        for result in results:
            if isinstance(result, AccessError):
                raise result
        self._recognize_hosting(name, [result for result in results if isinstance(result, Result)])
        return results

    # With retries, for the first request, discovery and counting

    def call(self, command: Command) -> Result:
        """Send one command, its parameters as JSON, and repeat it if it fails for a moment.

        Raises:
            PortalError: Of the type that says the recovery; retriable ones after the last attempt.
        """
        return self._with_retries(partial(self._call, command))

    def batch(self, commands: Sequence[Command]) -> list[Result | PortalError]:
        """Send up to 50 commands of one dialect as one request, and repeat it if it fails as a whole for a moment.

        One command may be why all others have no answer: a request that is refused as a whole, or takes too long, is
        sent again in halves. In some dialects a command that is refused takes the others' answers with it: there each
        is sent by itself.

        Returns:
            For each command its result, or the error that is its own: a failed one does not stop the others.

        Raises:
            PortalError: The request failed, and not because of one of its commands.
        """
        return self._batch(commands, narrowed=False)

    def _batch(self, commands: Sequence[Command], *, narrowed: bool) -> list[Result | PortalError]:
        """Send commands in one request, in smaller ones where that fails; `narrowed`: these are a part of one."""
        try:
            return self._with_retries(partial(self.try_batch, commands), alone=len(commands) == 1)
        except (TooSlowError, MissingMethodError, RejectedError) as error:
            if len(commands) == 1:
                return [error]
            by_itself = self.dialects[commands[0].dialect].ALL_OR_NOTHING and not isinstance(error, TooSlowError)
            if not (narrowed or by_itself) and self._fails_alike(commands, error):
                raise
            LOG.warning("%s; sending its %d commands in smaller requests", error, len(commands))
        size = 1 if by_itself else (len(commands) + 1) // 2
        parts = [commands[start : start + size] for start in range(0, len(commands), size)]
        return [result for part in parts for result in self._batch(part, narrowed=True)]

    def _fails_alike(self, commands: Sequence[Command], failure: PortalError) -> bool:
        """Return whether the first and the last command fail alike: then the request does, whatever it holds."""
        alone = (result for ends in (commands[:1], commands[-1:]) for result in self._batch(ends, narrowed=True))
        return all(isinstance(each, type(failure)) and each.code == failure.code for each in alone)

    def batch_with_retries(self, commands: Sequence[Command], check: Check | None = None) -> list[Result | PortalError]:
        """Send any number of commands, 50 a request, and repeat those that fail for a moment.

        A command left out because of a passing error would look like something the portal does not have.

        Args:
            commands: The commands.
            check: Raises for a result that is none: a `DoubtfulError` has its command repeated.

        Returns:
            For each command its result, or the error that is its own after the last attempt. Raises PortalError if a
            request fails as a whole.
        """
        batches = [(start, commands[start : start + BATCH_SIZE]) for start in range(0, len(commands), BATCH_SIZE)]
        return [result for start, batch in batches for result in self._repeat_failed_commands(batch, start, check)]

    def _repeat_failed_commands(
        self, commands: Sequence[Command], first: int, check: Check | None
    ) -> list[Result | PortalError]:
        """Return the result of each command, or the error it ended with; `first` is the first one's position."""
        results: dict[int, Result | PortalError] = {}
        retries = [Retry() for _ in commands]
        waiting = list(range(len(commands)))
        while waiting:
            for index, result in zip(waiting, self.batch([commands[index] for index in waiting]), strict=True):
                results[index] = _checked(result, first + index, check)
            failed = {index: error for index, error in results.items() if _passes(error)}
            delays = {index: retries[index].next_delay(error) for index, error in failed.items() if index in waiting}
            waiting = [index for index, seconds in delays.items() if seconds is not None]
            if waiting:
                self._pause([failed[index] for index in waiting], max(filter(None, delays.values())))
        ended = [results[index] for index in range(len(commands))]
        return [each.settled() if isinstance(each, PortalError) else each for each in ended]

    def _with_retries(self, send: Callable[[], _T], *, alone: bool = True) -> _T:
        """Return what `send` returns; a request that took too long is repeated only if it cannot be made smaller.

        Args:
            send: Sends a request once.
            alone: It holds one command.

        Raises:
            PortalError: After the last attempt, or an error that repeating cannot help.
        """
        retry = Retry()
        while True:
            while (seconds := self.rate_limiter.acquire()) > 0:
                self._sleep(seconds)
            try:
                return send()
            except RetriableError as error:
                if isinstance(error, TooSlowError) and not alone:
                    raise
                self.note_failure(error)
                delay = retry.next_delay(error)
                if delay is None:
                    raise error.settled() from None
                self._pause([error], delay)

    def _pause(self, errors: Sequence[RetriableError], seconds: float) -> None:
        """Wait until the next attempt at what failed with these errors."""
        log_retry(errors, seconds)
        self._sleep(seconds)

    def note_failure(self, error: RetriableError) -> None:
        """Slow down after a request was refused for the rate: others use up the same portal's rate limit."""
        if isinstance(error, RateLimitedError):
            self.rate_limiter.note_refusal()

    # HTTP

    def _call(self, command: Command) -> Result:
        result = self._send(self.dialects[command.dialect].call(command), command.dialect, command.method)
        self._recognize_hosting(command.dialect, [result])
        return result

    def _recognize_hosting(self, dialect: str, results: Sequence[Result]) -> None:
        """Let the rate limiter see whether the portal is self-hosted: only classic REST shows it."""
        if dialect == REST_V2:
            self.rate_limiter.recognize_hosting([result.time for result in results])

    def _send(self, message: Message, dialect: str, method: str) -> Result:
        """Send a request, and once more with renewed credentials if they have expired."""
        headers = self._credentials.headers()
        try:
            return self._request(message, dialect, method, headers)
        except (ExpiredError, DeniedError):
            if not self._credentials.renew(headers):
                raise
        return self._request(message, dialect, method, self._credentials.headers())

    def _request(self, message: Message, dialect: str, method: str, headers: Mapping[str, str]) -> Result:
        """Send a request and return the result its answer holds; follows a portal that has moved."""
        self._count_request()
        with self.rate_limiter.measure():
            reply = self._post(message, self._credentials.address(message.path, dialect), method, headers)
            if reply.status in _REDIRECTS:
                address = self._redirected(reply.headers.get("Location", ""), message.path, dialect, method)
                reply = self._post(message, address, method, headers)
            self.first_date = self.first_date or reply.headers.get("Date", "")
            result = self._parse(reply, dialect, method)
        self.first_answer = self.first_answer or result.time
        return result

    def _count_request(self) -> None:
        with self._count_lock:
            self.requests += 1

    def _post(self, message: Message, address: str, method: str, headers: Mapping[str, str]) -> Reply:
        """Send one HTTP request. Redirects are not followed by themselves: a 302 would turn the POST into a bare GET.

        The body is read in a few large parts: after each one the thread has to queue for the interpreter again,
        behind the one that converts rows, and by default there are hundreds.
        """
        host = self._credentials.host
        try:
            response = self._session.request(
                message.verb,
                address,
                params=message.query or None,
                data=None if message.body is None else orjson.dumps(message.body),
                headers=headers if message.body is None else {"Content-Type": "application/json", **headers},
                timeout=(min(_CONNECT_SECONDS, self._timeout), self._timeout),
                allow_redirects=False,
                stream=True,
                verify=self._verify,  # with each request: REQUESTS_CA_BUNDLE would override the session's
            )
            content = b"".join(response.iter_content(CHUNK_BYTES))
            return Reply(response.status_code, response.headers, content)
        except requests.exceptions.ReadTimeout:
            text = f"{method}: no answer from {host} within {self._timeout:.0f} s"
            raise TooSlowError(text, method=method) from None
        except requests.exceptions.RequestException as error:
            raise _no_answer(error, host, method) from None

    def _parse(self, reply: Reply, dialect: str, method: str) -> Result:
        """Return the result in a reply.

        Raises:
            PortalError: It holds an error, or no answer of the API.
        """
        reader = self.dialects[dialect]
        try:
            body = reader.decode(reply.content)
        except ValueError:
            raise unreadable(reply, method, dialect) from None
        try:
            return reader.result(body, reply.status, method)
        except PortalError as error:
            error.retry_after = error.retry_after or reply.retry_after
            raise

    def _redirected(self, location: str, path: str, dialect: str, method: str) -> str:
        """Return the same call's address at the portal's new host, and use that host from now on.

        Raises:
            AccessError: The redirect leads elsewhere; the secret goes nowhere but to a REST path over https.
        """
        old, new = urlsplit(self._credentials.address(path, dialect)), urlsplit(location)
        if new.path != old.path or new.scheme not in {"https", old.scheme}:
            where = new.netloc or "a page"
            text = f"{method}: {self._credentials.host} redirects to {where}; correct its address in the settings"
            raise AccessError(text, method=method)
        LOG.warning("%s has moved to %s: change the address in the settings", self._credentials.host, new.netloc)
        self._credentials = self._credentials.at_host(f"{new.scheme}://{new.netloc}")
        return self._credentials.address(path, dialect)

    def post_form(self, address: str, form: Mapping[str, str]) -> tuple[int, bytes]:
        """Post a form to an authorization server and return status and body; counts as a request."""
        self._count_request()
        return post_form(address, form, verify=self._verify)


def post_form(address: str, form: Mapping[str, str], *, verify: str | bool) -> tuple[int, bytes]:
    """Post a form and return status and body; redirects are not followed, because the form holds secrets.

    Args:
        address: Of the authorization server.
        form: Field → value.
        verify: Path of a CA bundle, or True for the system's.

    Raises:
        PortalError: No answer came, or the server's certificate is not trusted.
    """
    try:
        reply = requests.post(address, data=form, timeout=_TOKEN_TIMEOUT, allow_redirects=False, verify=verify)
    except requests.exceptions.RequestException as error:
        raise _no_answer(error, urlsplit(address).netloc, "oauth/token") from None
    return reply.status_code, reply.content


def _checked(result: Result | PortalError, position: int, check: Check | None) -> Result | PortalError:
    """Return a result, or what the check finds wrong with it."""
    if check is None or isinstance(result, PortalError):
        return result
    try:
        check(position, result)
    except PortalError as error:
        return error
    return result


def _no_answer(error: requests.exceptions.RequestException, host: str, method: str) -> PortalError:
    """Return the error for a request without an answer; its text never holds the URL, as the exception's own does.

    Only a certificate that is not trusted stays so: a TLS connection that breaks off is one that is down for a moment.
    """
    inner = _innermost(error)
    if isinstance(inner, ssl.SSLCertVerificationError):
        text = f"{host}: the TLS certificate is not trusted; set ca_bundle to the CA that signed it"
        return AccessError(text, method=method)
    return UnavailableError(f"{method}: cannot reach {host} ({type(inner).__name__})", method=method)


def _passes(result: Result | PortalError) -> TypeGuard[RetriableError]:
    """Whether a command's error may pass; one that took too long has been repeated by itself already."""
    return isinstance(result, RetriableError) and not isinstance(result, TooSlowError)


def _innermost(error: BaseException) -> BaseException:
    """Return the exception that caused another one, and is wrapped in it."""
    inner = getattr(error, "reason", None) or next(reversed(error.args), None)
    return _innermost(inner) if isinstance(inner, BaseException) else error
