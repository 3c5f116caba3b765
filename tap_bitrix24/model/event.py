"""Events of strategies: what they yield to the scheduler and to their streams."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from tap_bitrix24.model.endpoint import ListSpec, Row
from tap_bitrix24.model.request import Answer, ReadRequest


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that passed the checks of a strategy, as the portal sent them."""

    list_spec: ListSpec
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class ChildGroupsRead:
    """Parents all of whose children have been read: children read earlier are not on the portal any more."""

    counts: Mapping[str, int | None]
    """Reference of a parent → how many children it has; `*`: all parents, with None for a count."""
    read_at: str
    """When they were read, as in STATE."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """New STATE of a stream: the next run may go on from here."""

    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Notice:
    """Text for the operator; the rows are correct all the same."""

    text: str


StrategyEvent = ReadRequest | Rows | ChildGroupsRead | Checkpoint | Notice


_T = TypeVar("_T")


SubStrategy = Generator[StrategyEvent, list[Answer] | None, _T]
"""Part of a strategy, which returns a value to the rest of it."""


Strategy = SubStrategy[None]
"""A reading strategy: yields read requests and events, is sent answers to the requests, does no I/O."""
