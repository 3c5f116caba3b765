"""How the VibeCode API wraps what it answers, which differs from entity to entity."""

from typing import Any

from tap_bitrix24.demo.vibecode.request import Answered, Asked, Found


def enveloped(asked: Asked, found: Answered) -> dict[str, Any]:
    """Wrap an answer."""
    if not isinstance(found, Found):
        return {"success": True, "data": found}
    total, data = told_total(asked, found), shown(asked, found)
    more = {"hasMore": found.more}
    if asked.entity.envelope == "root":
        place = {"page": found.offset // found.limit + 1, "limit": found.limit}
        return {"success": True, "data": data, **total, **place, "meta": found.meta}
    if asked.entity.envelope == "root_total":
        return {"success": True, "data": data, **total, "meta": found.meta}
    if asked.entity.envelope == "overview":
        return {"success": True, "data": data, **total, "meta": {**more, **found.meta}}
    if asked.entity.envelope == "data_only":
        return {"success": True, "data": data}
    known = {} if asked.entity.envelope == "more" else total
    return {"success": True, "data": data, "meta": {**known, **more, **found.meta}}


def told_total(asked: Asked, found: Found) -> dict[str, int]:
    """Return the total as it is told: not at all, or 0 although there are rows."""
    switch = asked.portal.switches["vibe_total"]
    unasked = asked.given.get("withTotal")
    if switch == "absent" or unasked is False or unasked == "false":
        return {}
    return {"total": 0 if switch == "zero" else found.total}


def shown(asked: Asked, found: Found) -> Any:
    """Return the rows; a single one has been seen as an object of its own."""
    alone = asked.portal.switches["vibe_single"] == "on" and len(found.rows) == 1
    return found.rows[0] if alone else found.rows
