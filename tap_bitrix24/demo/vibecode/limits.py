"""Limits of the VibeCode API: requests per minute and second, the queue, repeated errors."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from tap_bitrix24.demo.portal.state import Portal
from tap_bitrix24.demo.vibecode.errors import VibeError
from tap_bitrix24.demo.vibecode.keys import rate

MINUTE: Final = 300
_REPEATS: Final = 12
_RETRY_EVERY: Final = 50
_QUEUE_SLOTS: Final = 2
_QUEUE_TIMEOUT: Final = 30.0
_TRANSIENT: Final = frozenset({429, 502, 504})


@dataclass
class RepeatedError:
    """Times at which the same request failed within the last hour, and how often it was refused since."""

    times: list[float] = field(default_factory=list)
    refused: int = 0


@dataclass
class ServiceState:
    """The service's state between requests."""

    recent: deque[float] = field(default_factory=deque)
    errors: dict[str, RepeatedError] = field(default_factory=dict)
    queue: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(_QUEUE_SLOTS))


def state(portal: Portal) -> ServiceState:
    """Return the service's state of a portal."""
    return portal.kept("vibe", lambda _: ServiceState())


def count_request(portal: Portal) -> dict[str, str]:
    """Count a request of the last minute and second, or refuse it; returns the rate limit headers."""
    kept, now, allowed = state(portal), portal.now(), rate(portal)
    with portal.lock:
        while kept.recent and kept.recent[0] <= now - 60:
            kept.recent.popleft()
        late = sum(at > now - 1 for at in kept.recent) if allowed else 0
        if (portal.limits and len(kept.recent) >= MINUTE) or (allowed and late >= allowed):
            raise VibeError(code="RATE_LIMITED", text="QUERY_LIMIT_EXCEEDED")
        kept.recent.append(now)
    left = MINUTE - len(kept.recent)
    return {"X-RateLimit-Limit": str(MINUTE), "X-RateLimit-Remaining": str(left), "X-RateLimit-Reset": "60"}


@contextmanager
def queue_slot(portal: Portal) -> Iterator[None]:
    """Hold one of the two slots of the queue to the portal; a long wait is refused."""
    queue = state(portal).queue
    if not queue.acquire(timeout=float(portal.switches["vibe_queue"]) or _QUEUE_TIMEOUT):
        raise VibeError(code="QUEUE_TIMEOUT")
    try:
        yield
    finally:
        queue.release()


@contextmanager
def error_loop_guard(portal: Portal, name: str) -> Iterator[None]:
    """Refuse a request that failed twelve times within an hour, except every fiftieth; count a failure."""
    kept, now = state(portal).errors.setdefault(name, RepeatedError()), portal.now()
    kept.times = [at for at in kept.times if at > now - 3600]
    if len(kept.times) >= _REPEATS:
        kept.refused += 1
        if kept.refused % _RETRY_EVERY:
            raise VibeError(code="ERROR_LOOP_DETECTED")
    try:
        yield
    except VibeError as error:
        if error.status not in _TRANSIENT:
            kept.times.append(now)
        raise
    kept.times, kept.refused = [], 0
