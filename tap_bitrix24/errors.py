"""All errors of the tap; the type says the recovery, the text is one line an operator can act on.

TapError                      exit code 1
├── SettingsError             exit code 2: settings or credentials, nothing was read
├── StreamsFailedError        some streams failed, the others are complete
├── ReaderGoneError           nobody reads what is written: the whole run is over
└── PortalError               an answer, or none, of the portal
    ├── RetriableError        ask the same again later
    │   ├── RateLimitedError      503 QUERY_LIMIT_EXCEEDED: the leaky bucket is full
    │   ├── OperationLimitError   429 OPERATION_TIME_LIMIT: this method's budget is spent
    │   └── UnavailableError      no answer, 5xx, HTML, cut off JSON
    │       ├── TooSlowError      time-out or 504: ask for less at once
    │       └── FaultyError       a failure of its own that may be blocked when repeated: a few tries
    ├── AccessError           wrong secret, no rights, subscription ended: the whole run is over
    │   └── ExpiredError          the access token has expired: once more with a new one
    ├── MissingMethodError    method or scope not there: leave the stream out, or fail it
    ├── RejectedError         the portal refuses this very command: that stream fails
    │   └── DeniedError           or an expired token in disguise: once more with a new one
    └── UntrustedError        an answer contradicts what was asked: that stream fails
Interrupted                   exit code 128 + signal: STATE is written, the next run resumes
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class TapError(Exception):
    """Any failure the tap knows how to name."""

    exit_code = 1


class SettingsError(TapError):
    """A setting is wrong or missing; found before anything was read."""

    exit_code = 2


class StreamsFailedError(TapError):
    """At the end of a run: which streams are not complete."""


class ReaderGoneError(TapError):
    """The program that reads the output has gone."""


class Interrupted(BaseException):
    """SIGINT or SIGTERM arrived. No Exception: nothing that survives a failing stream may survive this."""

    def __init__(self, signum: int) -> None:
        """Remember the signal: shells and schedulers expect 128 + its number as exit code."""
        super().__init__(f"stopped by signal {signum}; run again with the last STATE to go on")
        self.exit_code = 128 + signum


class PortalError(TapError):
    """The portal's answer says no, or there is no usable answer."""

    def __init__(self, text: str, *, code: str = "", method: str = "", after: float = 0.0) -> None:
        """Keep the portal's error code and the method it is about.

        Args:
            text: One line for the operator; must hold no URL (a webhook's URL is its secret).
            code: The portal's `error` as text; empty is normal for classic CRM methods.
            method: The list or field method asked.
            after: Seconds the portal wants us to wait before we ask again, if it says so.
        """
        super().__init__(text)
        self.code = code
        self.method = method
        self.after = after


class RetriableError(PortalError):
    """Worth asking again."""


class RateLimitedError(RetriableError):
    """The web tier's leaky bucket is full."""


class OperationLimitError(RetriableError):
    """The method has used up its execution time; other methods go on."""


class UnavailableError(RetriableError):
    """No answer, or one that is not the API's."""


class TooSlowError(UnavailableError):
    """The answer took longer than the portal or we allow."""


class FaultyError(UnavailableError):
    """A failure of the API's own; it counts them, and blocks who provokes too many of a kind."""


class AccessError(PortalError):
    """The credentials do not open this portal."""

    exit_code = 2


class ExpiredError(AccessError):
    """The access token is no longer valid; with a new one the same request may pass."""


class MissingMethodError(PortalError):
    """The portal has no such method, or the credentials have no scope for it."""


class RejectedError(PortalError):
    """The portal refuses the command as it stands."""


class DeniedError(RejectedError):
    """Refused, or an expired token in disguise: old versions of REST 3.0 answer both alike."""


class UntrustedError(PortalError):
    """Rows contradict the question: wrong order, outside the filter, without a key."""


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
