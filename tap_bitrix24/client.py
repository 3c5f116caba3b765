"""The only place that sends data requests: one call, or one bundle of up to 50 commands, with retries."""

from __future__ import annotations

import logging
import random
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
    FaultyError,
    MissingMethodError,
    OperationLimitError,
    PortalError,
    RateLimitedError,
    RejectedError,
    RetriableError,
    TooSlowError,
    UnavailableError,
)
from tap_bitrix24.model.endpoint import REST_2, REST_3
from tap_bitrix24.model.message import Command, Message, Result
from tap_bitrix24.throttling.rate_limit import RateLimiter

LOG = logging.getLogger("tap-bitrix24.client")
ATTEMPTS = 7
"""Tries of a request the portal does not answer: about a minute and a half."""
FIRST_REQUEST_ATTEMPTS = 2
"""Tries of a run's first request."""
FAULTY_ATTEMPTS = 3
"""Tries where more of the same failure would block the key: VibeCode does after about twelve in an hour."""
PATIENCE = 900.0
"""Seconds to go on asking a portal that says 'too many' or 'budget used up': longer than its ten minutes."""
_GATEWAY_TIMEOUT = 504
_TOO_LARGE = 413
_NOT_THERE = 404
CHUNK_BYTES = 1 << 24
"""Bytes of an answer read at once."""
_T = TypeVar("_T")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def backoff_seconds(error: RetriableError, attempt: int) -> float:
    """Seconds to wait before the next try.

    Args:
        error: What happened; a spent budget needs a minute bucket to be forgotten, the rest a moment.
        attempt: 1 after the first failure.
    """
    longest = 60.0 if isinstance(error, OperationLimitError) else 30.0
    first = 15.0 if isinstance(error, OperationLimitError) else 1.0
    return max(error.after, min(longest, first * 2.0 ** (attempt - 1)) * random.uniform(0.75, 1.0))  # noqa: S311 - jitter


def should_retry(error: RetriableError, attempt: int, waited: float, attempts: int = ATTEMPTS) -> bool:
    """Whether to try once more: limits pass by waiting, silence is given up after a few tries."""
    if isinstance(error, (RateLimitedError, OperationLimitError)):
        return waited < PATIENCE
    return attempt < (min(attempts, FAULTY_ATTEMPTS) if isinstance(error, FaultyError) else attempts)


@dataclass(frozen=True, slots=True)
class _Reply:
    """What came over the wire."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def after(self) -> float:
        """Seconds we are told to wait before the next try; 0: we are not."""
        text = self.headers.get("Retry-After", "")
        return float(text) if text.isdecimal() else 0.0


class Client:
    """Talks to one portal. Not a stream; counts its requests."""

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
        """Open a session; it may be used from several threads at once.

        Args:
            credentials: Addresses and headers of the connection.
            rate_limiter: Says how long to wait before each request.
            dialects: Put commands into requests and read answers, by name.
            timeout: Seconds without an answer; the portal itself gives up after 60.
            connections: Requests that may be under way at once.
            verify: Path of a CA bundle, or True for the system's.
            sleep: Replaced in tests.
        """
        self.requests = 0
        self._counting = threading.Lock()
        self.first_answer: Mapping[str, Any] = {}
        """`time` of the first answer: the portal's clock at the start of the run."""
        self.first_date = ""
        """`Date` of the first answer, for servers that tell no other time."""
        self.dialects = dialects
        self._credentials = credentials
        self.rate_limiter = rate_limiter
        self._timeout = timeout
        self._sleep = sleep
        self._verify = verify
        self._session = requests.Session()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=connections))
        self._session.headers["User-Agent"] = f"tap-bitrix24/{__version__}"
        self._session.headers["Accept"] = "application/json"

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def call(self, command: Command, *, attempts: int = ATTEMPTS) -> Result:
        """Make one call, again if it fails for a moment.

        Args:
            command: Sent on its own, parameters as JSON.
            attempts: Fewer for the first request of a run: a mistyped host must not take minutes.

        Raises:
            PortalError: Of the type that says the recovery; retriable ones after the tries are used up.
        """
        return self._with_retries(partial(self._call, command), attempts)

    def batch(self, bundle: Sequence[Command], *, attempts: int = ATTEMPTS) -> list[Result | PortalError]:
        """Run up to 50 commands of one dialect in one request, in order; a failed one does not stop the others.

        Where it takes the others' answers with it, they are asked for one by one.

        Raises:
            PortalError: The request as a whole failed.
        """
        try:
            return self._with_retries(partial(self.try_batch, bundle), attempts)
        except (MissingMethodError, RejectedError):
            if not self.dialects[bundle[0].dialect].ALL_OR_NOTHING:
                raise
        return [self._settled(command, attempts) for command in bundle]

    def _settled(self, command: Command, attempts: int) -> Result | PortalError:
        try:
            return self.call(command, attempts=attempts)
        except (MissingMethodError, RejectedError) as error:
            return error

    def try_batch(self, bundle: Sequence[Command]) -> list[Result | PortalError]:
        """Send a bundle once, now: pacing and trying again are the caller's.

        Raises:
            PortalError: The request as a whole failed.
        """
        dialect = self.dialects[bundle[0].dialect]
        outer = self._once(dialect.batch(bundle), bundle[0].dialect, "batch")
        results = dialect.batch_results(outer, bundle)
        for result in results:
            if isinstance(result, AccessError):
                raise result
        if bundle[0].dialect == REST_2:
            self.rate_limiter.recognize_hosting([result.time for result in results if isinstance(result, Result)])
        return results

    def try_call(self, commands: Sequence[Command]) -> list[Result | PortalError]:
        """Send a call once, now, and bring what came of it in the form of a bundle of one.

        Raises:
            PortalError: It failed.
        """
        return [self._call(command) for command in commands]

    def batch_with_retries(
        self, commands: Sequence[Command], *, attempts: int = ATTEMPTS
    ) -> list[Result | PortalError]:
        """Run commands, fifty a request, and ask again for those that failed for a moment only.

        What is left out because of a passing error would look like something the portal does not have.

        Raises:
            PortalError: A request as a whole failed, or a command goes on failing.
        """
        bundles = [commands[start : start + BATCH_SIZE] for start in range(0, len(commands), BATCH_SIZE)]
        return [result for bundle in bundles for result in self._retry_failed_commands(bundle, attempts)]

    def _retry_failed_commands(self, bundle: Sequence[Command], attempts: int) -> list[Result | PortalError]:
        results = self.batch(bundle, attempts=attempts)
        attempt, waited = 1, 0.0
        while failed := {number: each for number, each in enumerate(results) if isinstance(each, RetriableError)}:
            error = next(iter(failed.values()))
            if not should_retry(error, attempt, waited):
                raise error
            seconds = backoff_seconds(error, attempt)
            LOG.warning("%s; trying again in %.0f s", error, seconds)
            self._sleep(seconds)
            attempt, waited = attempt + 1, waited + seconds
            for number, result in zip(failed, self.batch([bundle[number] for number in failed]), strict=True):
                results[number] = result
        return results

    def _with_retries(self, once: Callable[[], _T], attempts: int) -> _T:
        """Send when the pacer says so, again while there is hope."""
        attempt, waited = 0, 0.0
        while True:
            attempt += 1
            while (seconds := self.rate_limiter.acquire()) > 0:
                self._sleep(seconds)
            try:
                return once()
            except TooSlowError:
                raise
            except RetriableError as error:
                if isinstance(error, RateLimitedError):
                    self.rate_limiter.note_refusal()
                if not should_retry(error, attempt, waited, attempts):
                    raise
                seconds = backoff_seconds(error, attempt)
                LOG.warning("%s; trying again in %.0f s", error, seconds)
                self._sleep(seconds)
                waited += seconds

    def _call(self, command: Command) -> Result:
        result = self._once(self.dialects[command.dialect].call(command), command.dialect, command.method)
        if command.dialect == REST_2:
            self.rate_limiter.recognize_hosting([result.time])
        return result

    def _once(self, message: Message, dialect: str, method: str) -> Result:
        """Send, and once more with new credentials where these have expired."""
        headers = self._credentials.headers()
        try:
            return self._answer(message, dialect, method, headers)
        except (ExpiredError, DeniedError):
            if not self._credentials.renew(headers):
                raise
        return self._answer(message, dialect, method, self._credentials.headers())

    def _answer(self, message: Message, dialect: str, method: str, headers: Mapping[str, str]) -> Result:
        with self._counting:
            self.requests += 1
        with self.rate_limiter.measure():
            reply = self._send(message, self._credentials.address(message.path, dialect), method, headers)
            if reply.status in _REDIRECTS:
                address = self._redirected(reply.headers.get("Location", ""), message.path, dialect, method)
                reply = self._send(message, address, method, headers)
            self.first_date = self.first_date or reply.headers.get("Date", "")
            result = self._read(reply, dialect, method)
        self.first_answer = self.first_answer or result.time
        return result

    def _read(self, reply: _Reply, dialect: str, method: str) -> Result:
        """What a reply says."""
        speaks = self.dialects[dialect]
        try:
            body = speaks.decode(reply.content)
        except ValueError:
            raise _unreadable(reply, method, dialect) from None
        try:
            return speaks.result(body, reply.status, method)
        except PortalError as error:
            error.after = error.after or reply.after
            raise

    def _send(self, message: Message, address: str, method: str, headers: Mapping[str, str]) -> _Reply:
        """Send once. Redirects are not followed blindly: a 302 would turn the POST into a bare GET.

        The body is read in a few large parts: after each one the thread has to queue for the interpreter again,
        behind whoever converts rows, and by default there are hundreds.
        """
        try:
            response = self._session.request(
                message.verb,
                address,
                params=message.query or None,
                data=None if message.body is None else orjson.dumps(message.body),
                headers=headers if message.body is None else {"Content-Type": "application/json", **headers},
                timeout=(min(15.0, self._timeout), self._timeout),
                allow_redirects=False,
                stream=True,
                verify=self._verify,  # with each request: REQUESTS_CA_BUNDLE would override the session's
            )
            content = b"".join(response.iter_content(CHUNK_BYTES))
            return _Reply(response.status_code, response.headers, content)
        except requests.exceptions.SSLError:
            text = (
                f"{self._credentials.host}: the TLS certificate is not trusted; set ca_bundle to the CA that signed it"
            )
            raise AccessError(text, method=method) from None
        except requests.exceptions.ReadTimeout:
            text = f"{method}: no answer from {self._credentials.host} within {self._timeout:.0f} s"
            raise TooSlowError(text, method=method) from None
        except requests.exceptions.RequestException as error:
            text = f"{method}: cannot reach {self._credentials.host} ({_reason(error)})"
            raise UnavailableError(text, method=method) from None

    def post_form(self, address: str, form: Mapping[str, str]) -> tuple[int, bytes]:
        """Ask an authorization server; counts as a request."""
        with self._counting:
            self.requests += 1
        return post_form(address, form, verify=self._verify)

    def _redirected(self, location: str, path: str, dialect: str, method: str) -> str:
        """The same call at the portal's new address; the secret goes nowhere but to a REST path over https."""
        old, new = urlsplit(self._credentials.address(path, dialect)), urlsplit(location)
        if new.path != old.path or new.scheme not in {"https", old.scheme}:
            where = new.netloc or "a page"
            text = f"{method}: {self._credentials.host} redirects to {where}; correct its address in the settings"
            raise AccessError(text, method=method)
        LOG.warning("%s has moved to %s: change the address in the settings", self._credentials.host, new.netloc)
        self._credentials = self._credentials.at_host(f"{new.scheme}://{new.netloc}")
        return self._credentials.address(path, dialect)


def post_form(address: str, form: Mapping[str, str], *, verify: str | bool) -> tuple[int, bytes]:
    """Post a form; redirects are not followed, for it holds secrets.

    Args:
        address: Where to.
        form: Its fields.
        verify: Path of a CA bundle, or True for the system's.

    Raises:
        UnavailableError: There is no answer.
    """
    host = urlsplit(address).netloc
    try:
        reply = requests.post(address, data=form, timeout=(15, 60), allow_redirects=False, verify=verify)
    except requests.exceptions.RequestException as error:
        text = f"oauth/token: cannot reach {host} ({_reason(error)})"
        raise UnavailableError(text, method="oauth/token") from None
    return reply.status_code, reply.content


def _unreadable(reply: _Reply, method: str, dialect: str) -> PortalError:
    status = reply.status
    if status in (_GATEWAY_TIMEOUT, _TOO_LARGE):
        return TooSlowError(f"{method}: the portal's gateway gave up (HTTP {status})", method=method)
    if status == _NOT_THERE and dialect == REST_3:  # a server that does not know it at all
        return MissingMethodError(f"{method}: this server has no such address (HTTP {status})", method=method)
    kind = "an empty answer" if not reply.content else "an answer that is no JSON"
    error = RateLimitedError if status == requests.codes.service_unavailable else UnavailableError
    return error(f"{method}: {kind} (HTTP {status})", method=method, after=reply.after)


def _reason(error: Exception) -> str:
    """What went wrong, in a word; the exception's own text holds the URL."""
    inner: BaseException = error
    while inner.args and isinstance(inner.args[-1], BaseException):
        inner = inner.args[-1]
    reason = getattr(inner, "reason", None)
    return type(reason if isinstance(reason, BaseException) else inner).__name__
