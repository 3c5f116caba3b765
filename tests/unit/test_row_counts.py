"""What the portal is asked to verify tables, and what is made of its answers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tap_bitrix24.dialects import rest_v2, vibecode
from tap_bitrix24.dialects.pagination import LimitOffset, PositionalParameters, StartParameter, TailCursor
from tap_bitrix24.entities import find_entity
from tap_bitrix24.entities.portal_info import PortalInfo
from tap_bitrix24.errors import AccessError, PortalError, RejectedError
from tap_bitrix24.model.endpoint import REST_V2, VIBECODE
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.model.request import PageRequest
from tap_bitrix24.replication.plan import ReadOptions, ReadPlan, read_plan
from tap_bitrix24.row_counts import (
    Children,
    Newest,
    PortalView,
    Question,
    ask_newest,
    ask_portal,
    count_requests,
    parent_plans,
    sample_requests,
    some_of,
    whole_requests,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OPTIONS = ReadOptions(PortalInfo(NOW, smart_processes={156: ""}, hidden_categories={3: [7]}))


def plan(stream: str, options: ReadOptions = OPTIONS, dialect: str = REST_V2) -> ReadPlan:
    """Return how a stream is read."""
    entity = find_entity(stream, dialect)
    assert entity is not None
    return read_plan(entity, stream, options)


def requests(stream: str, options: ReadOptions = OPTIONS, dialect: str = REST_V2) -> list[PageRequest]:
    """Return the requests that count a stream's rows up to id 900."""
    return count_requests(plan(stream, options, dialect), 900)


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


def test_pagination_says_whether_a_total_counts_the_matches() -> None:
    assert StartParameter().counts_matches
    assert PositionalParameters().counts_matches
    assert not LimitOffset().counts_matches
    assert not TailCursor().counts_matches


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


def test_a_sample_is_one_page_after_an_id_or_the_first_page() -> None:
    (deals,) = sample_requests(plan("deals"), 123)
    assert deals.after == 123
    assert rest_v2.commands(deals)[0].params["start"] == -1
    (statuses,) = sample_requests(plan("crm_statuses"), 123)
    assert statuses.offset == 0
    (search,) = sample_requests(plan("deals", dialect=VIBECODE), 123)
    assert vibecode.commands(search)[0].params["limit"] == 50
    assert sample_requests(plan("crm_product_rows"), 123) == []


def test_a_list_without_a_filter_by_id_is_counted_whole() -> None:
    (statuses,) = whole_requests(plan("crm_statuses"))
    assert statuses.offset == 0
    assert whole_requests(plan("deals")) == [], "counted by id"
    assert whole_requests(plan("crm_addresses")) == [], "its total is the size of the page"


def test_parents_are_counted_unless_not_all_of_them_have_children() -> None:
    swept = replace(OPTIONS, replication_key="_bitrix24_children_read_at")
    names = [
        each.removeprefix("crm_product_rows of ")
        for each in parent_plans("crm_product_rows", plan("crm_product_rows", swept))
    ]
    assert names == ["deal", "lead", "quote", "smart_invoice", "dynamic_156"]
    assert parent_plans("deals", plan("deals")) == {}


@pytest.mark.parametrize(("number", "expected"), [(9, [1, 2, 3, 4, 5]), (2, [2, 5]), (1, [5])])
def test_some_of_many_are_spread_and_hold_the_last(number: int, expected: list[int]) -> None:
    assert some_of(range(1, 6), number) == expected


class Portals:
    """A client whose portal gives these answers, in a batch or in a separate call: a total, rows or an error."""

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
    def _result(given: Any) -> Result | PortalError:
        if isinstance(given, (PortalError, Result)):
            return given
        return Result(given) if isinstance(given, list) else Result([], total=given)


SWEPT = replace(OPTIONS, replication_key="_bitrix24_children_read_at")


def viewed(portal: Portals, *streams: str, parents: Sequence[str] = ()) -> dict[str, PortalView]:
    """Return the portal's answers about some streams, counted up to id 900."""
    plans = {name: plan(name, SWEPT if parents else OPTIONS) for name in streams}
    questions = {name: Question(last_id=900, parents=parents) for name in streams}
    return ask_portal(portal, plans, {}, questions) if not parents else ask_portal(portal, plans, plans, questions)  # type: ignore[arg-type]  # what ask_portal calls of a client


def counted(portal: Portals, *streams: str) -> dict[str, int | None]:
    return {name: view.count for name, view in viewed(portal, *streams).items()}


def test_a_total_left_out_in_a_batch_is_requested_separately() -> None:
    portal = Portals({"crm.deal.list": 5, "crm.contact.list": 3}, {"crm.item.list": 4})
    assert counted(portal, "deals", "contacts") == {"deals": 5, "contacts": 7}
    assert portal.calls == ["crm.item.list"]


def test_a_stream_with_a_list_that_can_not_be_counted_has_no_count() -> None:
    refused = RejectedError("no")
    portal = Portals({"crm.deal.list": refused, "crm.contact.list": 3}, {"crm.deal.list": refused})
    assert counted(portal, "deals", "contacts", "crm_addresses") == {
        "deals": None,
        "contacts": None,
        "crm_addresses": None,
    }


def test_expired_credentials_are_an_error() -> None:
    portal = Portals({}, {"crm.deal.list": AccessError("gone")})
    with pytest.raises(AccessError):
        counted(portal, "deals")


def test_an_empty_page_with_a_total_is_no_list_without_rows() -> None:
    """`crm.status.list` answering `[]` with a total of 69 has 69 rows."""
    assert counted(Portals({"crm.status.list": 69}, {}), "crm_statuses") == {"crm_statuses": 69}


def test_the_newest_id_is_the_largest_of_all_lists_or_unknown() -> None:
    deals, statuses = Result([{"ID": "7"}, {"ID": "5"}]), Result([], total=69)
    refused = {"crm.item.list": RejectedError("no")}
    portal = Portals({"crm.deal.list": deals, "crm.lead.list": [], "crm.status.list": statuses, **refused}, refused)
    plans = {name: plan(name) for name in ("deals", "leads", "contacts", "crm_statuses")}
    newest = ask_newest(portal, plans, NOW)  # type: ignore[arg-type]  # what ask_newest calls of a client
    assert newest == Newest(NOW, {"deals": 7, "leads": 0}, {"crm_statuses": 69}), "hidden contacts were refused"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Result({"productRows": [{"id": 4, "ownerId": 17}, {"id": 9, "ownerId": 17}]}, total=2), Children(2, [4, 9])),
        (Result({"productRows": [{"id": 4, "ownerId": 17}]}, total=60), Children(60)),
        (Result({"productRows": [{"id": 4, "ownerId": 17}, {"id": 5, "ownerId": 3}]}, total=60), Children(1, [4])),
    ],
    ids=["all on one page", "more pages", "a portal that drops the condition"],
)
def test_children_of_a_parent_are_counted(answer: Result, expected: Children) -> None:
    portal = Portals({"crm.item.productrow.list": answer}, {})
    assert viewed(portal, "crm_product_rows", parents=["deal:17"])["crm_product_rows"].children == {"deal:17": expected}
