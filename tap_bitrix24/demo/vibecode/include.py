"""``include`` of the VibeCode API: related rows within each row, dropped on long pages."""

from typing import Any, Final

from tap_bitrix24.demo.rest_v2.api import classic_rest
from tap_bitrix24.demo.vibecode.entity import Row
from tap_bitrix24.demo.vibecode.errors import VibeError
from tap_bitrix24.demo.vibecode.request import EntityQuery

_MAX_RELATIONS: Final = 3
_MAX_ROWS: Final = 200
_TABLES: Final = {"company": "companies", "contact": "contacts", "deal": "deals", "quote": "quotes"}


def add_related(query: EntityQuery, rows: list[Row]) -> dict[str, Any]:
    """Add related rows to each row under ``_included``; returns metadata if there are too many rows."""
    wanted = _wanted(query.parameters.get("include"))
    if len(wanted) > _MAX_RELATIONS or any(name not in query.entity.include for name in wanted):
        raise VibeError(code="INVALID_INCLUDE", text=f"allowed: {', '.join(query.entity.include)}")
    if not wanted:
        return {}
    if len(rows) > _MAX_ROWS:
        return {"includeSkipped": True}
    for row in rows:
        row["_included"] = {name: _related(query, name, row) for name in wanted}
    return {}


def _wanted(given: Any) -> list[str]:
    """Return names from a list with commas (query string) or a list (body)."""
    listed = given.split(",") if isinstance(given, str) else given or []
    return [str(name).strip() for name in (listed.values() if isinstance(listed, dict) else listed)]


def _related(query: EntityQuery, name: str, row: Row) -> Any:
    """Return the related row in short form; requisites are a list."""
    if name not in _TABLES:
        return []
    number, view = row.get(f"{name}Id") or 0, classic_rest(query.portal).view("universal", _TABLES[name])
    if not view.table.holds(number):
        return None
    related = view.row(number)
    return {key: related[key] for key in ("id", "title", "name", "lastName") if key in related}
