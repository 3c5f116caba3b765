"""VibeCode: requests, batches, pages and errors (docs/protocol-vibecode.md)."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tap_bitrix24.dialects import vibecode
from tap_bitrix24.entities.vibecode import VIBECODE_ENTITIES
from tap_bitrix24.errors import (
    AccessError,
    DoubtfulError,
    FaultyError,
    MissingMethodError,
    PortalError,
    RateLimitedError,
    RejectedError,
    RetriableError,
    UnavailableError,
    UntrustedError,
)
from tap_bitrix24.model.endpoint import VIBECODE, ListSpec
from tap_bitrix24.model.message import Command, Result
from tap_bitrix24.model.request import Page, PageRequest, Window
from tap_bitrix24.retries import should_retry

TABLE = {entity.stream: entity for entity in VIBECODE_ENTITIES}
DEALS = ListSpec(TABLE["deals"].endpoint, replication_key=TABLE["deals"].replication_key)
STATUSES = ListSpec(TABLE["crm_statuses"].endpoint)
LOW, HIGH = datetime(2026, 3, 1, 9, tzinfo=UTC), datetime(2026, 3, 1, 18, tzinfo=UTC)


def test_a_search_is_by_id_uncounted_and_never_cut_into_windows() -> None:
    (command,) = vibecode.commands(PageRequest(list_spec=DEALS, after=71, window=Window(LOW, HIGH)))
    message = vibecode.call(command)
    assert (message.verb, message.path) == ("POST", "/deals/search")
    assert message.body == {
        "filter": {
            "id": {"$gt": 71},
            "updatedAt": {"$gte": "2026-03-01T09:00:00+00:00", "$lt": "2026-03-01T18:00:00+00:00"},
        },
        "sort": {"id": "asc"},
        "order": {"id": "asc"},
        "limit": 500,
        "autoWindow": False,
        "withTotal": False,
    }


def test_the_type_of_items_is_part_of_the_path() -> None:
    smart = TABLE["smart_process_"]
    (command,) = vibecode.commands(
        PageRequest(list_spec=ListSpec(smart.endpoint, params={"entityTypeId": 156}), after=0)
    )
    message = vibecode.call(command)
    assert message.path == "/items/156/search"
    assert "entityTypeId" not in message.body


def test_small_lists_share_a_request() -> None:
    (command,) = vibecode.commands(PageRequest(list_spec=STATUSES, offset=50))
    single = vibecode.call(command)
    assert (single.verb, single.path, single.query) == (
        "GET",
        "/statuses",
        {"sort": "id", "limit": "50", "offset": "50"},
    )
    fields = Command("/items/fields", {"entityTypeId": 156}, VIBECODE)
    assert vibecode.batch([command, fields]).body == {
        "calls": [
            {"id": "0", "entity": "statuses", "action": "list", "params": {"sort": "id", "limit": 50, "offset": 50}},
            {"id": "1", "entity": "items", "action": "fields", "params": {"entityTypeId": 156}},
        ]
    }


@pytest.mark.parametrize("errors", [[], {}])
def test_batch_results(errors: Any) -> None:
    data = {"results": {"0": [{"id": 1}]}, "errors": errors, "meta": {"0": {"total": 7}}}
    done, missing = vibecode.batch_results(Result({"data": data}), [Command("/a"), Command("/b")])
    assert isinstance(done, Result)
    assert vibecode.page(DEALS, done) == Page([{"id": 1}], 7)
    assert isinstance(missing, UnavailableError)


def test_a_failed_call_does_not_affect_the_others() -> None:
    data = {"results": {"1": []}, "errors": {"0": {"code": "SCOPE_NOT_ALLOWED", "message": "no"}}}
    failed, done = vibecode.batch_results(Result({"data": data}), [Command("/a"), Command("/b")])
    assert isinstance(failed, MissingMethodError)
    assert isinstance(done, Result)


@pytest.mark.parametrize(
    ("body", "page"),
    [
        ({"data": [{"id": 1}], "total": 156, "page": 1, "limit": 10}, Page([{"id": 1}], 156)),
        ({"data": [{"id": 1}], "meta": {"total": 9, "hasMore": True}}, Page([{"id": 1}], 9)),
        ({"data": [{"id": 1}], "total": 150, "meta": {"hasMore": True}}, Page([{"id": 1}], 150)),
        ({"data": [{"id": 1}], "total": 0}, Page([{"id": 1}])),
        ({"data": [{"id": 1}]}, Page([{"id": 1}])),
        ({"data": {"id": 1}}, Page([{"id": 1}])),
        ({"data": []}, Page([])),
    ],
)
def test_rows_and_totals_are_found_in_several_places(body: dict[str, Any], page: Page) -> None:
    assert vibecode.page(DEALS, Result(body)) == page


@pytest.mark.parametrize("data", [None, False, "", 0])
def test_nothing_instead_of_a_list_is_no_list(data: Any) -> None:
    with pytest.raises(DoubtfulError):
        vibecode.page(DEALS, Result({"data": data, "meta": {"total": 3}}))
    results = {"results": {"0": data}, "errors": [], "meta": {}}
    (answer,) = vibecode.batch_results(Result({"data": results}), [Command("/statuses")])
    assert isinstance(answer, Result)
    with pytest.raises(DoubtfulError):
        vibecode.page(STATUSES, answer)


def test_rows_are_counted_without_any() -> None:
    counted = PageRequest(list_spec=DEALS, offset=0, window=Window(LOW, HIGH), counted=True)
    (command,) = vibecode.commands(counted)
    message = vibecode.call(command)
    assert (message.verb, message.path) == ("POST", "/deals/aggregate")
    assert set(message.body) == {"aggregate", "filter"}
    assert vibecode.page(DEALS, Result({"data": {"count": 7}})) == Page([], 7)


@pytest.mark.parametrize("row", [{"ID": 1, "NAME": "x"}, {"Id": 1, "NAME": "x"}])
def test_the_key_may_come_in_capitals(row: dict[str, Any]) -> None:
    assert vibecode.page(DEALS, Result({"data": [row]})).rows == [{"id": 1, "NAME": "x"}]


@pytest.mark.parametrize(
    ("meta", "kind"), [({"windowErrors": 2}, UnavailableError), ({"truncated": True}, UntrustedError)]
)
def test_an_incomplete_page_is_an_error(meta: dict[str, Any], kind: type[PortalError]) -> None:
    with pytest.raises(kind):
        vibecode.page(DEALS, Result({"data": [{"id": 1}], "meta": meta}))


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("INVALID_API_KEY", 401, AccessError),
        ("KEY_EXPIRED", 401, AccessError),
        ("MANAGEMENT_KEY_NO_ENTITY_ACCESS", 403, AccessError),
        ("ERROR_LOOP_DETECTED", 429, AccessError),
        ("TOKEN_REFRESH_FAILED", 401, RetriableError),
        ("SCOPE_DENIED", 403, MissingMethodError),
        ("RATE_LIMITED", 429, RateLimitedError),
        ("BITRIX_UNAVAILABLE", 502, UnavailableError),
        ("QUEUE_TIMEOUT", 504, UnavailableError),
        ("INTERNAL_ERROR", 500, FaultyError),
        ("SOMETHING_NEW", 500, FaultyError),
        ("MISSING_REQUIRED_FILTER", 400, MissingMethodError),
        ("INVALID_FILTER_FIELD", 400, RejectedError),
        ("BITRIX_ERROR", 422, RejectedError),
    ],
)
def test_the_type_of_an_error_depends_on_its_code(code: str, status: int, kind: type[PortalError]) -> None:
    body = {"success": False, "error": {"code": code, "message": "Сообщение", "retryAfter": 3}}
    with pytest.raises(PortalError) as raised:
        vibecode.result(body, status, "/deals/search")
    assert type(raised.value) is kind
    assert raised.value.retry_after == 3


@pytest.mark.parametrize("body", [[], "x", {}, {"success": True}])
def test_an_unusable_answer_is_retriable(body: Any) -> None:
    with pytest.raises(UnavailableError):
        vibecode.result(body, 200, "/deals/search")


def test_an_unavailable_portal_is_retried_after_a_pause() -> None:
    with pytest.raises(UnavailableError) as raised:
        vibecode.result({"success": False, "error": {"code": "BITRIX_UNAVAILABLE"}}, 502, "/deals/search")
    assert raised.value.retry_after == 5


def test_failures_of_the_service_are_retried_few_times() -> None:
    """More of them would block the key for everyone who uses it."""
    faulty, away = FaultyError("x"), UnavailableError("x")
    assert [should_retry(faulty, attempt, 0.0) for attempt in (1, 2, 3)] == [True, True, False]
    assert [should_retry(away, attempt, 0.0) for attempt in (1, 6, 7)] == [True, True, False]


def test_places_in_a_path_and_nested_parameters_of_a_single_call() -> None:
    call = vibecode.call(Command("/{entity}/{id}/products", {"entity": "items/156", "id": 7}, "vibecode"))
    assert (call.verb, call.path, call.query) == ("GET", "/items/156/7/products", {})
    listed = vibecode.call(Command("/timelines", {"filter": {"entityType": "deal", "entityId": 7}, "limit": 50}))
    assert listed.query == {"filter[entityType]": "deal", "filter[entityId]": "7", "limit": "50"}
