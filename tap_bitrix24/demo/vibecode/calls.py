"""Runs one call of the VibeCode API, alone or out of a batch."""

from tap_bitrix24.demo.portal.messages import HttpRequest
from tap_bitrix24.demo.vibecode.aggregate import aggregated
from tap_bitrix24.demo.vibecode.entity import Row
from tap_bitrix24.demo.vibecode.errors import VibeError
from tap_bitrix24.demo.vibecode.field_lists import described
from tap_bitrix24.demo.vibecode.keys import Key
from tap_bitrix24.demo.vibecode.request import Answered, Asked
from tap_bitrix24.demo.vibecode.search import alone, cost, read


def called(request: HttpRequest, asked: Asked, asking: Key) -> Answered:
    """Return rows, one row, fields or a count."""
    portal = asked.portal
    portal.stats.command(asked.word)
    asked.faults = portal.faults.command(asked.word)
    if "command_error" in asked.faults:
        raise VibeError(str(asked.faults["command_error"] or "INTERNAL_ERROR"))
    if asked.mode not in asked.entity.ops:
        raise VibeError(code="ACTION_NOT_SUPPORTED")
    if asked.entity.app_only and asking.kind != "oauth_app":
        raise VibeError(code="OAUTH_REQUIRED")
    with portal.lock:
        if asked.mode == "fields":
            fields: Row = described(asked.entity, portal, asked.kind)
            return fields
        if asked.mode == "get":
            return alone(asked)
        if asked.mode == "aggregate":
            return aggregated(asked)
        found = read(asked)
    request.timer.spend(cost(asked, len(found.rows)))
    return found
