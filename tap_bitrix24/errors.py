"""All errors of the tap: the type says the recovery, the text is one line an operator can act on.

The loader adds one (`target_duckdb/errors.py`); the demo portal answers with its own.

TapError                        exit code 1
├── SettingsError               exit code 2: a setting is wrong; nothing was read. Correct it
├── StreamsFailedError          some streams are incomplete, the others complete. Run again with the last STATE
├── ReaderGoneError             the target closed the pipe: the run ends. Run again with the last STATE
└── PortalError                 the portal's answer, or the lack of one
    ├── RetriableError          send the same request again later (`retries.py`)
    │   ├── RateLimitedError        503 QUERY_LIMIT_EXCEEDED: all requests slow down, for up to 15 minutes
    │   ├── OperationLimitError     429 OPERATION_TIME_LIMIT: this method waits until its operating time is reset
    │   ├── UnavailableError        no answer, 5xx, HTML, JSON that is cut off: up to 7 attempts
    │   │   ├── TooSlowError        a time-out or 504: ask for fewer pages in one request
    │   │   └── FaultyError         a fault that blocks the key when repeated: up to 3 attempts
    │   └── DoubtfulError           a refusal or broken answer that may pass: up to 3 attempts, then what it settles as
    ├── AccessError             exit code 2: wrong secret, no rights, subscription ended: the run ends
    │   └── ExpiredError        the access token has expired: renew it, send once more
    ├── MissingMethodError      method or scope not there: a stream selected by default is left out, another fails
    ├── RejectedError           the portal refuses this very command: its stream fails
    │   ├── DeniedError         perhaps an expired access token: renew it, send once more, else as above
    │   └── UnreadableError     a row holds text the portal cannot encode: narrow the request down to it
    └── UntrustedError          the answer contradicts the request: read in another way, or the stream fails
Interrupted                     exit code 128 + signal: STATE is written, the next run resumes from it
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class TapError(Exception):
    """Any failure the tap has a name for."""

    exit_code = 1
    """Of a process that ends with this error."""


class SettingsError(TapError):
    """A setting, credential or input file is wrong or missing; found before anything was read."""

    exit_code = 2


class StreamsFailedError(TapError):
    """The end of a run in which some streams were not read completely; the text names them."""


class ReaderGoneError(TapError):
    """The program that reads the output closed the pipe."""


class Interrupted(BaseException):
    """SIGINT or SIGTERM arrived. Not an Exception: what survives a failing stream must not survive this."""

    def __init__(self, signum: int) -> None:
        """Set the exit code shells and schedulers expect: 128 + the signal's number."""
        super().__init__(f"stopped by signal {signum}; run again with the last STATE to resume")
        self.exit_code = 128 + signum


class PortalError(TapError):
    """An answer of the portal that is an error, or no usable answer."""

    def __init__(self, text: str, *, code: str = "", method: str = "", retry_after: float = 0.0) -> None:
        """Keep the portal's error code and the method it is about.

        Args:
            text: One line for the operator; must hold no URL (a webhook's URL is its secret).
            code: The portal's `error` as text; empty is normal for classic CRM methods.
            method: The REST method that was called.
            retry_after: Seconds the portal asks to wait before the next request; 0 if it does not say.
        """
        super().__init__(text)
        self.code = code
        self.method = method
        self.retry_after = retry_after

    def settled(self) -> PortalError:
        """Return the error it is after the last attempt: itself, unless it was in doubt."""
        return self


class RetriableError(PortalError):
    """A failure that passes: the same request may succeed later."""


class RateLimitedError(RetriableError):
    """Too many requests: the portal's leaky bucket is full, for all methods and everybody behind the same address."""


class OperationLimitError(RetriableError):
    """The method has used up its operating time; other methods may be called."""


class UnavailableError(RetriableError):
    """No answer, or one that is not the API's: a network failure, a gateway's page, a restart."""


class TooSlowError(UnavailableError):
    """The answer took longer than the portal or the tap allows."""


class FaultyError(UnavailableError):
    """A fault of the API itself; the service counts them and blocks the key that provokes too many of one kind."""


class DoubtfulError(RetriableError):
    """A refusal, or an answer without rows where rows belong, that may be a passing fault.

    The same code stands for both: `ERROR_CORE` for a database that is busy and for a wrong argument.
    """

    def __init__(
        self, text: str, *, code: str = "", method: str = "", settles_as: type[PortalError] | None = None
    ) -> None:
        """Keep what it is if it does not pass; by default, a refusal."""
        super().__init__(text, code=code, method=method)
        self._settles_as = settles_as or RejectedError

    def settled(self) -> PortalError:
        """Return what it is if it does not pass."""
        return self._settles_as(str(self), code=self.code, method=self.method)


class AccessError(PortalError):
    """The credentials are not accepted; no other request would be."""

    exit_code = 2


class ExpiredError(AccessError):
    """The access token is no longer valid; with a new one the same request may succeed."""


class MissingMethodError(PortalError):
    """The portal has no such method, or the credentials have no scope for it."""


class RejectedError(PortalError):
    """The portal refuses the command as it stands; other commands may succeed."""


class DeniedError(RejectedError):
    """Refused, or an expired access token: older versions of REST 3.0 answer both alike."""


class UnreadableError(RejectedError):
    """A row of the answer holds text that is not UTF-8: the portal then refuses the whole answer, other rows included.

    Without the row, or the field of it, the same request succeeds.
    """


class UntrustedError(PortalError):
    """Rows that contradict the request: out of order, outside the filter, without a key."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Return the message for a mistyped name: the closest known one, or all of them if none is close.

    Args:
        kind: What the name stands for: "setting", "stream".
        name: The name as typed.
        known: The valid names.
    """
    names = list(known)
    close = get_close_matches(name, names, n=1)
    hint = f"Did you mean {close[0]!r}?" if close else f"Available: {', '.join(names)}."
    return f"Unknown {kind} {name!r}. {hint}"
