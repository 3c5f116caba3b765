"""Lists of the VibeCode API at paths of their own: children of one parent, and lists passed through unchanged."""

from typing import Any, Final

from tap_bitrix24.demo.vibecode.entity import LISTED, Entity, Row

_HISTORY: Final = ("ID", "TYPE_ID", "OWNER_ID", "CREATED_TIME", "CATEGORY_ID", "STAGE_SEMANTIC_ID", "STAGE_ID")
_OWNERS: Final = {"deals": "D", "leads": "L", "quotes": "Q", "invoices": "SI"}
_TYPES: Final = {"lead": 1, "deal": 2, "invoice": 31, "smart_invoice": 31}


def _history_row(_: int, row: Row) -> Row:
    """Return a row of stage history; STATUS_ID of leads is STAGE_ID here."""
    named = {name.replace("STATUS", "STAGE"): value for name, value in row.items()}
    return {name: named.get(name) for name in _HISTORY}


def _entities() -> tuple[Entity, ...]:
    own: dict[str, Any] = {"ops": LISTED, "strict": False, "in_batch": False}
    raw: dict[str, Any] = {**own, "unconverted": True}
    return (
        Entity(name="product-rows", table="product_rows",
               required_parents={"ownerId": "ownerId", "ownerType": "ownerType"},
               text_flags=frozenset({"taxIncluded", "customized"}), **own),
        Entity(name="stage-history", table="stage_history_{}", wire_form="history", camel=True, reshape=_history_row,
               renames={"CREATED_TIME": "createdAt"}, optional_parents={"ownerId": "OWNER_ID"}, envelope="more", **own),
        Entity(name="categories", table="categories", wire_form="plain",
               required_parents={"entityTypeId": "entityTypeId"},
               has_table_id=False, envelope="root_total", **own),
        Entity(name="task-time", table="elapsed_items", scope="task", camel=True,
               optional_parents={"taskId": "TASK_ID", "userId": "USER_ID"}, **own),
        Entity(name="timeline-logs", table="timeline_log_messages",
               required_parents={"entityTypeId": "entityTypeId", "entityId": "entityId"}, **own),
        Entity(name="calls-statistics", table="calls", scope="telephony", key="ID", **raw),
        Entity(name="posts", table="feed_posts", scope="log", key="ID", **raw),
        Entity(name="workflows", table="workflow_instances", scope="bizproc", key="ID", has_table_id=False,
               page_size=50,
               optional_parents={"templateId": "TEMPLATE_ID", "startedBy": "STARTED_BY"}, **raw),
        Entity(name="warehouses", table="stores", scope="catalog", text_flags=frozenset({"active", "issuingCenter"}),
               envelope="root_total", **own),
    )  # fmt: skip


NESTED_ENTITIES: Final[dict[str, Entity]] = {entity.name: entity for entity in _entities()}
"""The entities of such lists, by name."""
LIST_PATHS: Final = {
    ("calls", "statistics"): "calls-statistics",
    ("posts",): "posts",
    ("workflows",): "workflows",
    ("warehouses",): "warehouses",
    ("task-time",): "task-time",
    ("timeline-logs",): "timeline-logs",
}
"""Paths → names of such lists."""


def product_owner_code(name: str, kind: int | None) -> str | None:
    """Return the owner code of product rows, such as ``D`` for deals, or None."""
    return f"T{kind:x}" if name == "items" and kind is not None else _OWNERS.get(name)


def history_entity_type(word: str) -> int | None:
    """Return the entity type id of a parameter such as ``deal`` or ``dynamic_1030``, or None."""
    word = word.lower()
    if word.startswith("dynamic_") and word.removeprefix("dynamic_").isdecimal():
        return int(word.removeprefix("dynamic_"))
    return _TYPES.get(word)
