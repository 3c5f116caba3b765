"""Lists that are read several times, because rows move between their pages without a sign of it.

A row that is deleted, or that moves to the end, moves all rows after it forward by one: the first row of the next page
is then on a page that was read before. `total` does not show it if another row was added meanwhile. So a list of
several pages is read until another pass finds no row that was not known, but for rows added meanwhile. A row can
then only be missed if it moved so in every pass.

Cost: twice the requests of a list of several pages; a list of one page is read once.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from tap_bitrix24.errors import UntrustedError
from tap_bitrix24.replication.absence import ProvenEnd

MAX_PASSES = 5
"""How many times a list is read whose rows move between pages meanwhile."""
_MAX_DIGITS = 19
"""Digits of the largest 64-bit number: longer texts are no ids."""


@dataclass(slots=True)
class Pass:
    """One reading of a list from its first page to its last."""

    keys: set[Any] = field(default_factory=set)
    """Keys of the rows it found."""
    offset: int = 0
    pages: int = 0
    """Requests whose answers make up the list; the empty page after a page that was not full is none."""
    total: int | None = None
    total_changed: bool = False
    """`total` changed meanwhile: rows may have moved to pages that were read before."""
    count_requested: bool = False
    """`total` was asked for on its own."""
    end: ProvenEnd | None = None
    """What proves that nothing follows."""

    def add(self, keys: Collection[Any], page_size: int) -> int:
        """Add the keys of a page; returns how many are new in this pass."""
        new = sum(key not in self.keys for key in keys)
        self.pages += new > 0 or len(self.keys) >= page_size
        self.keys.update(keys)
        return new


@dataclass(slots=True)
class Passes:
    """The passes over one list."""

    method: str
    known: AbstractSet[Any] = frozenset()
    """Keys of all rows that passes before the last one have found."""
    last: Pass | None = None
    """The last pass that ended."""
    ended: int = 0

    def next_is_needed(self, ended: Pass) -> bool:
        """Note the end of a pass; returns whether the list has to be read once more.

        Raises:
            UntrustedError: Rows were still found that earlier passes lacked, or fewer than `total`, in the last pass.
        """
        before, self.last = self.last, ended
        known, self.known = self.known, self.known | ended.keys
        self.ended += 1
        short = ended.total is not None and len(self.known) < ended.total
        moved = _found_moved_rows(known, before, ended) if before else ended.pages > 1 or ended.total_changed
        if (short or moved) and self.ended >= MAX_PASSES:
            problem = f"only {len(self.known)} of {ended.total} rows" if short else "rows that the others lacked"
            text = f"{self.method}: rows move between pages: pass {self.ended} over the list found {problem}"
            raise UntrustedError(text, method=self.method)
        return short or moved


def _found_moved_rows(known: AbstractSet[Any], before: Pass, now: Pass) -> bool:
    """Whether a pass found rows that were there before and that the passes before it lacked.

    Rows with larger ids than all known ones were added meanwhile. So were others if the list has grown by their number
    and lacks no row of the pass before: rows are passed over only where others were deleted or have moved.
    """
    newest = max(map(number_of, known), default=0)
    unexplained = sum(number_of(key) <= newest for key in now.keys - known)
    if unexplained and before.total is not None and now.total is not None and before.keys <= now.keys:
        unexplained -= now.total - before.total
    return unexplained > 0


def number_of(key: Any) -> int:
    """Return a numeric id; 0 for another key, of which none is known to be newer."""
    text = str(key)
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS else 0
