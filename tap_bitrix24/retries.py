"""Whether a request that failed is sent again, and after how many seconds.

The error's type decides (`errors.py`): limits pass by waiting, a portal that does not answer is given up after a few
attempts. Two callers ask: the client, which waits (`Client.call`, `Client.batch`), and the scheduler, which sends other
requests meanwhile.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable
from dataclasses import dataclass

from tap_bitrix24.errors import DoubtfulError, FaultyError, OperationLimitError, RateLimitedError, RetriableError

LOG = logging.getLogger("tap-bitrix24.retries")
ATTEMPTS = 7
"""Attempts at a request the portal does not answer: about a minute and a half."""
FAULTY_ATTEMPTS = 3
"""Attempts where repeating the same failure would block the key: VibeCode does so after about twelve in an hour."""
DOUBTFUL_ATTEMPTS = 3
"""Attempts at a command whose refusal may be a passing fault: a busy database, a deadlock."""
PATIENCE = 900.0
"""Seconds to keep asking a portal that answers 503 or 429: more than the ten minutes it counts operating time over."""


@dataclass(slots=True)
class Retry:
    """The attempts at one request; `next_delay` is asked after each that failed."""

    max_attempts: int = ATTEMPTS
    attempt: int = 1
    """Number of the attempt that is being made, from 1."""
    waited: float = 0.0
    """Seconds waited between the attempts so far."""

    def allows(self, error: RetriableError) -> bool:
        """Whether another attempt would follow the current one if it failed with this error."""
        return should_retry(error, self.attempt, self.waited, self.max_attempts)

    def next_delay(self, error: RetriableError, known_delay: float | None = None) -> float | None:
        """Return the seconds to wait before the next attempt, or None to give up; counts the attempt and the wait.

        Args:
            error: How the current attempt failed.
            known_delay: Seconds after which the portal is known to answer again; None: exponential back-off.
        """
        if not self.allows(error):
            return None
        seconds = backoff_seconds(error, self.attempt) if known_delay is None else known_delay
        self.attempt += 1
        self.waited += seconds
        return seconds


def should_retry(error: RetriableError, attempt: int, waited: float, max_attempts: int = ATTEMPTS) -> bool:
    """Whether to send a request again after its attempt number `attempt` failed and `waited` seconds of pauses."""
    if isinstance(error, (RateLimitedError, OperationLimitError)):
        return waited < PATIENCE
    if isinstance(error, FaultyError):
        max_attempts = min(max_attempts, FAULTY_ATTEMPTS)
    elif isinstance(error, DoubtfulError):
        max_attempts = min(max_attempts, DOUBTFUL_ATTEMPTS)
    return attempt < max_attempts


def backoff_seconds(error: RetriableError, attempt: int) -> float:
    """Return the seconds to wait after attempt number `attempt`: twice as long each time, with jitter, up to a limit.

    Operating time that is used up comes back a minute's worth at a time, so its pauses are longer. A server that sends
    `Retry-After` is obeyed.
    """
    first, longest = (15.0, 60.0) if isinstance(error, OperationLimitError) else (1.0, 30.0)
    return max(error.retry_after, min(longest, first * 2.0 ** (attempt - 1)) * random.uniform(0.75, 1.0))  # noqa: S311 - jitter


def log_retry(errors: Iterable[RetriableError], seconds: float) -> None:
    """Log that requests which failed with these errors are sent again in `seconds`; equal texts once."""
    LOG.warning("%s; trying again in %.0f s", "; ".join(dict.fromkeys(map(str, errors))), seconds)
