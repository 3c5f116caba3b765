"""REST 3.0 by raw HTTP."""

import json
from typing import Any

import pytest

from tests.demo.conftest import Start
from tests.demo.wire import JSON, Answer, Wire

PREFIX = "BITRIX_REST_V3_EXCEPTION_"


def call(portal: Wire, method: str, body: Any = None) -> Answer:
    path = portal.root.replace("/rest/", "/rest/api/", 1)
    return portal.send("POST", f"{path}{method}", json.dumps({} if body is None else body), {"Content-Type": JSON})


def items(portal: Wire, method: str, body: Any = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = call(portal, method, body).result["items"]
    return found


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, str(answer.body["error"]["code"]).removeprefix(PREFIX)


class TestSection1Calling:
    def test_a_method_of_the_other_version_is_not_there(self, portal: Wire) -> None:
        assert code(call(portal, "crm.item.list")) == (400, "METHODNOTFOUNDEXCEPTION")
        assert portal.call("main.eventlog.list").error == (404, "ERROR_METHOD_NOT_FOUND")

    def test_the_body_is_json(self, portal: Wire) -> None:
        path = portal.root.replace("/rest/", "/rest/api/", 1)
        answer = portal.send("POST", f"{path}main.eventlog.list", "a=1", {"Content-Type": JSON})
        assert code(answer) == (400, "INVALIDJSONEXCEPTION")

    def test_a_wrong_secret_is_refused(self, portal: Wire) -> None:
        assert portal.send("POST", "/rest/api/1/wrong/main.eventlog.list", "{}").status == 401

    def test_a_portal_without_it_answers_html(self, start: Start) -> None:
        old = start(switches={"v3": "off"})
        answer = call(old, "rest.scope.list")
        assert (answer.status, answer.raw[:6]) == (404, b"<html>")


class TestSection3Lists:
    def test_there_is_neither_total_nor_next(self, portal: Wire) -> None:
        answer = call(portal, "main.eventlog.list", {"pagination": {"limit": 2}})
        assert answer.body.keys() == {"result", "time"}
        assert answer.body["result"].keys() == {"items"}

    @pytest.mark.parametrize(
        ("method", "body", "cap"),
        [("tasks.task.list", {}, 50), ("main.eventlog.list", {}, 1000), ("mail.message.list", {}, 200)],
    )
    def test_too_high_a_limit_is_cut_without_a_word(self, portal: Wire, method: str, body: Any, cap: int) -> None:
        assert len(items(portal, method, {**body, "pagination": {"limit": 5000}})) == cap

    def test_a_naive_client_loses_rows(self, portal: Wire) -> None:
        """It stops at the first page with fewer rows than the limit."""
        rows: list[dict[str, Any]] = []
        while True:
            page = items(portal, "tasks.task.list", {"pagination": {"limit": 1000, "offset": len(rows)}})
            rows += page
            if len(page) < 1000:
                break
        assert len(rows) < len(portal.truth("tasks"))

    @pytest.mark.parametrize(
        ("limit", "refused"),
        [(0, (400, "INVALIDPAGINATIONEXCEPTION")), ("abc", (400, "INVALIDPAGINATIONEXCEPTION")),
         (-1, (500, "INTERNAL_INTERNALEXCEPTION"))],
    )  # fmt: skip
    def test_limits_that_are_none(self, portal: Wire, limit: Any, refused: tuple[int, str]) -> None:
        assert code(call(portal, "main.eventlog.list", {"pagination": {"limit": limit}})) == refused

    def test_page_counts_more_than_offset(self, portal: Wire) -> None:
        asked = {"limit": 10, "page": 2, "offset": 500}
        second = items(portal, "main.eventlog.list", {"pagination": asked})
        assert second == items(portal, "main.eventlog.list", {"pagination": {"limit": 10, "offset": 10}})

    def test_a_tail_is_strict_and_wants_its_field_for_itself(self, portal: Wire) -> None:
        first = items(portal, "main.eventlog.tail")
        assert len(first) == 50
        behind = {"field": "id", "value": first[9]["id"], "order": "ASC", "limit": 5}
        assert items(portal, "main.eventlog.tail", {"cursor": behind}) == first[10:15]
        twice = call(portal, "main.eventlog.tail", {"cursor": behind, "filter": [["id", ">", 1]]})
        assert code(twice) == (400, "INVALIDFILTEREXCEPTION")
        for missing in ("field", "value"):
            cursor = {name: value for name, value in behind.items() if name != missing}
            assert code(call(portal, "main.eventlog.tail", {"cursor": cursor}))[0] == 400

    def test_cursors_of_the_portals_own_lead_to_the_end(self, portal: Wire) -> None:
        found: list[int] = []
        cursor = None
        while True:
            pagination = {"limit": 60, **({"afterCursor": cursor} if cursor else {})}
            result = call(portal, "note.collection.list", {"pagination": pagination}).result
            found += [row["id"] for row in result["items"]]
            cursor = result["nextCursor"]
            if cursor is None:
                break
        assert sorted(found) == sorted(row["id"] for row in portal.truth("v3:collections"))


class TestSection4Filters:
    @pytest.mark.parametrize(
        ("filter_", "refused"),
        [
            ({"id": 5}, "INVALIDFILTEREXCEPTION"),
            ([["id", ">"]], "UNKNOWN"),
            ([["id", ">", "5"]], "VALIDATION_REQUESTVALIDATIONEXCEPTION"),
            ([["severity", "INFO"]], "VALIDATION_REQUESTVALIDATIONEXCEPTION"),
            ([["nothing", 1]], "UNKNOWNDTOPROPERTYEXCEPTION"),
            ([["id", "like", 1]], "UNKNOWNFILTEROPERATOREXCEPTION"),
            ([["id", ">", [1]]], "INVALIDFILTEREXCEPTION"),
            ([{"logic": "nor", "conditions": []}], "INVALIDFILTEREXCEPTION"),
        ],
    )
    def test_what_is_no_filter_is_refused(self, portal: Wire, filter_: Any, refused: str) -> None:
        answer = call(portal, "main.eventlog.list", {"filter": filter_})
        assert answer.status == 400
        assert refused == "UNKNOWN" or code(answer) == (400, refused)

    def test_conditions_are_joined(self, portal: Wire) -> None:
        rows = items(portal, "main.eventlog.list", {"filter": [["id", ">", 10], ["id", "<=", 20]]})
        assert rows
        assert all(10 < row["id"] <= 20 for row in rows)
        either = [{"logic": "or", "conditions": [["id", "in", [rows[0]["id"]]], ["id", rows[-1]["id"]]]}]
        assert len(items(portal, "main.eventlog.list", {"filter": either})) == 2

    def test_a_field_that_must_be_named(self, portal: Wire) -> None:
        answer = call(portal, "tasks.task.result.list")
        assert code(answer) == (400, "VALIDATION_REQUESTFILTERVALIDATIONEXCEPTION")
        assert answer.body["error"]["validation"][0]["field"] == "filter.taskId"


class TestSection5Select:
    def test_the_default_of_tasks_is_the_id(self, portal: Wire) -> None:
        assert items(portal, "tasks.task.list")[0].keys() == {"id"}

    def test_a_dot_leads_into_a_relation_and_unmapped_fields_vanish(self, portal: Wire) -> None:
        row = items(portal, "tasks.task.list", {"select": ["id", "responsible.name", "stageId"]})[0]
        assert row.keys() == {"id", "responsible"}
        assert row["responsible"].keys() == {"name"}

    def test_an_unknown_field_is_refused(self, portal: Wire) -> None:
        assert code(call(portal, "main.eventlog.list", {"select": ["nothing"]})) == (400, "UNKNOWNDTOPROPERTYEXCEPTION")


class TestSection8Batch:
    def batch(self, portal: Wire, *commands: Any) -> Answer:
        return call(portal, "batch", list(commands))

    def test_answers_come_in_order_without_time(self, portal: Wire) -> None:
        one = {"method": "mail.mailbox.list", "query": {}}
        two = {"method": "main.eventlog.get", "query": {"id": 4}}
        first, second = self.batch(portal, one, two).result
        assert first.keys() == {"items"}
        assert second["item"]["id"] == 4

    def test_one_failure_takes_all_answers(self, portal: Wire) -> None:
        one = {"method": "mail.mailbox.list", "query": {}}
        two = {"method": "main.eventlog.get", "query": {"id": 999_999}}
        assert code(self.batch(portal, one, two)) == (400, "ENTITYNOTFOUNDEXCEPTION")
        three = {"method": "no.such.method", "query": {}}
        assert code(self.batch(portal, one, three)) == (400, "METHODNOTFOUNDEXCEPTION")

    def test_references_lead_into_the_items_themselves(self, portal: Wire) -> None:
        one = {"method": "main.eventlog.list", "query": {"pagination": {"limit": 3}}, "as": "log"}
        two = {"method": "main.eventlog.get", "query": {"id": {"$ref": "log.2.id"}}}
        three = {"method": "main.eventlog.list", "query": {"filter": [["id", "in", {"$refArray": "log.id"}]]}}
        listed, got, again = self.batch(portal, one, two, three).result
        assert got["item"] == listed["items"][2]
        assert again["items"] == listed["items"]
        lost = {"method": "main.eventlog.get", "query": {"id": {"$ref": "log.9.id"}}}
        assert code(self.batch(portal, one, lost)) == (400, "INVALIDSELECTEXCEPTION")

    @pytest.mark.parametrize("body", [{"cmd": {}}, {"0": {}, "auth": "x"}, [{"method": "a.b"}], [{"query": {}}]])
    def test_what_is_no_batch(self, portal: Wire, body: Any) -> None:
        assert code(call(portal, "batch", body)) == (400, "INVALIDSELECTEXCEPTION")


class TestSection9Descriptions:
    def test_dates_and_relations_are_objects_in_field_lists(self, portal: Wire) -> None:
        types = {row["name"]: row["type"] for row in items(portal, "main.eventlog.field.list")}
        assert (types["id"], types["timestampX"]) == ("int", "object")
        notes = {row["name"]: row["type"] for row in items(portal, "note.collection.field.list")}
        assert notes["createdAt"] == "string"

    def test_the_document_comes_bare_and_declares_lists_as_arrays(self, portal: Wire) -> None:
        document = call(portal, "documentation").body
        assert "result" not in document
        operation = document["paths"]["/main.eventlog.list"]["post"]
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["result"]
        assert schema["type"] == "array"
        name = schema["items"]["$ref"].rpartition("/")[2]
        assert document["components"]["schemas"][name]["properties"]["timestampX"]["format"] == "date-time"

    def test_scopes_are_listed_by_module_and_controller(self, portal: Wire) -> None:
        reply = call(portal, "rest.scope.list").result
        assert reply["main"]["eventlog"]["tail"]["scope"] == "main"

    def test_a_missing_scope(self, start: Start) -> None:
        portal = start(scopes="crm")
        assert code(call(portal, "main.eventlog.list")) == (403, "INSUFFICIENTSCOPEEXCEPTION")

    def test_writing_is_refused_and_counted(self, start: Start) -> None:
        portal = start()
        assert call(portal, "tasks.task.update", {"id": 1}).status == 400
        assert portal.stats()["write_calls"] == {"tasks.task.update": 1}
