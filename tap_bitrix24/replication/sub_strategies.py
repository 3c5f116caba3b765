"""How strategies request pages from the scheduler, and how one strategy runs inside another.

A strategy is a generator. It yields a `ReadRequest` and is sent one `Answer` per page request; everything else it
yields (rows, checkpoints, notices) is an event, and it is sent None for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tap_bitrix24.model.event import Strategy, StrategyEvent, SubStrategy
from tap_bitrix24.model.request import Answer, PageRequest, Prefetch, ReadRequest


def request_pages(
    page_requests: Sequence[PageRequest], prefetch: Prefetch | None = None, *, pages_left: int = 0
) -> SubStrategy[list[Answer]]:
    """Request pages and return their answers, in order (to be used with `yield from`)."""
    answers = yield ReadRequest(page_requests, prefetch, pages_left)
    if answers is None:
        msg = "a strategy must be sent the answers to its page requests"
        raise TypeError(msg)
    return answers


def _unchanged(event: StrategyEvent) -> Strategy:
    yield event


def _never() -> bool:
    return False


def handle_events(
    strategy: SubStrategy[object],
    handle: Callable[[StrategyEvent], Strategy] = _unchanged,
    *,
    stop: Callable[[], bool] = _never,
) -> SubStrategy[bool]:
    """Run a strategy inside another one: pass its read requests on, and let `handle` replace its events.

    Args:
        strategy: The inner strategy.
        handle: Yields what becomes of an event, and may request pages of its own; by default the event itself.
        stop: Called before each step; True closes the inner strategy.

    Returns:
        Whether the inner strategy ran to its end.
    """
    answers: list[Answer] | None = None
    while not stop():
        try:
            event = strategy.send(answers)
        except StopIteration:
            return True
        answers = None
        if isinstance(event, ReadRequest):
            answers = yield event
        else:
            yield from handle(event)
    strategy.close()
    return False
