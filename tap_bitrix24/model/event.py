"""What a strategy yields to the scheduler and to its stream."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from tap_bitrix24.model.endpoint import ListSpec, Row
from tap_bitrix24.model.request import Answer, ReadRequest


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows a strategy vouches for, as the portal sent them."""

    list_spec: ListSpec
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class ChildGroupsRead:
    """Sets of children that were read to their end: whatever is older in them is gone from the portal."""

    counts: Mapping[str, int | None]
    """Parent → how many children it has; `*`: all parents there are, uncounted."""
    read_at: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A point the next run may go on from: the stream's new STATE."""

    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the operator should know; the rows are right all the same."""

    text: str


StrategyEvent = ReadRequest | Rows | ChildGroupsRead | Checkpoint | Notice


_T = TypeVar("_T")


SubStrategy = Generator[StrategyEvent, list[Answer] | None, _T]
"""Part of a strategy that returns something to the rest of it."""


Strategy = SubStrategy[None]
"""A reading strategy: yields what it wants and what it found, is sent answers, does no I/O."""
