"""What the VibeCode API lists at paths of its own: children of one parent, raw lists."""

from typing import Any, Final

from tap_bitrix24.demo.vibecode.entity import LISTED, Entity, Row

_HISTORY: Final = ("ID", "TYPE_ID", "OWNER_ID", "CREATED_TIME", "CATEGORY_ID", "STAGE_SEMANTIC_ID", "STAGE_ID")
_OWNERS: Final = {"deals": "D", "leads": "L", "quotes": "Q", "invoices": "SI"}
_TYPES: Final = {"lead": 1, "deal": 2, "invoice": 31, "smart_invoice": 31}


def _moved(_: int, row: Row) -> Row:
    """Write a row of stage history; what leads call a status is a stage here."""
    named = {name.replace("STATUS", "STAGE"): value for name, value in row.items()}
    return {name: named.get(name) for name in _HISTORY}


def _entities() -> tuple[Entity, ...]:
    own: dict[str, Any] = {"ops": LISTED, "strict": False, "in_batch": False}
    raw: dict[str, Any] = {**own, "plain": True}
    return (
        Entity(name="product-rows", table="product_rows", needs={"ownerId": "ownerId", "ownerType": "ownerType"},
               codes=frozenset({"taxIncluded", "customized"}), **own),
        Entity(name="stage-history", table="stage_history_{}", family="history", camel=True, reshaped=_moved,
               renames={"CREATED_TIME": "createdAt"}, takes={"ownerId": "OWNER_ID"}, envelope="more", **own),
        Entity(name="categories", table="categories", family="plain", needs={"entityTypeId": "entityTypeId"},
               numbered=False, envelope="root_total", **own),
        Entity(name="task-time", table="elapsed_items", scope="task", camel=True,
               takes={"taskId": "TASK_ID", "userId": "USER_ID"}, **own),
        Entity(name="timeline-logs", table="timeline_log_messages",
               needs={"entityTypeId": "entityTypeId", "entityId": "entityId"}, **own),
        Entity(name="calls-statistics", table="calls", scope="telephony", key="ID", **raw),
        Entity(name="posts", table="feed_posts", scope="log", key="ID", **raw),
        Entity(name="workflows", table="workflow_instances", scope="bizproc", key="ID", numbered=False, size=50,
               takes={"templateId": "TEMPLATE_ID", "startedBy": "STARTED_BY"}, **raw),
        Entity(name="warehouses", table="stores", scope="catalog", codes=frozenset({"active", "issuingCenter"}),
               envelope="root_total", **own),
    )  # fmt: skip


SPECIAL: Final[dict[str, Entity]] = {entity.name: entity for entity in _entities()}
"""Lists by name."""
LISTS: Final = {
    ("calls", "statistics"): "calls-statistics",
    ("posts",): "posts",
    ("workflows",): "workflows",
    ("warehouses",): "warehouses",
    ("task-time",): "task-time",
    ("timeline-logs",): "timeline-logs",
}
"""Paths → names of such lists."""


def owner_of_products(name: str, kind: int | None) -> str | None:
    """Return the code that product rows know a kind of owners by."""
    return f"T{kind:x}" if name == "items" and kind is not None else _OWNERS.get(name)


def history_type(word: str) -> int | None:
    """Return the type whose stages are asked for."""
    word = word.lower()
    if word.startswith("dynamic_") and word.removeprefix("dynamic_").isdecimal():
        return int(word.removeprefix("dynamic_"))
    return _TYPES.get(word)
