"""Comparison of the rows of a run or a view with those of the portal, by some columns, as texts."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.loading import opened
from tests.support.running import Portal, Run

Rows = Counter[tuple[str, ...]]
"""A row's compared values → how often it occurs."""


def _text(value: Any) -> str:
    """Return a value as text: numbers arrive as numbers and as text, empty values in several forms."""
    return "" if value is None or value is False or value in ([], {}) else str(value)


@dataclass(frozen=True)
class ComparedStream:
    """A stream, the portal's table of its rows, and the columns they are compared by."""

    stream: str
    table: str
    columns: str
    """`column=NAME` pairs: the tap's and the portal's name; the key first."""
    only: Callable[[Mapping[str, Any]], bool] = lambda _: True
    """Returns whether a row of the table belongs to the stream."""

    def __str__(self) -> str:
        return self.stream

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The tap's and the portal's name of each column."""
        return [(column, name) for column, _, name in (pair.partition("=") for pair in self.columns.split())]

    def truth(self, portal: Portal) -> Rows:
        """Return the rows the portal has."""
        rows = [row for row in portal.truth(self.table) if self.only(row)]
        return Counter(tuple(_text(row[name]) for _, name in self.pairs) for row in rows)

    def read_by(self, run: Run) -> Rows:
        """Return the rows a run has read."""
        return Counter(tuple(_text(row[name]) for name, _ in self.pairs) for row in run.records(self.stream))

    def current(self, path: Path) -> Rows:
        """Return the rows of the view of current rows."""
        with opened(path) as connection:
            names = ", ".join(f'"{name}"' for name, _ in self.pairs)
            rows = connection.table(f"{self.stream}_current").select(names).fetchall()
        return Counter(tuple(map(_text, row)) for row in rows)


PRODUCT_ROWS = ComparedStream(
    "crm_product_rows", "product_rows", "id=id owner_id=ownerId owner_type=ownerType product_id=productId sort=sort"
)
LINKS = ComparedStream("deal_contacts", "deal_contacts", "deal_id=DEAL_ID contact_id=CONTACT_ID")
CHECKLISTS = ComparedStream("task_checklist_items", "checklist_items", "id=ID task_id=TASK_ID title=TITLE")
COMMENTS = ComparedStream(
    "crm_timeline_comments", "timeline_comments", "id=ID entity_id=ENTITY_ID entity_type=ENTITY_TYPE"
)
SWEPT = (PRODUCT_ROWS, LINKS, CHECKLISTS, COMMENTS)
"""Children whose parents have a date of modification, so that only those of changed parents are read."""
