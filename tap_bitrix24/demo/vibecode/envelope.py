"""Envelopes of the VibeCode API's answers; they differ by entity."""

from typing import Any

from tap_bitrix24.demo.rest_v2.fault_answers import NO_LISTS
from tap_bitrix24.demo.rest_v2.fault_answers import shown_total as fault_total
from tap_bitrix24.demo.vibecode.request import EntityQuery, Listing, QueryResult


def envelope(query: EntityQuery, found: QueryResult) -> dict[str, Any]:
    """Return the body of an answer."""
    if not isinstance(found, Listing):
        return {"success": True, "data": found}
    total, data = shown_total(query, found), shown(query, found)
    more = {"hasMore": found.more}
    if query.entity.envelope == "root":
        place = {"page": found.offset // found.limit + 1, "limit": found.limit}
        return {"success": True, "data": data, **total, **place, "meta": found.meta}
    if query.entity.envelope == "root_total":
        return {"success": True, "data": data, **total, "meta": found.meta}
    if query.entity.envelope == "overview":
        return {"success": True, "data": data, **total, "meta": {**more, **found.meta}}
    if query.entity.envelope == "data_only":
        return {"success": True, "data": data}
    known = {} if query.entity.envelope == "more" else total
    return {"success": True, "data": data, "meta": {**known, **more, **found.meta}}


def shown_total(query: EntityQuery, found: Listing) -> dict[str, int]:
    """Return the total as shown: absent or 0 although there are rows, by the switch ``vibe_total``."""
    if "wrong_total" in query.faults:
        told = fault_total(query.faults["wrong_total"])
        return {} if told is None else {"total": told}
    switch = query.portal.switches["vibe_total"]
    with_total = query.parameters.get("withTotal")
    if switch == "absent" or with_total is False or with_total == "false":
        return {}
    return {"total": 0 if switch == "zero" else found.total}


def shown(query: EntityQuery, found: Listing) -> Any:
    """Return the rows, or what a fault puts in their place; with ``vibe_single`` a single row is no list."""
    for name, value in NO_LISTS.items():
        if name in query.faults:
            return value
    single = query.portal.switches["vibe_single"] == "on" and len(found.rows) == 1
    return found.rows[0] if single else found.rows
