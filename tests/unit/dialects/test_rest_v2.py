"""Classic REST: commands of page requests; results, pages and errors of answers (docs/protocol.md §1, §2)."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tap_bitrix24.dialects import rest_v2
from tap_bitrix24.dialects.pagination import SinglePage, StartParameter
from tap_bitrix24.dialects.response_shapes import listed
from tap_bitrix24.entities import ITEM_REPLICATION_KEY, ITEMS
from tap_bitrix24.errors import (
    AccessError,
    DoubtfulError,
    ExpiredError,
    MissingMethodError,
    OperationLimitError,
    PortalError,
    RateLimitedError,
    RejectedError,
    RetriableError,
    UnavailableError,
    UnreadableError,
    UntrustedError,
)
from tap_bitrix24.model.endpoint import Endpoint, ListSpec, ReplicationKey
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.model.request import Page, PageRequest, Window

DEALS = Endpoint("crm.deal.list", StartParameter(), listed, select_param="select")
TASKS = Endpoint("tasks.task.list", StartParameter(), listed, records_path="tasks", key="id", select_param="select")
USERS = Endpoint("user.get", StartParameter("FILTER", ("sort", "order")), listed)
DAYS = Endpoint("timeman.timecontrol.reports.get", SinglePage(), listed, records_path="report.days", key="index")
STATUSES = Endpoint("crm.status.list", StartParameter(order=None), listed)
DEEP = Endpoint("deep.list", StartParameter(), listed, records_path="answer.rows", page_size=20)
MARCH, APRIL = datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 4, 1, tzinfo=UTC)
MODIFIED = ReplicationKey("DATE_MODIFY", "DATE_MODIFY")


def parameters(request: PageRequest, first: int = 0) -> list[dict[str, Any]]:
    """Return the parameters of each command."""
    return [dict(command.params) for command in rest_v2.commands(request, first)]


# Requests


def test_a_first_page_is_ordered_and_uncounted() -> None:
    (query,) = parameters(PageRequest(list_spec=ListSpec(DEALS, params={"select": ["*", "UF_*"]}), after=0))
    assert query["select"] == ["*", "UF_*"]
    assert query["order"] == {"ID": "ASC"}
    assert query["start"] == -1


def test_a_chain_refers_to_the_last_row_of_the_command_before() -> None:
    queries = parameters(PageRequest(list_spec=ListSpec(DEALS), after=700, pages=3), first=4)
    assert [query["filter"] for query in queries] == [
        {">ID": 700},
        {">ID": "$result[c4][49][ID]"},
        {">ID": "$result[c5][49][ID]"},
    ]


@pytest.mark.parametrize(
    ("endpoint", "name", "reference"),
    [
        (TASKS, ">ID", "$result[c0][tasks][49][id]"),
        (ITEMS, ">id", "$result[c0][items][49][id]"),
        (DEEP, ">ID", "$result[c0][answer][rows][19][ID]"),
    ],
)
def test_a_chain_of_wrapped_rows(endpoint: Endpoint, name: str, reference: str) -> None:
    queries = parameters(PageRequest(list_spec=ListSpec(endpoint), after=5, pages=2))
    assert [query["filter"] for query in queries] == [{name: 5}, {name: reference}]


def test_each_reference_is_one_whole_value_without_blanks() -> None:
    """§2.3: a match runs up to the next blank; only a whole value keeps its type."""
    for query in parameters(PageRequest(list_spec=ListSpec(TASKS), after=1, pages=50))[1:]:
        assert re.fullmatch(r"\$result(\[\w+\])+", query["filter"][">ID"])


def test_users_take_order_in_two_words_and_filter_in_capitals() -> None:
    (query,) = parameters(PageRequest(list_spec=ListSpec(USERS), after=9))
    assert query == {"sort": "ID", "order": "ASC", "FILTER": {">ID": 9}, "start": -1}


def test_the_newest_page_asks_for_ids_only() -> None:
    (query,) = parameters(
        PageRequest(list_spec=ListSpec(DEALS, params={"select": ["*"]}, filter={"=STAGE": "A"}), descending=True)
    )
    assert query == {"select": ["ID"], "order": {"ID": "DESC"}, "filter": {"=STAGE": "A"}, "start": -1}


def test_the_newest_page_of_a_list_that_takes_its_select_inside_another_parameter() -> None:
    given = {"params": {"select": ["*"], "get_preview": 0}}
    inside = replace(DEALS, select_param="params.select", pagination=StartParameter("params.filter", "params.order"))
    (query,) = parameters(PageRequest(list_spec=ListSpec(inside, params=given), descending=True))
    assert query == {
        "params": {"select": ["ID"], "get_preview": 0, "filter": {}, "order": {"ID": "DESC"}},
        "start": -1,
    }
    assert given == {"params": {"select": ["*"], "get_preview": 0}}, "the source's own parameters stay as they are"


def test_a_counted_page_starts_at_zero() -> None:
    ask = PageRequest(list_spec=ListSpec(DEALS, replication_key=MODIFIED), window=Window(MARCH), after=0, counted=True)
    (query,) = parameters(ask)
    assert query["start"] == 0


def test_offsets() -> None:
    queries = parameters(PageRequest(list_spec=ListSpec(DEALS), offset=100, pages=3))
    assert [query["start"] for query in queries] == [100, 150, 200]
    assert parameters(PageRequest(list_spec=ListSpec(STATUSES), offset=0)) == [{"start": 0}]


def test_bounds_are_half_open_and_carry_an_offset() -> None:
    ask = PageRequest(list_spec=ListSpec(DEALS, replication_key=MODIFIED), window=Window(MARCH, APRIL), after=3)
    (query,) = parameters(ask)
    assert query["filter"] == {
        ">ID": 3,
        ">=DATE_MODIFY": "2025-03-01T00:00:00+00:00",
        "<DATE_MODIFY": "2025-04-01T00:00:00+00:00",
    }


def test_zone_shifted_bounds_are_widened_by_26_hours() -> None:
    ask = PageRequest(
        list_spec=ListSpec(ITEMS, params={"entityTypeId": 31}, replication_key=ITEM_REPLICATION_KEY),
        window=Window(MARCH, APRIL),
        after=3,
    )
    (query,) = parameters(ask)
    assert query["entityTypeId"] == 31
    assert query["filter"][">=updatedTime"] == "2025-02-27T22:00:00+00:00"
    assert query["filter"]["<updatedTime"] == "2025-04-02T02:00:00+00:00"


def decoded(query: str) -> dict[str, str]:
    """As PHP's form parser would read it: split at `&` and the first `=`, `+` is a space, decoded once."""
    assert "#" not in query, "the rest would be cut off as a fragment"
    return dict(parse_qsl(query, keep_blank_values=True, strict_parsing=True))


@pytest.mark.parametrize(
    ("params", "flat"),
    [
        (
            {"filter": {">=DATE_MODIFY": "2025-03-01T10:00:00+03:00"}},
            {"filter[>=DATE_MODIFY]": "2025-03-01T10:00:00+03:00"},
        ),
        ({"filter": {">ID": "$result[c0][49][ID]"}}, {"filter[>ID]": "$result[c0][49][ID]"}),
        ({"select": ["*", "UF_*"]}, {"select[0]": "*", "select[1]": "UF_*"}),
        ({"filter": {"@categoryId": [1, 2]}}, {"filter[@categoryId][0]": "1", "filter[@categoryId][1]": "2"}),
        ({"filter": {"=TITLE": "a&b=c#d %41 + Ёж;"}}, {"filter[=TITLE]": "a&b=c#d %41 + Ёж;"}),
        ({"start": -1, "none": None}, {"start": "-1"}),
        ({"filter": {}}, {}),
    ],
)
def test_commands_survive_the_servers_form_parser(params: Mapping[str, Any], flat: dict[str, str]) -> None:
    query = rest_v2.php_query(params)
    assert re.fullmatch(r"[\w.%~&=-]*", query, re.ASCII), "everything else is percent-encoded"
    assert (decoded(query) if query else {}) == flat


def test_a_batch() -> None:
    body = rest_v2.batch_body([Command("scope"), Command("crm.deal.list", {"order": {"ID": "ASC"}, "start": -1})])
    assert body["cmd"] == {"c0": "scope?", "c1": "crm.deal.list?order%5BID%5D=ASC&start=-1"}
    assert list(body["cmd"]) == ["c0", "c1"], "commands run in the order given"
    assert body["start"] == -1, "controllers look at the outer start"
    assert body["halt"] in (0, False), '"false" would switch it on'


# Answers


def outer(**maps: Any) -> Result:
    """Return a batch answer; missing maps are empty lists, as PHP sends them."""
    names = ("result", "result_error", "result_total", "result_next", "result_time")
    return Result({name: maps.get(name, []) for name in names})


TWO = [Command("crm.deal.list"), Command("crm.lead.list")]


def test_batch_results() -> None:
    time = {"operating": 1.5}
    answer = outer(
        result={"c0": [{"ID": "1"}], "c1": []},
        result_total={"c0": 1, "c1": 0},
        result_next={"c0": 50},
        result_time={"c0": time},
    )
    assert rest_v2.batch_results(answer, TWO) == [Result([{"ID": "1"}], 1, 50, time), Result([], 0)]


def test_batch_results_with_a_failed_command() -> None:
    answer = outer(
        result={"c1": [{"ID": "2"}]}, result_error={"c0": {"error": "", "error_description": "Access denied."}}
    )
    failed, done = rest_v2.batch_results(answer, TWO)
    assert isinstance(failed, RejectedError)
    assert "crm.deal.list: Access denied." in str(failed)
    assert done == Result([{"ID": "2"}])


@pytest.mark.parametrize(
    "value",
    [
        [],
        None,
        "text",
        {"result": [], "result_error": []},
        {"result": [[{"ID": "1"}], []]},
        {"result": {"x": [], "C0": []}},
    ],
)
def test_a_command_that_appears_nowhere_was_not_run(value: Any) -> None:
    results = rest_v2.batch_results(Result(value), TWO)
    assert [type(result) for result in results] == [UnavailableError, UnavailableError]
    assert "crm.lead.list" in str(results[1])


def test_the_result_of_a_command_may_be_null() -> None:
    assert rest_v2.batch_results(outer(result={"c0": None, "c1": False}), TWO) == [Result(None), Result(value=False)]


def test_times_of_any_shape() -> None:
    answer = outer(result={"c0": 1, "c1": 2}, result_time={"c0": []})
    assert [result.time for result in rest_v2.batch_results(answer, TWO) if isinstance(result, Result)] == [{}, {}]


def test_a_single_answer() -> None:
    times = {"date_start": "2025-01-01T00:00:00+00:00"}
    body = {"result": [1], "total": 7, "next": 50, "time": times}
    assert rest_v2.result(body, 200, "m") == Result([1], 7, 50, times)
    assert rest_v2.result({"result": False, "time": []}, 200, "m") == Result(value=False)


@pytest.mark.parametrize("body", [[], "text", None, 5, {}, {"time": {}}])
@pytest.mark.parametrize("status", [200, 502])
def test_an_answer_without_result_is_no_answer(body: Any, status: int) -> None:
    with pytest.raises(UnavailableError, match=str(status)):
        rest_v2.result(body, status, "crm.deal.list")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("", RejectedError),
        (0, DoubtfulError),
        ("0", DoubtfulError),
        (100, RejectedError),
        ("100", RejectedError),
        (None, RejectedError),
        (False, RejectedError),
    ],
)
def test_an_error_is_recognised_by_its_key_whatever_its_value(code: Any, kind: type[PortalError]) -> None:
    with pytest.raises(kind, match="Something is wrong") as raised:
        rest_v2.result({"error": code, "error_description": "Something\n is   wrong"}, 400, "crm.deal.list")
    assert raised.value.method == "crm.deal.list"
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("QUERY_LIMIT_EXCEEDED", RateLimitedError),
        ("OPERATION_TIME_LIMIT", OperationLimitError),
        ("INTERNAL_SERVER_ERROR", RetriableError),
        ("ERROR_UNEXPECTED_ANSWER", RetriableError),
        ("CONNECTION_ERROR", RetriableError),
        ("NO_AUTH_FOUND", AccessError),
        ("INVALID_CREDENTIALS", AccessError),
        ("expired_token", ExpiredError),
        ("invalid_token", ExpiredError),
        ("PAYMENT_REQUIRED", AccessError),
        ("user_access_error", AccessError),
        ("authorization_error", AccessError),
        ("APPLICATION_NOT_FOUND", AccessError),
        ("OVERLOAD_LIMIT", AccessError),
        ("INVALID_REQUEST", AccessError),
        ("PORTAL_DELETED", AccessError),
        ("METHOD_CONFIRM_WAITING", MissingMethodError),
        ("insufficient_scope", MissingMethodError),
        ("ERROR_METHOD_NOT_FOUND", MissingMethodError),
        ("METHOD_CONFIRM_DENIED", MissingMethodError),
        ("ACCESS_DENIED", RejectedError),
        ("ERROR_ARGUMENT", RejectedError),
        ("ERROR_BATCH_LENGTH_EXCEEDED", RejectedError),
        ("WRONG_ENCODING", UnreadableError),
        ("ERROR_CORE", DoubtfulError),
        ("0", DoubtfulError),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 401, 403])
def test_the_type_of_an_error_depends_on_its_code_whatever_the_status(
    code: str, kind: type[PortalError], status: int
) -> None:
    error = rest_v2.error({"error": code, "error_description": ""}, status, "m")
    assert type(error) is kind
    assert (error.code, error.method) == (code, "m")


@pytest.mark.parametrize("status", [500, 502, 503])
def test_unknown_codes_of_a_broken_server_are_retriable(status: int) -> None:
    assert type(rest_v2.error({"error": "STRANGE"}, status, "m")) is RetriableError
    assert type(rest_v2.error({"error": "STRANGE"}, 400, "m")) is RejectedError


@pytest.mark.parametrize("body", ["text", None, [], {"error": "X", "error_description": None}])
def test_errors_of_any_shape_have_a_text(body: Any) -> None:
    assert str(rest_v2.error(body, 200, "crm.deal.list")).startswith("crm.deal.list: ")


@pytest.mark.parametrize(
    ("endpoint", "value", "rows"),
    [
        (DEALS, [{"ID": "1"}, {"ID": "2"}], [{"ID": "1"}, {"ID": "2"}]),
        (DEALS, [], []),
        (DEALS, {"0": {"ID": "1"}, "3": {"ID": "2"}}, [{"ID": "1"}, {"ID": "2"}]),
        (TASKS, {"tasks": [{"id": "1"}]}, [{"id": "1"}]),
        (TASKS, {"tasks": {"7": {"id": "1"}}}, [{"id": "1"}]),
        (TASKS, {"tasks": []}, []),
        (TASKS, [], []),
        (TASKS, {}, []),
        # a wrapper where none is documented, another wrapper, none where one is documented
        (DEALS, {"items": [{"ID": "1"}]}, [{"ID": "1"}]),
        (TASKS, {"items": [{"id": "1"}]}, [{"id": "1"}]),
        (TASKS, [{"id": "1"}], [{"id": "1"}]),
        (DAYS, {"report": {"days": [{"index": 1}]}}, [{"index": 1}]),
        (DAYS, {"report": {"days": []}, "month": 5}, []),
        (DAYS, {"report": []}, []),
        (DAYS, [], []),
    ],
)
def test_pages(endpoint: Endpoint, value: Any, rows: Any) -> None:
    assert rest_v2.page(ListSpec(endpoint), Result(value, 9, 50)) == Page(rows, 9, 50)


@pytest.mark.parametrize(
    ("endpoint", "value"),
    [
        # what PHP sends for nothing stands for a fault as well
        (DEALS, None),
        (DEALS, False),
        (DEALS, ""),
        (TASKS, None),
        (TASKS, {"tasks": None}),
        (TASKS, {"tasks": False}),
        (DAYS, {"report": ""}),
        (DEALS, "text"),
        (DEALS, 0),
        (DEALS, True),
        (DEALS, [1]),
        (DEALS, [[]]),
        (DEALS, {"ID": "1"}),
        (DEALS, {"items": [{"ID": "1"}], "more": [{"ID": "2"}]}),
        (TASKS, {"items": [{"id": "1"}], "more": [{"id": "2"}]}),
        (TASKS, {"items": {"id": "1"}}),
        (TASKS, {"tasks": "text"}),
        (TASKS, {"7": {"id": "1"}, "8": {"id": "2"}}),
        (DAYS, {"report": {"weeks": [], "months": []}, "month": 5}),
        (DAYS, {"report": {"days": "text"}}),
    ],
)
def test_an_answer_that_is_not_a_list_of_rows_is_asked_for_again_and_then_not_trusted(
    endpoint: Endpoint, value: Any
) -> None:
    with pytest.raises(DoubtfulError, match="list of rows") as raised:
        rest_v2.page(ListSpec(endpoint), Result(value))
    assert type(raised.value.settled()) is UntrustedError
