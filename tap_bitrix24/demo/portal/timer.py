"""How long a request takes by the portal's settings (latency, time of a page, time of a count)."""

import threading
import time
from dataclasses import dataclass, field


@dataclass
class RequestTimer:
    """The moment until which a request is held back, on the monotonic clock.

    Times are added to the moment the request came, so that neither the portal's own work nor a wait that took too long
    makes the request longer than its settings say.
    """

    stopping: threading.Event
    until: float = field(default_factory=time.monotonic)

    def spend(self, milliseconds: float) -> None:
        """Wait as much longer; return early when the portal stops."""
        self.until += milliseconds / 1000
        left = self.until - time.monotonic()
        if milliseconds > 0 and left > 0:
            self.stopping.wait(left)
