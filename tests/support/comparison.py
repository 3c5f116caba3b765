"""Which rows a run brought or a view shows, and which the portal has: compared by some columns, as texts."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.loading import opened
from tests.support.running import Portal, Run

Rows = Counter[tuple[str, ...]]
"""Each row's compared values → how often it comes."""


def _text(value: Any) -> str:
    """Numbers arrive as such and as text; nothing is told in many ways."""
    return "" if value is None or value is False or value in ([], {}) else str(value)


@dataclass(frozen=True)
class Told:
    """A stream, the portal's table of its rows, and what they are compared by."""

    stream: str
    table: str
    columns: str
    """`column=NAME` pairs: ours, and the portal's; the key first."""
    only: Callable[[Mapping[str, Any]], bool] = lambda _: True
    """Which of the table's rows belong to the stream."""

    def __str__(self) -> str:
        return self.stream

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Our name and the portal's of each column."""
        return [(column, name) for column, _, name in (pair.partition("=") for pair in self.columns.split())]

    def truth(self, portal: Portal) -> Rows:
        """What the portal itself says it has."""
        rows = [row for row in portal.truth(self.table) if self.only(row)]
        return Counter(tuple(_text(row[name]) for _, name in self.pairs) for row in rows)

    def brought(self, run: Run) -> Rows:
        """What a run brought."""
        return Counter(tuple(_text(row[name]) for name, _ in self.pairs) for row in run.records(self.stream))

    def current(self, path: Path) -> Rows:
        """What the view of current rows shows."""
        with opened(path) as connection:
            names = ", ".join(f'"{name}"' for name, _ in self.pairs)
            rows = connection.table(f"{self.stream}_current").select(names).fetchall()
        return Counter(tuple(map(_text, row)) for row in rows)


PRODUCT_ROWS = Told(
    "crm_product_rows", "product_rows", "id=id owner_id=ownerId owner_type=ownerType product_id=productId sort=sort"
)
LINKS = Told("deal_contacts", "deal_contacts", "deal_id=DEAL_ID contact_id=CONTACT_ID")
CHECKLISTS = Told("task_checklist_items", "checklist_items", "id=ID task_id=TASK_ID title=TITLE")
COMMENTS = Told("crm_timeline_comments", "timeline_comments", "id=ID entity_id=ENTITY_ID entity_type=ENTITY_TYPE")
SWEPT = (PRODUCT_ROWS, LINKS, CHECKLISTS, COMMENTS)
"""Children of parents that tell when they were modified: read set by set."""
