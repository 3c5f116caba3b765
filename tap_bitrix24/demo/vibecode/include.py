"""``include`` of the VibeCode API: a few related rows within each row, dropped from long pages."""

from typing import Any, Final

from tap_bitrix24.demo.rest_v2.api import classic_rest
from tap_bitrix24.demo.vibecode.entity import Row
from tap_bitrix24.demo.vibecode.errors import VibeError
from tap_bitrix24.demo.vibecode.request import Asked

_RELATIONS: Final = 3
_ROWS: Final = 200
_TABLES: Final = {"company": "companies", "contact": "contacts", "deal": "deals", "quote": "quotes"}


def included(asked: Asked, rows: list[Row]) -> dict[str, Any]:
    """Put related rows into each row under ``_included``; returns what is told if there are too many."""
    wanted = _wanted(asked.given.get("include"))
    if len(wanted) > _RELATIONS or any(name not in asked.entity.include for name in wanted):
        raise VibeError(code="INVALID_INCLUDE", text=f"allowed: {', '.join(asked.entity.include)}")
    if not wanted:
        return {}
    if len(rows) > _ROWS:
        return {"includeSkipped": True}
    for row in rows:
        row["_included"] = {name: _related(asked, name, row) for name in wanted}
    return {}


def _wanted(given: Any) -> list[str]:
    """Read a list with commas in a query, a list in a body."""
    listed = given.split(",") if isinstance(given, str) else given or []
    return [str(name).strip() for name in (listed.values() if isinstance(listed, dict) else listed)]


def _related(asked: Asked, name: str, row: Row) -> Any:
    """Return the row that is related, in short; requisites are several, or none."""
    if name not in _TABLES:
        return []
    number, view = row.get(f"{name}Id") or 0, classic_rest(asked.portal).view("universal", _TABLES[name])
    if not view.table.holds(number):
        return None
    related = view.row(number)
    return {key: related[key] for key in ("id", "title", "name", "lastName") if key in related}
