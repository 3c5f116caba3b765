"""Runs one query of the VibeCode API, alone or out of a batch."""

from tap_bitrix24.demo.portal.messages import HttpRequest
from tap_bitrix24.demo.rest_v2.fault_answers import holds_broken, refusal_of
from tap_bitrix24.demo.vibecode.aggregate import aggregate
from tap_bitrix24.demo.vibecode.entity import Row
from tap_bitrix24.demo.vibecode.errors import VibeError
from tap_bitrix24.demo.vibecode.field_lists import field_list
from tap_bitrix24.demo.vibecode.keys import Key
from tap_bitrix24.demo.vibecode.request import EntityQuery, QueryResult
from tap_bitrix24.demo.vibecode.search import cost, read, single_row


def run_query(request: HttpRequest, query: EntityQuery, api_key: Key) -> QueryResult:
    """Return the result of a query: rows, one row, fields or aggregates."""
    portal = query.portal
    portal.stats.command(query.label)
    query.faults = portal.faults.command(query.label, {**query.parameters, **query.path_parameters})
    if "command_error" in query.faults:
        raise VibeError(str(query.faults["command_error"] or "INTERNAL_ERROR"))
    if "missing_method" in query.faults:
        raise VibeError(code="NOT_FOUND")
    if "refuse_command" in query.faults:
        code, text, status = refusal_of(query.faults["refuse_command"])
        raise VibeError(code=str(code), text=text, status=status)
    if query.action not in query.entity.ops:
        raise VibeError(code="ACTION_NOT_SUPPORTED")
    if query.entity.app_only and api_key.kind != "oauth_app":
        raise VibeError(code="OAUTH_REQUIRED")
    with portal.lock:
        if query.action == "fields":
            fields: Row = field_list(query.entity, portal, query.kind)
            return fields
        if query.action == "get":
            return single_row(query)
        if query.action == "aggregate":
            return aggregate(query)
        found = read(query)
    if "broken_text" in query.faults and holds_broken(found.rows, query.faults["broken_text"]):
        raise VibeError(code="BITRIX_ERROR", text="WRONG_ENCODING")
    request.timer.spend(cost(query, len(found.rows)))
    return found
