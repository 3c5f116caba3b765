"""How strategies talk to the scheduler: request pages, pass events on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tap_bitrix24.model.event import Event, Reading, Steps
from tap_bitrix24.model.request import Answer, Ask, More, Want


def through(reading: Reading, handle: Callable[[Event], Reading]) -> Reading:
    """Pass a strategy's wishes on, and let another say what becomes of what it finds."""
    answers: list[Answer] | None = None
    while True:
        try:
            event = reading.send(answers)
        except StopIteration:
            return
        answers = None
        if isinstance(event, Want):
            answers = yield event
        else:
            yield from handle(event)


def want(asks: Sequence[Ask], more: More | None = None, *, left: int = 0) -> Steps[list[Answer]]:
    """Yield the wishes and return their answers (to be used with `yield from`)."""
    answers = yield Want(asks, more, left)
    if answers is None:
        msg = "a strategy must be sent the answers it asked for"
        raise TypeError(msg)
    return answers
