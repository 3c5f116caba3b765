"""The table of the VibeCode door: the same streams, by the lists its entity API has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tap_bitrix24.entities.base import Entity, Members, columns, of_type
from tap_bitrix24.entities.owners import SMART_PROCESS
from tap_bitrix24.model import VIBECODE, Endpoint, Paging, Stamp
from tap_bitrix24.paging import BySearch, Paged
from tap_bitrix24.shapes import listed

PAGE = 500
"""Rows a search brings: about ten calls of Bitrix24 for the service; ten times as many are allowed, and take long."""
SMALL = 50
"""Rows of a list that shares one batch of Bitrix24's with others."""


def _list(path: str, paging: Paging, *, key: str = "id", size: int = PAGE) -> Endpoint:
    return Endpoint(
        path, paging, listed, "", key, "id", page_size=size, chains=False, dialect=VIBECODE, alone=size == PAGE
    )


def _searched(
    stream: str, entity: str, modified: str = "", *, scope: Sequence[str] = ("crm",), key: str = "id",
    fallback: str = "", types: Mapping[str, str] | None = None,
) -> Entity:  # fmt: skip
    """A list that is read by id."""
    return Entity(
        stream=stream, scope=scope, default=True, endpoint=_list(f"/{entity}/search", BySearch(), key=key),
        fields_method=f"/{entity}/fields", key=(key,), types={key: "integer", **(types or {})},
        stamp=Stamp(modified, modified, fallback=fallback) if modified else None,
    )  # fmt: skip


def _small(stream: str, entity: str, kind: str, *, scope: Sequence[str] = ("crm",), key: str = "id") -> Entity:
    """A dictionary."""
    return Entity(
        stream=stream, scope=scope, default=True, endpoint=_list(f"/{entity}", Paged(), key=key, size=SMALL),
        fields_method=f"/{entity}/fields", key=(key,), types={key: kind},
    )  # fmt: skip


_TASK = ("task", "tasks")
_USER = ("user", "user_basic", "user_brief")
SMART = Entity(
    stream=SMART_PROCESS, scope=("crm",), default=True,
    members=Members(lambda portal: portal.types, lambda number, _: of_type(number)),
    endpoint=_list("/items/{entityTypeId}/search", BySearch()), fields_method="/items/{entityTypeId}/fields",
    key=("id",), types={"entityTypeId": "integer", "id": "integer"},
    stamp=Stamp("updatedTime", "updatedTime", fallback="updatedAt"),
)  # fmt: skip
DEPARTMENTS = Entity(
    stream="departments", scope=("department",), default=True,
    endpoint=_list("/departments", Paged(), size=SMALL), key=("id",),
    documented=columns(integer="id sort parent UF_HEAD", string="name"),
)  # fmt: skip
VIBE: Sequence[Entity] = (
    _searched("deals", "deals", "updatedAt"),
    _searched("quotes", "quotes", "updatedAt"),
    _searched("leads", "leads", "updatedTime", fallback="updatedAt", types={"fm": "any"}),
    _searched("contacts", "contacts", "updatedTime", fallback="updatedAt", types={"fm": "any"}),
    _searched("companies", "companies", "updatedTime", fallback="updatedAt", types={"fm": "any"}),
    _searched("smart_invoices", "invoices", "updatedTime", fallback="updatedAt"),
    SMART,
    _searched("tasks", "tasks", "changedDate", scope=_TASK, fallback="createdDate"),
    _searched("users", "users", scope=_USER),
    DEPARTMENTS,
    _small("crm_statuses", "statuses", "integer"),
    _small("currencies", "currencies", "string"),
)
"""Lists with ids that can be searched by come whole page by page; dictionaries share a request."""

DIFFERENCES: Sequence[tuple[str, str, str, str]] = (
    ("deals, leads, quotes", "`opportunity`, `currency_id`", "`amount`, `currency`", "the same values"),
    ("deals, quotes", "`date_create`, `date_modify`", "`created_at`, `updated_at`", "the same moments"),
    (
        "leads, contacts, companies",
        "`date_create`, `date_modify`",
        "`created_time`, `updated_time`",
        "the same moments",
    ),
    ("deals, quotes", "`closedate`, `is_return_customer`", "`closed_at`, `is_returning`", "`closed_at` is a date-time"),
    ("CRM", "`created_by_id`, `modify_by_id`", "`created_by`, `updated_by`", "the same values"),
    ("contacts, companies", "`phone`, `email`, `web` …", "`fm`", "all of them in one list"),
    ("leads", "`status_id`", "`stage_id`", "the same codes"),
    ("currencies", "`currency`", "`id`", "the same codes"),
    ("all", "Y/N flags", "true, false", "booleans through both doors"),
)
"""Streams, columns through the REST doors, columns here, and what of the values."""

NOT_LISTED: Mapping[str, str] = {
    "crm_stage_history": "one owner at a time only",
    "crm_product_rows": "one owner at a time only, four requests a second",
    "crm_activities": "not built yet",
    "orders, payments, baskets, catalog": "not built yet",
    "calendar_events": "one calendar at a time; its page calls the list disabled",
    "files, folders": "one folder at a time",
    "list_elements": "the service describes their fields, and has no rows",
    "open lines, landing blocks, BI connector, REST 3.0": "the service has no such lists",
    "field_options": "words for codes come with `crm_statuses`",
}
"""What this door does not read, and why."""
