"""The only place that sends requests to a portal: one call or one batch of up to 50 commands, each JSON over HTTP.

`try_call` and `try_batch` send once: the scheduler decides when, and repeats them. `call`, `batch` and
`batch_with_retries` wait for the rate limiter and repeat what fails for a moment: discovery and counting use them.
Whether a request is repeated, and when, is decided in `retries.py`; what an answer means, in the dialect.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

import orjson
import requests
from requests.adapters import HTTPAdapter

from tap_bitrix24 import __version__
from tap_bitrix24.auth.credentials import Credentials
from tap_bitrix24.dialects import BATCH_SIZE, Dialect
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
from tap_bitrix24.model.endpoint import REST_V2, REST_V3
from tap_bitrix24.model.message import Command, Message, Result
from tap_bitrix24.retries import ATTEMPTS, Retry, log_retry
from tap_bitrix24.throttling.rate_limit import RateLimiter

LOG = logging.getLogger("tap-bitrix24.client")
DISCOVERY_ATTEMPTS = 2
"""Attempts at each request of discovery: a mistyped host must not take minutes to fail."""
CHUNK_BYTES = 1 << 24
"""Bytes of an answer read at once."""
_CONNECT_SECONDS = 15.0
_TOKEN_TIMEOUT = (_CONNECT_SECONDS, 60.0)
"""Seconds to connect to an authorization server, and to wait for its answer."""
_NOT_FOUND = 404
_CONTENT_TOO_LARGE = 413
_GATEWAY_TIMEOUT = 504
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Reply:
    """An HTTP response whose body has been read."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def retry_after(self) -> float:
        """Seconds the server asks to wait before the next request; 0 if it does not say."""
        text = self.headers.get("Retry-After", "")
        return float(text) if text.isdecimal() else 0.0


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
        self._timeout = timeout
        self._sleep = sleep
        self._verify = verify
        self._count_lock = threading.Lock()
        self._session = requests.Session()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=connections))
        self._session.headers["User-Agent"] = f"tap-bitrix24/{__version__}"
        self._session.headers["Accept"] = "application/json"

    @property
    def portal_url(self) -> str:
        """Address of the portal; its new one if it has moved."""
        return self._credentials.portal_url

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    # Once, for the scheduler

    def try_call(self, commands: Sequence[Command]) -> list[Result | PortalError]:
        """Send each command as a request of its own, once and now; the results have the form of a batch's.

        Raises:
            PortalError: A request failed.
        """
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

    # With retries, for discovery and counting

    def call(self, command: Command, *, attempts: int = ATTEMPTS) -> Result:
        """Send one command, its parameters as JSON, and repeat it if it fails for a moment.

        Args:
            command: The command.
            attempts: Most attempts while the portal does not answer; refusals for the rate (503) and for operating
                time (429) are waited for 15 minutes however many there are.

        Raises:
            PortalError: Of the type that says the recovery; retriable ones after the last attempt.
        """
        return self._with_retries(partial(self._call, command), attempts)

    def batch(self, commands: Sequence[Command], *, attempts: int = ATTEMPTS) -> list[Result | PortalError]:
        """Send up to 50 commands of one dialect as one request, and repeat it if it fails as a whole for a moment.

        In some dialects a command that is refused takes the others' answers with it: there each is sent by itself then.

        Returns:
            For each command its result, or the error that is its own: a failed one does not stop the others.

        Raises:
            PortalError: The request as a whole failed.
        """
        try:
            return self._with_retries(partial(self.try_batch, commands), attempts)
        except (MissingMethodError, RejectedError):
            if not self.dialects[commands[0].dialect].ALL_OR_NOTHING:
                raise
        return [self._result_or_refusal(command, attempts) for command in commands]

    def _result_or_refusal(self, command: Command, attempts: int) -> Result | PortalError:
        try:
            return self.call(command, attempts=attempts)
        except (MissingMethodError, RejectedError) as error:
            return error

    def batch_with_retries(
        self, commands: Sequence[Command], *, attempts: int = ATTEMPTS
    ) -> list[Result | PortalError]:
        """Send any number of commands, 50 a request, and repeat those that fail for a moment.

        A command left out because of a passing error would look like something the portal does not have.

        Raises:
            PortalError: A request as a whole failed, or a command kept failing.
        """
        batches = [commands[start : start + BATCH_SIZE] for start in range(0, len(commands), BATCH_SIZE)]
        return [result for batch in batches for result in self._repeat_failed_commands(batch, attempts)]

    def _repeat_failed_commands(self, commands: Sequence[Command], attempts: int) -> list[Result | PortalError]:
        results = self.batch(commands, attempts=attempts)
        retry = Retry()
        while failed := {index: result for index, result in enumerate(results) if isinstance(result, RetriableError)}:
            self._wait_before_retry(retry, next(iter(failed.values())))
            repeated = self.batch([commands[index] for index in failed])
            for index, result in zip(failed, repeated, strict=True):
                results[index] = result
        return results

    def _with_retries(self, send: Callable[[], _T], attempts: int) -> _T:
        """Return what `send` returns; a request that took too long is not repeated, for it would again."""
        retry = Retry(attempts)
        while True:
            while (seconds := self.rate_limiter.acquire()) > 0:
                self._sleep(seconds)
            try:
                return send()
            except TooSlowError:
                raise
            except RetriableError as error:
                self.note_failure(error)
                self._wait_before_retry(retry, error)

    def _wait_before_retry(self, retry: Retry, error: RetriableError) -> None:
        """Wait until the next attempt.

        Raises:
            RetriableError: There is none.
        """
        if (seconds := retry.next_delay(error)) is None:
            raise error
        log_retry([error], seconds)
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

    def _post(self, message: Message, address: str, method: str, headers: Mapping[str, str]) -> _Reply:
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
            return _Reply(response.status_code, response.headers, content)
        except requests.exceptions.SSLError:
            text = f"{host}: the TLS certificate is not trusted; set ca_bundle to the CA that signed it"
            raise AccessError(text, method=method) from None
        except requests.exceptions.ReadTimeout:
            text = f"{method}: no answer from {host} within {self._timeout:.0f} s"
            raise TooSlowError(text, method=method) from None
        except requests.exceptions.RequestException as error:
            text = f"{method}: cannot reach {host} ({_reason(error)})"
            raise UnavailableError(text, method=method) from None

    def _parse(self, reply: _Reply, dialect: str, method: str) -> Result:
        """Return the result in a reply.

        Raises:
            PortalError: It holds an error, or no answer of the API.
        """
        reader = self.dialects[dialect]
        try:
            body = reader.decode(reply.content)
        except ValueError:
            raise _unreadable(reply, method, dialect) from None
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
        UnavailableError: No answer came.
    """
    host = urlsplit(address).netloc
    try:
        reply = requests.post(address, data=form, timeout=_TOKEN_TIMEOUT, allow_redirects=False, verify=verify)
    except requests.exceptions.RequestException as error:
        text = f"oauth/token: cannot reach {host} ({_reason(error)})"
        raise UnavailableError(text, method="oauth/token") from None
    return reply.status_code, reply.content


def _unreadable(reply: _Reply, method: str, dialect: str) -> PortalError:
    """Return the error for a reply whose body is not the API's: a gateway, a proxy or a server without the API."""
    status = reply.status
    if status in (_GATEWAY_TIMEOUT, _CONTENT_TOO_LARGE):
        return TooSlowError(f"{method}: the portal's gateway gave up (HTTP {status})", method=method)
    if status == _NOT_FOUND and dialect == REST_V3:  # a server older than REST 3.0
        return MissingMethodError(f"{method}: this server has no such address (HTTP {status})", method=method)
    kind = "an empty answer" if not reply.content else "an answer that is not JSON"
    error = RateLimitedError if status == requests.codes.service_unavailable else UnavailableError
    return error(f"{method}: {kind} (HTTP {status})", method=method, retry_after=reply.retry_after)


def _reason(error: Exception) -> str:
    """Return the innermost exception's type as the reason; the exception's own text holds the URL."""
    inner: BaseException = error
    while inner.args and isinstance(inner.args[-1], BaseException):
        inner = inner.args[-1]
    reason = getattr(inner, "reason", None)
    return type(reason if isinstance(reason, BaseException) else inner).__name__
