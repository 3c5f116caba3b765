"""Which streams the portal can be asked to count, and what becomes of the answers."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from tap_bitrix24.dialects import rest_v2, vibecode
from tap_bitrix24.entities import find_entity
from tap_bitrix24.entities.portal_info import PortalInfo
from tap_bitrix24.errors import AccessError, PortalError, RejectedError
from tap_bitrix24.model.endpoint import REST_2, VIBECODE
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.model.request import PageRequest
from tap_bitrix24.replication.plan import ReadPlan
from tap_bitrix24.row_counts import count_requests, count_rows

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PLAN = ReadPlan(PortalInfo(NOW, smart_processes={156: ""}, hidden_categories={3: [7]}))


def asked(stream: str, plan: ReadPlan = PLAN, dialect: str = REST_2) -> list[PageRequest]:
    entity = find_entity(stream, dialect)
    assert entity is not None
    return count_requests(entity, stream, plan, 900)


def commands(stream: str, plan: ReadPlan = PLAN) -> list[Command]:
    return [rest_v2.commands(ask)[0] for ask in asked(stream, plan)]


def test_a_count_is_bounded_by_the_last_id_and_asks_for_the_total() -> None:
    (deals,) = commands("deals")
    assert deals.params["filter"] == {"<=ID": 900}
    assert deals.params["start"] == 0


def test_every_list_of_a_stream_is_counted() -> None:
    """Contacts of other categories are hidden from the classic method."""
    classic, universal = commands("contacts")
    assert classic.params["filter"] == {"<=ID": 900}
    assert universal.params["filter"] == {"<=id": 900, "@categoryId": [7]}


@pytest.mark.parametrize(
    "stream",
    ["crm_product_rows", "fields", "child_reads", "crm_stage_history", "crm_addresses", "im_dialog_messages", "lists"],
)
def test_what_has_no_count_by_id_is_not_asked(stream: str) -> None:
    assert asked(stream) == []


def test_only_what_has_changed_since_is_counted_where_that_is_exact() -> None:
    since = ReadPlan(PLAN.portal, start_date=NOW)
    (deals,) = commands("deals", since)
    assert deals.params["filter"] == {"<=ID": 900, ">=DATE_MODIFY": "2026-03-01T00:00:00+00:00"}
    assert asked("smart_invoices", since) == [], "bounds are widened there"
    assert len(asked("users", since)) == 1, "users are read whole, whatever the date"


def test_vibecode_counts_by_a_call_of_its_own() -> None:
    (ask,) = asked("deals", dialect=VIBECODE)
    (command,) = vibecode.commands(ask)
    assert command.method == "/deals/aggregate"
    assert command.params["filter"] == {"id": {"$lte": 900}}
    body = Result({"success": True, "data": {"count": 0, "aggregates": {}}})
    assert vibecode.page(ask.list_spec, body).total == 0
    (smart,) = vibecode.commands(asked("smart_process_156", dialect=VIBECODE)[0])
    assert vibecode.call(smart).path == "/items/156/aggregate"


class Portals:
    """A client that has these totals, in a batch or alone."""

    dialects: Mapping[str, Any] = {REST_2: rest_v2, VIBECODE: vibecode}

    def __init__(self, together: Mapping[str, Any], alone: Mapping[str, Any]) -> None:
        self.together, self.alone = together, alone
        self.calls: list[str] = []

    def batch_with_retries(self, bundle: Sequence[Command]) -> list[Result | PortalError]:
        return [self._told(self.together.get(command.method)) for command in bundle]

    def call(self, command: Command) -> Result:
        self.calls.append(command.method)
        told = self._told(self.alone.get(command.method))
        if isinstance(told, PortalError):
            raise told
        return told

    @staticmethod
    def _told(told: Any) -> Result | PortalError:
        return told if isinstance(told, PortalError) else Result([], total=told)


def test_what_a_batch_leaves_out_is_asked_alone() -> None:
    portal = Portals({"crm.deal.list": 5, "crm.contact.list": 3}, {"crm.item.list": 4})
    found = count_rows(portal, {name: asked(name) for name in ("deals", "contacts")})  # type: ignore[arg-type]
    assert found == {"deals": 5, "contacts": 7}
    assert portal.calls == ["crm.item.list"]


def test_a_list_that_can_not_be_counted_leaves_its_stream_out() -> None:
    refused = RejectedError("no")
    portal = Portals({"crm.deal.list": refused, "crm.contact.list": 3}, {"crm.deal.list": refused})
    found = count_rows(portal, {name: asked(name) for name in ("deals", "contacts", "fields")})  # type: ignore[arg-type]
    assert found == {"deals": None, "contacts": None, "fields": None}


def test_credentials_that_have_ended_are_told() -> None:
    portal = Portals({}, {"crm.deal.list": AccessError("gone")})
    with pytest.raises(AccessError):
        count_rows(portal, {"deals": asked("deals")})  # type: ignore[arg-type]
