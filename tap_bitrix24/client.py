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
from tap_bitrix24.auth import Door
from tap_bitrix24.dialects import Dialect
from tap_bitrix24.errors import (
    AccessError,
    OperationLimitError,
    PortalError,
    RateLimitedError,
    RetriableError,
    TooSlowError,
    UnavailableError,
)
from tap_bitrix24.model import Command, Result
from tap_bitrix24.pacing import Pacer

LOG = logging.getLogger("tap-bitrix24.client")
ATTEMPTS = 7
"""Tries of a request the portal does not answer: about a minute and a half."""
FEW_ATTEMPTS = 2
"""Tries of a run's first request."""
PATIENCE = 900.0
"""Seconds to go on asking a portal that says 'too many' or 'budget used up': longer than its ten minutes."""
_GATEWAY_TIMEOUT = 504
_TOO_LARGE = 413
PART = 1 << 24
"""Bytes of an answer read at once."""
_T = TypeVar("_T")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def pause(error: RetriableError, attempt: int) -> float:
    """Seconds to wait before the next try.

    Args:
        error: What happened; a spent budget needs a minute bucket to be forgotten, the rest a moment.
        attempt: 1 after the first failure.
    """
    longest = 60.0 if isinstance(error, OperationLimitError) else 30.0
    first = 15.0 if isinstance(error, OperationLimitError) else 1.0
    return min(longest, first * 2.0 ** (attempt - 1)) * random.uniform(0.75, 1.0)  # noqa: S311 - jitter


def again(error: RetriableError, attempt: int, waited: float, attempts: int = ATTEMPTS) -> bool:
    """Whether to try once more: limits pass by waiting, silence is given up after a few tries."""
    if isinstance(error, (RateLimitedError, OperationLimitError)):
        return waited < PATIENCE
    return attempt < attempts


@dataclass(frozen=True, slots=True)
class _Reply:
    """What came over the wire."""

    status: int
    location: str
    content: bytes


class Client:
    """Talks to one portal. Not a stream; counts its requests."""

    def __init__(
        self,
        door: Door,
        pacer: Pacer,
        dialect: Dialect,
        *,
        timeout: float = 75.0,
        connections: int = 1,
        verify: str | bool = True,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Open a session; it may be used from several threads at once.

        Args:
            door: The credentials.
            pacer: Says how long to wait before each request.
            dialect: Puts commands into bodies and reads answers.
            timeout: Seconds without an answer; the portal itself gives up after 60.
            connections: Requests that may be under way at once.
            verify: Path of a CA bundle, or True for the system's.
            sleep: Replaced in tests.
        """
        self.requests = 0
        self._counting = threading.Lock()
        self.first_answer: Mapping[str, Any] = {}
        """`time` of the first answer: the portal's clock at the start of the run."""
        self.dialect = dialect
        self._door = door
        self.pacer = pacer
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
        return self._persist(partial(self._once, command.method, command.params), attempts)

    def bundle(self, bundle: Sequence[Command], *, attempts: int = ATTEMPTS) -> list[Result | PortalError]:
        """Run up to 50 commands in one request, in order; a failed one does not stop the others.

        Raises:
            PortalError: The request as a whole failed.
        """
        return self._persist(partial(self.try_bundle, bundle), attempts)

    def try_bundle(self, bundle: Sequence[Command]) -> list[Result | PortalError]:
        """Send a bundle once, now: pacing and trying again are the caller's.

        Raises:
            PortalError: The request as a whole failed.
        """
        outer = self._once("batch", self.dialect.bundle_body(bundle))
        results = self.dialect.bundle_results(outer, bundle)
        for result in results:
            if isinstance(result, AccessError):
                raise result
        return results

    def try_call(self, commands: Sequence[Command]) -> list[Result | PortalError]:
        """Send a call once, now, and bring what came of it in the form of a bundle of one.

        Raises:
            PortalError: It failed.
        """
        return [self._once(command.method, command.params) for command in commands]

    def insist(self, bundle: Sequence[Command], *, attempts: int = ATTEMPTS) -> list[Result | PortalError]:
        """Run a bundle and ask again for those commands that failed for a moment only.

        What is left out because of a passing error would look like something the portal does not have.

        Raises:
            PortalError: The request as a whole failed, or a command goes on failing.
        """
        results = self.bundle(bundle, attempts=attempts)
        attempt, waited = 1, 0.0
        while failed := {number: each for number, each in enumerate(results) if isinstance(each, RetriableError)}:
            error = next(iter(failed.values()))
            if not again(error, attempt, waited):
                raise error
            seconds = pause(error, attempt)
            LOG.warning("%s; trying again in %.0f s", error, seconds)
            self._sleep(seconds)
            attempt, waited = attempt + 1, waited + seconds
            for number, result in zip(failed, self.bundle([bundle[number] for number in failed]), strict=True):
                results[number] = result
        return results

    def _persist(self, once: Callable[[], _T], attempts: int) -> _T:
        """Send when the pacer says so, again while there is hope."""
        attempt, waited = 0, 0.0
        while True:
            attempt += 1
            while (seconds := self.pacer.take()) > 0:
                self._sleep(seconds)
            try:
                return once()
            except TooSlowError:
                raise
            except RetriableError as error:
                if isinstance(error, RateLimitedError):
                    self.pacer.refused()
                if not again(error, attempt, waited, attempts):
                    raise
                seconds = pause(error, attempt)
                LOG.warning("%s; trying again in %.0f s", error, seconds)
                self._sleep(seconds)
                waited += seconds

    def _once(self, method: str, params: Mapping[str, Any]) -> Result:
        with self._counting:
            self.requests += 1
        reply = self._post(self._door.address(method), method, orjson.dumps(params))
        if reply.status in _REDIRECTS:
            reply = self._post(self._moved(reply.location, method), method, orjson.dumps(params))
        try:
            body = orjson.loads(reply.content)
        except orjson.JSONDecodeError:
            raise _not_json(reply, method) from None
        result = self.dialect.result(body, reply.status, method)
        self.first_answer = self.first_answer or result.time
        return result

    def _post(self, address: str, method: str, body: bytes) -> _Reply:
        """Send once. Redirects are not followed blindly: a 302 would turn the POST into a bare GET.

        The body is read in a few large parts: after each one the thread has to queue for the interpreter again,
        behind whoever converts rows, and by default there are hundreds.
        """
        try:
            response = self._session.post(
                address,
                data=body,
                headers={"Content-Type": "application/json", **self._door.headers()},
                timeout=(min(15.0, self._timeout), self._timeout),
                allow_redirects=False,
                stream=True,
                verify=self._verify,  # with each request: REQUESTS_CA_BUNDLE would override the session's
            )
            content = b"".join(response.iter_content(PART))
            return _Reply(response.status_code, response.headers.get("Location", ""), content)
        except requests.exceptions.SSLError:
            text = f"{self._door.host}: the TLS certificate is not trusted; set ca_bundle to the CA that signed it"
            raise AccessError(text, method=method) from None
        except requests.exceptions.ReadTimeout:
            text = f"{method}: no answer from {self._door.host} within {self._timeout:.0f} s"
            raise TooSlowError(text, method=method) from None
        except requests.exceptions.RequestException as error:
            text = f"{method}: cannot reach {self._door.host} ({_reason(error)})"
            raise UnavailableError(text, method=method) from None

    def _moved(self, location: str, method: str) -> str:
        """The same call at the portal's new address; the secret goes nowhere but to a REST path over https."""
        old, new = urlsplit(self._door.address(method)), urlsplit(location)
        if new.path != old.path or new.scheme not in {"https", old.scheme}:
            text = f"{method}: {self._door.host} redirects to {new.netloc or 'a page'}; correct webhook_url"
            raise AccessError(text, method=method)
        LOG.warning("%s has moved to %s: change webhook_url", self._door.host, new.netloc)
        self._door = self._door.moved(f"{new.scheme}://{new.netloc}")
        return self._door.address(method)


def _not_json(reply: _Reply, method: str) -> PortalError:
    status = reply.status
    if status in (_GATEWAY_TIMEOUT, _TOO_LARGE):
        return TooSlowError(f"{method}: the portal's gateway gave up (HTTP {status})", method=method)
    kind = "an empty answer" if not reply.content else "an answer that is no JSON"
    error = RateLimitedError if status == requests.codes.service_unavailable else UnavailableError
    return error(f"{method}: {kind} (HTTP {status})", method=method)


def _reason(error: Exception) -> str:
    """What went wrong, in a word; the exception's own text holds the URL."""
    inner: BaseException = error
    while inner.args and isinstance(inner.args[-1], BaseException):
        inner = inner.args[-1]
    reason = getattr(inner, "reason", None)
    return type(reason if isinstance(reason, BaseException) else inner).__name__
