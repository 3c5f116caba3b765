"""docs/protocol.md §8: authorization, and the HTTP status of each refusal."""

import pytest

from tests.demo.conftest import Start
from tests.demo.wire import JSON, Wire

DEALS = "crm.deal.list"
SOURCE = {
    "NO_AUTH_FOUND": 401,
    "expired_token": 401,
    "invalid_token": 401,
    "INVALID_CREDENTIALS": 401,
    "insufficient_scope": 401,
    "user_access_error": 401,
    "authorization_error": 401,
    "APPLICATION_NOT_FOUND": 401,
    "CONNECTION_ERROR": 401,
    "OVERLOAD_LIMIT": 401,
    "INVALID_REQUEST": 401,
    "METHOD_CONFIRM_WAITING": 401,
    "METHOD_CONFIRM_DENIED": 403,
    "PORTAL_DELETED": 403,
}
DOCS = {
    "NO_AUTH_FOUND": 401,
    "expired_token": 401,
    "invalid_token": 401,
    "INVALID_CREDENTIALS": 403,
    "insufficient_scope": 403,
    "ACCESS_DENIED": 403,
    "OVERLOAD_LIMIT": 503,
    "INVALID_REQUEST": 400,
}


@pytest.mark.parametrize("path", [f"/rest/1/wrong/{DEALS}", f"/rest/99/nothing/{DEALS}/"])
def test_8_a_wrong_secret_is_invalid_credentials(portal: Wire, path: str) -> None:
    assert portal.send("POST", path, "{}", {"Content-Type": JSON}).error == (401, "INVALID_CREDENTIALS")


def test_8_the_right_secret_of_another_user_is_refused(portal: Wire) -> None:
    path = portal.root.replace("/rest/1/", "/rest/2/") + DEALS
    assert portal.send("POST", path, "{}", {"Content-Type": JSON}).error == (401, "INVALID_CREDENTIALS")


@pytest.mark.parametrize("path", [f"/rest/{DEALS}", f"/rest/{DEALS}?auth=nothing"])
def test_8_without_a_webhook_no_auth_is_found(portal: Wire, path: str) -> None:
    status, code = portal.send("POST", path, "{}", {"Content-Type": JSON}).error
    assert (status, code) == (401, "NO_AUTH_FOUND")


@pytest.mark.parametrize(("code", "status"), SOURCE.items())
def test_8_statuses_in_the_source(own: Wire, code: str, status: int) -> None:
    own.faults({"fault": "auth", "param": code, "times": 1})
    assert own.call(DEALS).error == (status, code)
    assert len(own.result(DEALS)) == 50


@pytest.mark.parametrize(("code", "status"), DOCS.items())
def test_8_statuses_in_the_docs(own: Wire, code: str, status: int) -> None:
    own.faults({"fault": "auth", "param": code, "times": 1}, switches={"auth_status": "docs"})
    assert own.call(DEALS).error == (status, code)


def test_8_access_denied_is_401_or_403_in_the_source(own: Wire) -> None:
    own.faults({"fault": "auth", "param": "ACCESS_DENIED", "times": 1})
    status, code = own.call(DEALS).error
    assert code == "ACCESS_DENIED"
    assert status in {401, 403}


def test_8_an_auth_failure_hits_the_outer_call_of_a_batch(own: Wire) -> None:
    own.faults({"fault": "auth", "param": "expired_token", "times": 1})
    body = own.call("batch", {"cmd": {"a": DEALS}}).body
    assert body["error"] == "expired_token"
    assert "result" not in body


def test_8_a_missing_scope_is_refused_per_method(start: Start) -> None:
    narrow = start(scopes=["crm"])
    assert narrow.call("user.get").error == (401, "insufficient_scope")
    assert narrow.call("tasks.task.list").error == (401, "insufficient_scope")
    assert len(narrow.result(DEALS)) == 50
    assert narrow.result("scope") == ["crm"]


def test_8_a_narrower_user_scope_hides_columns_without_an_error(start: Start, portal: Wire) -> None:
    """§4.5: allowed fields depend on the scope; missing columns, no error."""
    narrow = start(scopes=["crm", "user_brief"])
    shown = {key for row in narrow.result("user.get") for key in row}
    everything = {key for row in portal.result("user.get") for key in row}
    assert {"ID", "NAME"} <= shown < everything
    assert set(narrow.result("user.fields")) < set(portal.result("user.fields"))


def test_8_scope_inside_a_batch_is_checked_per_command(start: Start) -> None:
    narrow = start(scopes=["crm", "user"])
    maps = narrow.batch({"a": "department.get", "b": DEALS, "c": "user.get"})
    assert set(maps["result_error"]) == {"a"}
    assert set(maps["result"]) == {"b", "c"}


def test_8_by_default_every_scope_of_the_first_ring_is_there(portal: Wire) -> None:
    assert {"crm", "user", "department", "task"} <= set(portal.result("scope"))
