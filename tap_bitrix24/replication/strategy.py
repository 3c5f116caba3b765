"""How strategies talk to the scheduler: request pages, pass events on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tap_bitrix24.model.event import Strategy, StrategyEvent, SubStrategy
from tap_bitrix24.model.request import Answer, PageRequest, Prefetch, ReadRequest


def handle_events(reading: Strategy, handle: Callable[[StrategyEvent], Strategy]) -> Strategy:
    """Pass a strategy's wishes on, and let another say what becomes of what it finds."""
    answers: list[Answer] | None = None
    while True:
        try:
            event = reading.send(answers)
        except StopIteration:
            return
        answers = None
        if isinstance(event, ReadRequest):
            answers = yield event
        else:
            yield from handle(event)


def request_pages(
    asks: Sequence[PageRequest], more: Prefetch | None = None, *, left: int = 0
) -> SubStrategy[list[Answer]]:
    """Yield the wishes and return their answers (to be used with `yield from`)."""
    answers = yield ReadRequest(asks, more, left)
    if answers is None:
        msg = "a strategy must be sent the answers it asked for"
        raise TypeError(msg)
    return answers
