"""What the VibeCode API limits: requests of a minute and a second, the queue, repeated errors."""

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
_SAME: Final = 12
_PASSES: Final = 50
_QUEUE: Final = 2
_PATIENCE: Final = 30.0
_PASSING: Final = frozenset({429, 502, 504})


@dataclass
class Failing:
    """When the same request has failed within the last hour, and how often it was refused for that."""

    times: list[float] = field(default_factory=list)
    refused: int = 0


@dataclass
class State:
    """What is kept between requests."""

    recent: deque[float] = field(default_factory=deque)
    errors: dict[str, Failing] = field(default_factory=dict)
    queue: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(_QUEUE))


def state(portal: Portal) -> State:
    """Return what a portal's service keeps."""
    return portal.kept("vibe", lambda _: State())


def counted(portal: Portal) -> dict[str, str]:
    """Count a request into the last minute and second, or refuse it; returns the headers that tell."""
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
def queued(portal: Portal) -> Iterator[None]:
    """Let two requests through to the portal at once; others wait, but not for ever."""
    queue = state(portal).queue
    if not queue.acquire(timeout=float(portal.switches["vibe_queue"]) or _PATIENCE):
        raise VibeError(code="QUEUE_TIMEOUT")
    try:
        yield
    finally:
        queue.release()


@contextmanager
def watched(portal: Portal, word: str) -> Iterator[None]:
    """Refuse what has failed a dozen times within an hour, but for each fiftieth request; count what fails now."""
    kept, now = state(portal).errors.setdefault(word, Failing()), portal.now()
    kept.times = [at for at in kept.times if at > now - 3600]
    if len(kept.times) >= _SAME:
        kept.refused += 1
        if kept.refused % _PASSES:
            raise VibeError(code="ERROR_LOOP_DETECTED")
    try:
        yield
    except VibeError as error:
        if error.status not in _PASSING:
            kept.times.append(now)
        raise
    kept.times, kept.refused = [], 0
