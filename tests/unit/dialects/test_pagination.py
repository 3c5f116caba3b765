"""Kinds of pagination: the parameters each sends for filter, order and page."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tap_bitrix24.dialects import rest_v2
from tap_bitrix24.dialects.pagination import (
    LimitOffset,
    OrderedPageNumber,
    PositionalParameters,
    SinceId,
    SinglePage,
    StartParameter,
    set_parameter,
)
from tap_bitrix24.dialects.response_shapes import listed
from tap_bitrix24.model.endpoint import Endpoint, ListSpec, PageQuery, Pagination, ReplicationKey
from tap_bitrix24.model.request import PageRequest, Window

START, USERS, BARE = StartParameter(), StartParameter("FILTER", ("sort", "order")), StartParameter("", None)
UNORDERED = StartParameter(order=None)
NUMBER, LIMIT, CURSOR, POSITION, WHOLE = (
    OrderedPageNumber(),
    LimitOffset(),
    SinceId(),
    PositionalParameters(),
    SinglePage(),
)
INSIDE = LimitOffset("params.limit", "params.offset", "params.filter", "params.order")
THIRD = PositionalParameters(1)


def query(**facts: Any) -> PageQuery:
    """Return a query for a page of fifty rows."""
    given: dict[str, Any] = {"params": {}, "filter": {}, "key": "ID", **facts}
    return PageQuery(**given)


@pytest.mark.parametrize(
    ("paging", "keyset", "descends"),
    [
        (START, True, True),
        (USERS, True, True),
        (UNORDERED, False, False),
        (BARE, False, False),
        (StartParameter("", "order"), False, False),
        (NUMBER, True, True),
        (OrderedPageNumber(order=None), False, False),
        (LIMIT, False, False),
        (LimitOffset(filter="filter"), False, False),
        (LimitOffset(order="order"), False, False),
        (INSIDE, True, True),
        (POSITION, True, True),
        (CURSOR, True, False),
        (WHOLE, False, False),
    ],
)
def test_what_a_kind_of_pagination_supports(paging: Pagination, *, keyset: bool, descends: bool) -> None:
    assert (paging.supports_keyset, paging.supports_descending) == (keyset, descends)


@pytest.mark.parametrize(
    ("paging", "params"),
    [
        (START, {"filter": {}, "order": {"ID": "ASC"}, "start": -1}),
        (USERS, {"FILTER": {}, "sort": "ID", "order": "ASC", "start": -1}),
        (NUMBER, {"filter": {}, "order": {"ID": "ASC"}, "page": 1}),
        (INSIDE, {"params": {"filter": {}, "order": {"ID": "ASC"}, "limit": 50, "offset": 0}}),
        (
            POSITION,
            {
                "0": {"ID": "ASC"},
                "1": {">ID": 0},
                "2": ["*"],
                "3": {"NAV_PARAMS": {"nPageSize": 50, "iNumPage": 1}},
            },
        ),
        (
            THIRD,
            {
                "1": {"ID": "ASC"},
                "2": {">ID": 0},
                "3": ["*"],
                "4": {"NAV_PARAMS": {"nPageSize": 50, "iNumPage": 1}},
            },
        ),
        (CURSOR, {"FIRST_ID": 0, "LIMIT": 50}),
    ],
)
def test_a_first_page_by_id(paging: Pagination, params: Mapping[str, Any]) -> None:
    """No condition on the id: tasks.task.list drops one whose value is 0."""
    assert paging(query(after=0)) == params


@pytest.mark.parametrize(
    ("paging", "params"),
    [
        (START, {"filter": {">ID": 7, "=A": 1}, "order": {"ID": "ASC"}, "start": -1}),
        (USERS, {"FILTER": {">ID": 7, "=A": 1}, "sort": "ID", "order": "ASC", "start": -1}),
        (NUMBER, {"filter": {">ID": 7, "=A": 1}, "order": {"ID": "ASC"}, "page": 1}),
        (INSIDE, {"params": {"filter": {">ID": 7, "=A": 1}, "order": {"ID": "ASC"}, "limit": 50, "offset": 0}}),
        (
            POSITION,
            {
                "0": {"ID": "ASC"},
                "1": {">ID": 7, "=A": 1},
                "2": ["*"],
                "3": {"NAV_PARAMS": {"nPageSize": 50, "iNumPage": 1}},
            },
        ),
        (CURSOR, {"FIRST_ID": 7, "LIMIT": 50}),
    ],
)
def test_rows_after_an_id(paging: Pagination, params: Mapping[str, Any]) -> None:
    assert paging(query(after=7, filter={"=A": 1})) == params


@pytest.mark.parametrize(
    ("paging", "params"),
    [
        (START, {"order": {"ID": "ASC"}, "start": 100}),
        (USERS, {"sort": "ID", "order": "ASC", "start": 100}),
        (UNORDERED, {"start": 100}),
        (BARE, {"start": 100}),
        (NUMBER, {"order": {"ID": "ASC"}, "page": 3}),
        (OrderedPageNumber(order=None), {"page": 3}),
        (LIMIT, {"LIMIT": 50, "OFFSET": 100}),
        (INSIDE, {"params": {"order": {"ID": "ASC"}, "limit": 50, "offset": 100}}),
        (
            POSITION,
            {
                "0": {"ID": "ASC"},
                "1": {">ID": 0},
                "2": ["*"],
                "3": {"NAV_PARAMS": {"nPageSize": 50, "iNumPage": 3}},
            },
        ),
        (WHOLE, {}),
    ],
)
def test_rows_from_an_offset(paging: Pagination, params: Mapping[str, Any]) -> None:
    assert paging(query(offset=100)) == params


@pytest.mark.parametrize(("size", "offset", "page"), [(50, 0, 1), (50, 50, 2), (10, 30, 4), (100, 100, 2)])
def test_pages_are_numbered_by_their_size(size: int, offset: int, page: int) -> None:
    assert NUMBER(query(offset=offset, size=size))["page"] == page
    assert POSITION(query(offset=offset, size=size))["3"] == {"NAV_PARAMS": {"nPageSize": size, "iNumPage": page}}
    assert LIMIT(query(offset=offset, size=size)) == {"LIMIT": size, "OFFSET": offset}


def test_the_newest_rows() -> None:
    down = query(direction="DESC")
    assert START(down)["order"] == {"ID": "DESC"}
    assert USERS(down)["order"] == "DESC"
    assert NUMBER(down)["order"] == {"ID": "DESC"}
    assert INSIDE(down)["params"]["order"] == {"ID": "DESC"}
    assert POSITION(down)["0"] == {"ID": "DESC"}


def test_a_counted_page_is_the_first_one() -> None:
    assert START(query(counted=True))["start"] == 0
    assert START(query(counted=True, after=7)) == {"filter": {">ID": 7}, "order": {"ID": "ASC"}, "start": 0}
    assert START(query())["start"] == -1
    assert START(query(counted=True, offset=50))["start"] == 50


@pytest.mark.parametrize("paging", [START, USERS, UNORDERED, NUMBER, LIMIT, INSIDE, CURSOR, WHOLE, THIRD])
def test_fixed_parameters_of_the_list_are_kept(paging: Pagination) -> None:
    given = {"entityTypeId": 31, "0": "five", "filter.=ownerType": "D", "filter.=ownerId": [1, 2]}
    before = {**given}
    params = paging(query(params=given, offset=0))
    assert params["entityTypeId"] == 31
    assert params["0"] == "five"
    if paging is not THIRD:
        assert params["filter"] == {"=ownerType": "D", "=ownerId": [1, 2]}
    assert given == before


def test_the_filter_of_the_list_and_the_strategys_conditions_are_merged() -> None:
    params = START(query(params={"filter": {"=A": 1}, "filter.=B": 2}, filter={">=D": "x"}, after=7))
    assert params["filter"] == {"=A": 1, "=B": 2, ">ID": 7, ">=D": "x"}


def test_a_single_page_is_requested_without_further_parameters() -> None:
    """Some of these methods refuse an order or a start."""
    assert WHOLE(query(params={"ENTITY_ID": 5}, offset=0, direction="ASC")) == {"ENTITY_ID": 5}
    assert WHOLE(query(params={"filter": {}, "paymentId": 5}, offset=0)) == {"filter": {}, "paymentId": 5}
    assert WHOLE(query(filter={"=A": 1}, offset=0)) == {"filter": {"=A": 1}}


@pytest.mark.parametrize(
    ("params", "path", "value", "result"),
    [
        ({}, "a", 1, {"a": 1}),
        ({}, "a.b.c", 1, {"a": {"b": {"c": 1}}}),
        ({"a": {"x": 1}}, "a.b", 2, {"a": {"x": 1, "b": 2}}),
        ({"a": 5}, "a.b", 2, {"a": {"b": 2}}),
        ({"a": {"x": 1}}, "a", {"y": 2}, {"a": {"x": 1, "y": 2}}),
        ({"a": {"x": 1}}, "a", {"x": 2}, {"a": {"x": 2}}),
        ({"a": {"x": 1}}, "a", 7, {"a": 7}),
        ({"a": [1]}, "a", [2], {"a": [2]}),
    ],
)
def test_dotted_names_are_nested_parameters(
    params: dict[str, Any], path: str, value: Any, result: dict[str, Any]
) -> None:
    set_parameter(params, path, value)
    assert params == result


def test_outer_maps_are_copied() -> None:
    shared = {"b": {"c": 1}}
    params = {"a": shared}
    set_parameter(params, "a.b.d", 2)
    assert params == {"a": {"b": {"c": 1, "d": 2}}}
    assert shared == {"b": {"c": 1}}


# Through the dialect

MARCH, APRIL = datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 4, 1, tzinfo=UTC)
BOUNDS = {">=DATE": "2025-03-01T00:00:00+00:00", "<DATE": "2025-04-01T00:00:00+00:00"}


@pytest.mark.parametrize(
    ("paging", "where"),
    [(START, ("filter",)), (USERS, ("FILTER",)), (INSIDE, ("params", "filter")), (POSITION, ("1",))],
)
def test_date_bounds_are_among_the_conditions(paging: Pagination, where: tuple[str, ...]) -> None:
    endpoint = Endpoint("some.list", paging, listed)
    ask = PageRequest(
        list_spec=ListSpec(endpoint, replication_key=ReplicationKey("DATE", "DATE")),
        window=Window(MARCH, APRIL),
        after=3,
    )
    (command,) = rest_v2.commands(ask)
    found: Any = command.params
    for step in where:
        found = found[step]
    assert found == {">ID": 3, **BOUNDS}


@pytest.mark.parametrize("facts", [{"after": 0}, {"descending": True}, {"offset": 50}])
def test_every_positional_parameter_is_sent(facts: dict[str, Any]) -> None:
    """An empty map is lost in a query: the parameters after it would move up."""
    endpoint = Endpoint("task.elapseditem.getlist", POSITION, listed)
    (command,) = rest_v2.commands(PageRequest(list_spec=ListSpec(endpoint), **facts))
    sent = parse_qsl(rest_v2.php_query(command.params))
    assert list(dict.fromkeys(name[0] for name, _ in sent)) == ["0", "1", "2", "3"]


def test_a_page_of_a_hundred_moves_offsets_by_a_hundred() -> None:
    endpoint = Endpoint("some.list", LIMIT, listed, page_size=100)
    asked = [
        command.params["OFFSET"]
        for command in rest_v2.commands(PageRequest(list_spec=ListSpec(endpoint), offset=200, pages=3))
    ]
    assert asked == [200, 300, 400]


def test_a_chain_of_positional_parameters() -> None:
    endpoint = Endpoint("task.elapseditem.getlist", POSITION, listed)
    first, second = rest_v2.commands(PageRequest(list_spec=ListSpec(endpoint), after=7, pages=2))
    assert first.params["1"] == {">ID": 7}
    assert second.params["1"] == {">ID": "$result[c0][49][ID]"}
    assert list(second.params) == ["0", "1", "2", "3"], "the server counts them, whatever their names"
