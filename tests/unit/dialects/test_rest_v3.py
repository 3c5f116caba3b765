"""REST 3.0: requests, batches, cursors, answers, and both shapes of errors (docs/protocol-rest-v3.md)."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tap_bitrix24.dialects import rest_v3
from tap_bitrix24.entities import BY_STREAM
from tap_bitrix24.entities.rest_v3 import TASK_RESULTS
from tap_bitrix24.errors import (
    AccessError,
    DeniedError,
    DoubtfulError,
    ExpiredError,
    MissingMethodError,
    OperationLimitError,
    PortalError,
    RateLimitedError,
    RejectedError,
    RetriableError,
    UnavailableError,
    UntrustedError,
)
from tap_bitrix24.model.endpoint import REST_V3, Endpoint, ListSpec
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.model.request import Page, PageRequest, Window

PREFIX = "BITRIX_REST_V3_EXCEPTION_"
EVENT_LOG, FOLLOW_UPS = BY_STREAM["event_log"], BY_STREAM["call_followups"]
NODES, NOTE_COLLECTIONS = BY_STREAM["hr_structure_nodes"], BY_STREAM["note_collections"]
MORNING, EVENING = datetime(2026, 3, 1, 9, tzinfo=UTC), datetime(2026, 3, 1, 18, tzinfo=UTC)


def params(source: ListSpec, **facts: Any) -> dict[str, Any]:
    (command,) = rest_v3.commands(PageRequest(list_spec=source, **facts))
    assert command.dialect == REST_V3
    return dict(command.params)


def test_a_tail_always_names_field_and_value() -> None:
    source = ListSpec(EVENT_LOG.endpoint, replication_key=EVENT_LOG.replication_key)
    sent = params(source, after=0, window=Window(MORNING, EVENING))
    assert sent == {
        "filter": [
            ["timestampX", ">=", "2026-03-01T09:00:00+00:00"],
            ["timestampX", "<", "2026-03-01T18:00:00+00:00"],
        ],
        "cursor": {"field": "id", "value": 0, "order": "ASC", "limit": 1000},
    }
    assert params(source, after=71)["cursor"]["value"] == 71


def test_conditions_are_triples_and_ids_numbers() -> None:
    source = ListSpec(TASK_RESULTS.endpoint, params={"filter.taskId": "17"})
    assert params(source, after=5) == {
        "filter": [["taskId", "=", 17], ["id", ">", 5]],
        "order": {"id": "ASC"},
        "pagination": {"limit": 1000},
    }


def test_offsets_count_rows_not_pages() -> None:
    assert params(ListSpec(NODES.endpoint, params={"type": "TEAM"}), offset=37) == {
        "type": "TEAM",
        "pagination": {"limit": 200, "offset": 37},
    }


def test_a_cursor_is_sent_unchanged() -> None:
    cursor = {"position": 3, "id": 9}
    assert params(ListSpec(NOTE_COLLECTIONS.endpoint), offset=200, cursor=cursor) == {
        "pagination": {"limit": 200, "afterCursor": cursor}
    }


def test_a_period_is_an_object() -> None:
    source = ListSpec(FOLLOW_UPS.endpoint, replication_key=FOLLOW_UPS.replication_key)
    sent = params(source, offset=0, window=Window(MORNING, EVENING))
    assert sent["filter"] == {"startDate": {"from": "2026-03-01T09:00:00+00:00", "to": "2026-03-01T18:00:00+00:00"}}
    assert "afterCursor" not in sent["pagination"]


def test_a_batch_is_an_array() -> None:
    message = rest_v3.batch([Command("a.list", {"id": 1}, REST_V3), Command("b.list", {}, REST_V3)])
    assert (message.path, message.body) == (
        "batch",
        [{"method": "a.list", "query": {"id": 1}}, {"method": "b.list", "query": {}}],
    )


def test_a_call_has_a_body_even_without_parameters() -> None:
    assert rest_v3.call(Command("rest.scope.list", {}, REST_V3)).body == {}


@pytest.mark.parametrize("value", [[{"items": []}], [1, 2, 3], "x", None, {"0": 1}])
def test_a_batch_answer_of_another_length_is_no_answer(value: Any) -> None:
    with pytest.raises(UnavailableError):
        rest_v3.batch_results(Result(value), [Command("a"), Command("b")])


def test_a_batch_answer_may_be_a_map_of_positions() -> None:
    assert rest_v3.batch_results(Result({"0": 5, "1": 6}), [Command("a"), Command("b")]) == [Result(5), Result(6)]


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        (f"{PREFIX}METHODNOTFOUNDEXCEPTION", 400, MissingMethodError),
        (f"{PREFIX}INSUFFICIENTSCOPEEXCEPTION", 403, MissingMethodError),
        (f"{PREFIX}RATELIMITEXCEPTION", 429, OperationLimitError),
        (f"{PREFIX}ENTITYNOTFOUNDEXCEPTION", 400, RejectedError),
        (f"{PREFIX}ACCESSDENIEDEXCEPTION", 403, RejectedError),
        (f"{PREFIX}ACCESSDENIEDEXCEPTION", 400, RejectedError),
        (f"{PREFIX}ACCESSDENIEDEXCEPTION", 401, DeniedError),
        (f"{PREFIX}VALIDATION_REQUESTVALIDATIONEXCEPTION", 400, RejectedError),
        (f"{PREFIX}VALIDATION_REQUESTFILTERVALIDATIONEXCEPTION", 400, RejectedError),
        (f"{PREFIX}INTERNAL_INTERNALEXCEPTION", 500, RetriableError),
        (f"{PREFIX}RESTUNAVAILABLEEXCEPTION", 402, AccessError),
        (f"{PREFIX}SOMETHINGNEW", 400, RejectedError),
        ("expired_token", 401, ExpiredError),
        ("INVALID_CREDENTIALS", 401, AccessError),
        ("invalid_date_range", 400, RejectedError),
        ("access_denied", 403, RejectedError),
    ],
)
def test_the_type_of_an_error_depends_on_its_code(code: str, status: int, kind: type[PortalError]) -> None:
    body = {"error": {"code": code, "message": "Ошибка", "validation": [{"field": "id", "message": "нет"}]}}
    with pytest.raises(PortalError) as raised:
        rest_v3.result(body, status, "m")
    assert type(raised.value) is kind
    assert raised.value.code == code


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests"}, 503, RateLimitedError),
        ({"error": "OPERATION_TIME_LIMIT", "error_description": ""}, 429, OperationLimitError),
        ({"error": "insufficient_scope"}, 403, MissingMethodError),
        ({}, 200, UnavailableError),
        ([], 200, UnavailableError),
    ],
)
def test_layers_in_front_of_rest_3_answer_in_the_flat_form(body: Any, status: int, kind: type[PortalError]) -> None:
    with pytest.raises(kind):
        rest_v3.result(body, status, "m")


def test_time_may_be_missing_and_the_document_is_no_envelope() -> None:
    assert rest_v3.result({"result": {"item": 1}}, 200, "m") == Result({"item": 1})
    document = {"openapi": "3.0.0", "paths": {}}
    assert rest_v3.result(document, 200, "documentation") == Result(document)
    with pytest.raises(UnavailableError):
        rest_v3.result(document, 200, "main.eventlog.list")


ROWS = [{"id": 1}]
CURSOR = {"position": 1, "id": 1}


@pytest.mark.parametrize(
    ("value", "cursor"),
    [
        ({"items": ROWS}, None),
        ({"items": ROWS, "nextCursor": CURSOR}, CURSOR),
        ({"items": ROWS, "nextCursor": None}, None),
        ({"items": ROWS, "hasMore": True, "afterCursor": CURSOR}, CURSOR),
        ({"items": ROWS, "hasMore": False, "afterCursor": CURSOR}, None),
    ],
)
def test_the_cursor_of_the_next_page(value: Any, cursor: Any) -> None:
    assert rest_v3.page(ListSpec(NOTE_COLLECTIONS.endpoint), Result(value)) == Page(ROWS, cursor=cursor)


def test_a_truncated_list_is_not_trusted() -> None:
    with pytest.raises(UntrustedError, match="truncates this list"):
        rest_v3.page(ListSpec(NOTE_COLLECTIONS.endpoint), Result({"items": ROWS, "truncated": True}))


@pytest.mark.parametrize(("records_path", "value"), [("items", {"things": 5}), ("item.members", {"item": 5}), ("", 5)])
def test_an_answer_without_rows_is_not_trusted(records_path: str, value: Any) -> None:
    endpoint: Endpoint = replace(NOTE_COLLECTIONS.endpoint, records_path=records_path)
    with pytest.raises(DoubtfulError) as raised:
        rest_v3.page(ListSpec(endpoint), Result(value))
    assert isinstance(raised.value.settled(), UntrustedError)


@pytest.mark.parametrize("rows", [None, False, ""])
def test_nothing_instead_of_a_list_is_no_list(rows: Any) -> None:
    with pytest.raises(DoubtfulError):
        rest_v3.page(ListSpec(NOTE_COLLECTIONS.endpoint), Result({"items": rows, "nextCursor": None}))


def test_more_rows_without_a_cursor_are_a_contradiction() -> None:
    with pytest.raises(DoubtfulError, match="more rows follow"):
        rest_v3.page(ListSpec(NOTE_COLLECTIONS.endpoint), Result({"items": ROWS, "hasMore": True}))
