"""Which streams the portal can count, and the counts made of its answers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tap_bitrix24.dialects import rest_v2, vibecode
from tap_bitrix24.entities import find_entity
from tap_bitrix24.entities.portal_info import PortalInfo
from tap_bitrix24.errors import AccessError, PortalError, RejectedError
from tap_bitrix24.model.endpoint import REST_V2, VIBECODE
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.model.request import PageRequest
from tap_bitrix24.replication.plan import ReadOptions, read_plan
from tap_bitrix24.row_counts import count_requests, count_rows

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OPTIONS = ReadOptions(PortalInfo(NOW, smart_processes={156: ""}, hidden_categories={3: [7]}))


def requests(stream: str, options: ReadOptions = OPTIONS, dialect: str = REST_V2) -> list[PageRequest]:
    """Return the requests that count a stream's rows up to id 900."""
    entity = find_entity(stream, dialect)
    assert entity is not None
    return count_requests(read_plan(entity, stream, options), 900)


def commands(stream: str, options: ReadOptions = OPTIONS) -> list[Command]:
    return [rest_v2.commands(request)[0] for request in requests(stream, options)]


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
def test_streams_without_a_reliable_count_by_id_are_not_counted(stream: str) -> None:
    assert requests(stream) == []


def test_rows_since_the_start_date_are_counted_where_the_filter_is_exact() -> None:
    since = ReadOptions(OPTIONS.portal, start_date=NOW)
    (deals,) = commands("deals", since)
    assert deals.params["filter"] == {"<=ID": 900, ">=DATE_MODIFY": "2026-03-01T00:00:00+00:00"}
    assert requests("smart_invoices", since) == [], "bounds are widened there"
    assert len(requests("users", since)) == 1, "users are read whole, whatever the date"


def test_the_count_does_not_depend_on_how_the_catalog_has_the_stream_read() -> None:
    whole = commands("deals")
    assert commands("deals", replace(OPTIONS, replication_key="date_modify")) == whole
    assert commands("deals", replace(OPTIONS, replication_key="date_modify", full_table=True)) == whole


def test_vibecode_counts_by_a_call_of_its_own() -> None:
    (request,) = requests("deals", dialect=VIBECODE)
    (command,) = vibecode.commands(request)
    assert command.method == "/deals/aggregate"
    assert command.params["filter"] == {"id": {"$lte": 900}}
    body = Result({"success": True, "data": {"count": 0, "aggregates": {}}})
    assert vibecode.page(request.list_spec, body).total == 0
    (smart,) = vibecode.commands(requests("smart_process_156", dialect=VIBECODE)[0])
    assert vibecode.call(smart).path == "/items/156/aggregate"


class Portals:
    """A client whose portal answers with these totals, in a batch or in a separate call."""

    dialects: Mapping[str, Any] = {REST_V2: rest_v2, VIBECODE: vibecode}

    def __init__(self, together: Mapping[str, Any], alone: Mapping[str, Any]) -> None:
        self.together, self.alone = together, alone
        self.calls: list[str] = []

    def batch_with_retries(self, commands: Sequence[Command]) -> list[Result | PortalError]:
        return [self._result(self.together.get(command.method)) for command in commands]

    def call(self, command: Command) -> Result:
        self.calls.append(command.method)
        result = self._result(self.alone.get(command.method))
        if isinstance(result, PortalError):
            raise result
        return result

    @staticmethod
    def _result(total: Any) -> Result | PortalError:
        return total if isinstance(total, PortalError) else Result([], total=total)


def counted(portal: Portals, requests: Mapping[str, Sequence[PageRequest]]) -> dict[str, int | None]:
    return count_rows(portal, requests)  # type: ignore[arg-type]  # what count_rows calls of a client


def test_a_total_left_out_in_a_batch_is_requested_separately() -> None:
    portal = Portals({"crm.deal.list": 5, "crm.contact.list": 3}, {"crm.item.list": 4})
    counts = counted(portal, {name: requests(name) for name in ("deals", "contacts")})
    assert counts == {"deals": 5, "contacts": 7}
    assert portal.calls == ["crm.item.list"]


def test_a_stream_with_a_list_that_can_not_be_counted_has_no_count() -> None:
    refused = RejectedError("no")
    portal = Portals({"crm.deal.list": refused, "crm.contact.list": 3}, {"crm.deal.list": refused})
    counts = counted(portal, {name: requests(name) for name in ("deals", "contacts", "fields")})
    assert counts == {"deals": None, "contacts": None, "fields": None}


def test_expired_credentials_are_an_error() -> None:
    portal = Portals({}, {"crm.deal.list": AccessError("gone")})
    with pytest.raises(AccessError):
        counted(portal, {"deals": requests("deals")})
