"""What proves that nothing is there: the only module that decides that a list, or what follows in it, is absent.

The portal has no answer that says so for certain. An empty list stands for "none", for a filter that was misread, for
rows this user may not see and for a passing fault; "not found" for a row that was deleted and for a method that is
missing (docs/protocol.md §1.4, §4). A run that believes too early moves its bookmark, and the rows never come. So
readers end only with a `ProvenEnd`, which no other module makes; what is not proven is asked again, and at last fails
its stream (docs/decisions.md#decision-23).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from tap_bitrix24.errors import PortalError, UntrustedError
from tap_bitrix24.model.endpoint import ListSpec
from tap_bitrix24.model.request import Page

MAX_CONTRADICTIONS = 3
"""Answers that may contradict the portal's own words: rows can be deleted or modified between two requests."""


class Ground(Enum):
    """Why a list holds no further rows."""

    NEWEST_READ = "the row with the newest id has been read"
    COUNT_READ = "as many rows have been read as the portal counts"
    NOTHING_COUNTED = "the portal counts no rows"
    EMPTY_TWICE = "two requests found nothing"
    WHOLE_ANSWER = "the method answers with all rows at once"
    NO_CURSOR = "the portal names no next page"
    NO_SUCH_LIST = "the portal says that it does not have this list"
    PARENT_DELETED = "the list of parents no longer holds the parent"


@dataclass(frozen=True, slots=True)
class ProvenEnd:
    """Proof that nothing follows. Made in this module only (`tests/unit/test_house.py`)."""

    ground: Ground


def newest_read(last_id: int, newest_id: int | None) -> ProvenEnd | None:
    """Return the proof that a list has been read up to its newest id, or None."""
    return ProvenEnd(Ground.NEWEST_READ) if newest_id is not None and last_id >= newest_id else None


def count_read(rows: int, total: int | None) -> ProvenEnd | None:
    """Return the proof that as many rows have been read as the portal counts, or None."""
    if total is None or rows < total:
        return None
    return ProvenEnd(Ground.COUNT_READ if rows else Ground.NOTHING_COUNTED)


def whole_answer(page: Page, total: int | None) -> ProvenEnd | None:
    """Return the proof that an answer holds all rows of a method without pages; None if it lacks some, or may.

    Args:
        page: The answer.
        total: Rows the portal counts; None where it does not, or not reliably.
    """
    if total is not None:
        return count_read(len(page.rows), total)
    return ProvenEnd(Ground.WHOLE_ANSWER) if page.rows else None


def no_cursor(page: Page) -> ProvenEnd | None:
    """Return the proof that the portal names no page after this one, or None; an empty first page proves nothing."""
    return ProvenEnd(Ground.NO_CURSOR) if page.cursor is None and page.rows else None


def no_such_list(list_spec: ListSpec, error: PortalError, rows: int) -> ProvenEnd | None:
    """Return the proof that the portal does not have a list, or None.

    Only the exact code by which this very method says so counts, and never after the list has delivered a row.

    Args:
        list_spec: The list; its entity's row of the table holds the codes.
        error: What the portal answered to this list's own command.
        rows: Rows the list has delivered in this run.
    """
    codes = {code.lower() for code in list_spec.absent_codes}
    return ProvenEnd(Ground.NO_SUCH_LIST) if not rows and error.code.lower() in codes else None


def check_any_list(lists: Sequence[tuple[ListSpec, ProvenEnd | None]]) -> None:
    """Check that the portal has one of several lists of a stream at least: none of a method's types is a refusal.

    Raises:
        UntrustedError: It says of each of them that it does not have it.
    """
    if len(lists) > 1 and all(end is not None and end.ground is Ground.NO_SUCH_LIST for _, end in lists):
        method = lists[0][0].endpoint.method
        text = f"{method}: the portal says that it has none of the {len(lists)} lists of this stream"
        raise UntrustedError(text, method=method)


def parent_deleted(parents: ListSpec, answers: Sequence[Page], parent: int) -> ProvenEnd | None:
    """Return the proof that a parent was deleted, or None.

    Its own list has been asked for the rows after the id before it. The list no longer holds it if rows with larger ids
    come first, or if two answers held no rows at all.

    Args:
        parents: The list the parent was in.
        answers: Pages of that list, each asked for like this.
        parent: The parent's id.
    """
    if not answers:
        return None
    ids = [str(row.get(parents.endpoint.key)) for row in answers[-1].rows]
    later = bool(ids) and all(each.isdecimal() and int(each) > parent for each in ids)
    nothing_twice = len(answers) > 1 and not any(page.rows for page in answers)
    return ProvenEnd(Ground.PARENT_DELETED) if later or nothing_twice else None


@dataclass(slots=True)
class EmptyAnswers:
    """The empty answers of one list: one alone proves nothing, two that nothing contradicts do."""

    list_spec: ListSpec
    _position: Any = None
    _answers: int = 0
    """How many answers in a row had nothing after this position."""

    def note(self, position: Any) -> None:
        """Note a first sign that nothing follows a position: a page that was not full."""
        if position != self._position:
            self._position, self._answers = position, 0
        self._answers += 1

    def judge(self, position: Any, *, rows_follow: bool | None) -> ProvenEnd | None:
        """Return the proof that nothing follows a position, given an empty answer; None: ask again.

        Args:
            position: The id or offset that was asked for.
            rows_follow: What the portal has said otherwise, by its newest id or its count; None: nothing.

        Raises:
            UntrustedError: It still contradicts itself after MAX_CONTRADICTIONS answers.
        """
        self.note(position)
        if rows_follow is False or (rows_follow is None and self._answers > 1):
            return ProvenEnd(Ground.EMPTY_TWICE)
        if self._answers < MAX_CONTRADICTIONS:
            return None
        method = self.list_spec.endpoint.method
        text = f"{method}: {self._answers} answers hold nothing after {position}, but the portal says that rows follow"
        raise UntrustedError(text, method=method)
