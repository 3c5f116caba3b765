"""Lists that tell what a portal has, such as its smart processes, read to their proven ends before streams are.

The strategies of streams read them, with the same checks; here their page requests are sent together, a page each.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from tap_bitrix24.client import Client
from tap_bitrix24.dialects import rest_v2
from tap_bitrix24.entities import Entity
from tap_bitrix24.entities.variants import ListVariant
from tap_bitrix24.errors import PortalError
from tap_bitrix24.model.endpoint import ListSpec, Row
from tap_bitrix24.model.event import Notice, Rows, Strategy
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.model.request import Answer, PageRequest, ReadRequest
from tap_bitrix24.replication.full_table import read_all_by_id, read_whole
from tap_bitrix24.replication.list_specs import list_spec

LOG = logging.getLogger("tap-bitrix24.discovery")

_NO_METHOD = frozenset({"ERROR_METHOD_NOT_FOUND"})
"""Code of a method that the portal does not have; once, it may be a passing fault, which would leave out a stream."""


@dataclass(frozen=True, slots=True)
class Question:
    """A command, and what its result must be."""

    command: Command
    check: Callable[[Result], object]
    """Raises PortalError for a result that answers nothing."""


@dataclass(slots=True)
class PortalList:
    """A list while it is read."""

    strategy: Strategy
    rows: list[Row] = field(default_factory=list)
    """Rows so far."""
    error: PortalError | None = None
    """Why the list could not be read to its end."""
    requests: Sequence[PageRequest] = ()
    """What the strategy waits for; none when it has ended."""

    def resume(self, answers: list[Answer] | None) -> None:
        """Run the strategy up to its next read request, or to its end."""
        self.requests = ()
        try:
            while not isinstance(event := self.strategy.send(answers), ReadRequest):
                answers = None
                if isinstance(event, Rows):
                    self.rows += event.rows
                elif isinstance(event, Notice):
                    LOG.warning("%s", event.text)
            self.requests = event.page_requests
        except StopIteration:
            return
        except PortalError as error:
            self.error = error


def portal_list(entity: Entity, variant: ListVariant | None = None) -> PortalList:
    """Return an entity's list, its first page ready to be requested."""
    spec = list_spec(entity, variant or ListVariant())
    begun = PortalList(read_all_by_id([spec]) if entity.supports_keyset else read_whole([spec]))
    begun.resume(None)
    return begun


def read_lists(
    client: Client, lists: Sequence[PortalList], questions: Sequence[Question]
) -> list[Result | PortalError]:
    """Read lists to their ends; questions share their first request. Return the answers to the questions.

    Raises:
        PortalError: A request failed as a whole.
    """
    requests = [request for each in lists for request in each.requests]
    results = request_answers(client, [*questions, *map(_page_question, requests)])
    _hand_out(lists, results[len(questions) :])
    while requests := [request for each in lists for request in each.requests]:
        together = [request for request in requests if not request.alone]
        answered = dict(
            zip(
                (each.id for each in together),
                request_answers(client, list(map(_page_question, together))),
                strict=True,
            )
        )
        for request in requests:
            if request.alone:
                (answered[request.id],) = request_answers(client, [_page_question(request)])
        _hand_out(lists, [answered[request.id] for request in requests])
    return results[: len(questions)]


def request_answers(client: Client, questions: Sequence[Question]) -> list[Result | PortalError]:
    """Return the answers to questions; those that answer nothing, or "no such method", are asked again.

    Raises:
        PortalError: A request failed as a whole.
    """
    answers = _answers_once(client, questions)
    missing = [place for place, answer in enumerate(answers) if getattr(answer, "code", "") in _NO_METHOD]
    again = _answers_once(client, [questions[place] for place in missing]) if missing else []
    for place, answer in zip(missing, again, strict=True):
        answers[place] = answer
    return answers


def _answers_once(client: Client, questions: Sequence[Question]) -> list[Result | PortalError]:
    commands = [question.command for question in questions]
    return client.batch_with_retries(commands, lambda position, result: questions[position].check(result))


def _page_question(request: PageRequest) -> Question:
    """Return the question for the first page of a request: a chain would refer to commands that are not repeated."""
    (command,) = rest_v2.commands(replace(request, pages=1))
    return Question(command, lambda result: rest_v2.page(request.list_spec, result))


def _hand_out(lists: Sequence[PortalList], results: Sequence[Result | PortalError]) -> None:
    """Give each list that waits the results of its page requests."""
    left = iter(results)
    for each in lists:
        if each.requests:
            each.resume([_answer(request.list_spec, next(left)) for request in each.requests])


def _answer(spec: ListSpec, result: Result | PortalError) -> Answer:
    return Answer([], result) if isinstance(result, PortalError) else Answer([rest_v2.page(spec, result)])
