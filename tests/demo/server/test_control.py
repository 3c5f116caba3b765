"""The portal's own control: mutation, clock, counts and truth."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.demo.conftest import Start
from tests.demo.wire import Wire, command, ids, instant

DEALS = "crm.deal.list"
TABLES = {
    "deals",
    "leads",
    "contacts",
    "companies",
    "quotes",
    "activities",
    "statuses",
    "categories",
    "currencies",
    "types",
    "smart_invoices",
    "stage_history",
    "users",
    "departments",
    "tasks",
}
STAMPS = {
    "deals": "DATE_MODIFY",
    "leads": "DATE_MODIFY",
    "contacts": "DATE_MODIFY",
    "companies": "DATE_MODIFY",
    "quotes": "DATE_MODIFY",
    "activities": "LAST_UPDATED",
    "smart_invoices": "updatedTime",
    "tasks": "changedDate",
}


def key_of(row: Any) -> str:
    return "ID" if "ID" in row else "id"


def now(portal: Wire) -> datetime:
    return instant(portal.control("clock", {"advance": 0})["now"])


# Mutation


@pytest.mark.parametrize("table", STAMPS)
def test_insert_update_and_delete_show_in_truth(own: Wire, table: str) -> None:
    before = {int(row[key_of(row)]): row for row in own.truth(table)}
    began = now(own)
    own.mutate(table=table, insert=3, update=5, delete=2)
    after = {int(row[key_of(row)]): row for row in own.truth(table)}
    added, gone = set(after) - set(before), set(before) - set(after)
    assert len(added) == 3
    assert min(added) > max(before)
    assert len(gone) <= 2
    assert len(after) == len(before) + 3 - 2
    changed = [row for key, row in after.items() if key in before and row != before[key]]
    assert 3 <= len(changed) <= 5
    stamps = [instant(row[STAMPS[table]]) for row in changed]
    assert all(stamp >= began.replace(microsecond=0) for stamp in stamps)


def test_what_was_changed_is_answered_with_ids(own: Wire) -> None:
    before = set(ids(own.truth("deals")))
    reply = own.mutate(table="deals", insert=2, delete=1)
    text = str(reply)
    added = set(ids(own.truth("deals"))) - before
    gone = before - set(ids(own.truth("deals")))
    assert all(str(deal) in text for deal in added | gone)


def test_the_lists_follow_a_mutation_at_once(own: Wire) -> None:
    own.ids(DEALS, {"filter": {">=DATE_MODIFY": "2020-01-01T00:00:00+00:00"}})
    own.mutate(table="deals", insert=4, delete=1)
    truth = own.truth("deals")
    assert own.call(DEALS).body["total"] == 303
    rows = own.result(DEALS, {"filter": {">ID": truth[-5]["ID"]}, "select": ["*", "UF_*"], "order": {"ID": "ASC"}})
    assert rows == truth[-4:]


def test_updated_rows_are_found_by_their_new_stamp(own: Wire) -> None:
    began = now(own).replace(microsecond=0).isoformat()
    own.control("clock", {"advance": 5})
    own.mutate(table="deals", update=6)
    changed = own.ids(DEALS, {"filter": {">=DATE_MODIFY": began}, "order": {"ID": "ASC"}})
    assert 1 <= len(changed) <= 6
    newer = [int(row["ID"]) for row in own.truth("deals") if instant(row["DATE_MODIFY"]) >= instant(began)]
    assert changed == newer


def test_one_row_is_set(own: Wire) -> None:
    deal = ids(own.truth("deals"))[10]
    began = now(own).replace(microsecond=0)
    own.mutate(table="deals", set={"id": deal, "fields": {"TITLE": "Ещё одна сделка"}})
    (row,) = own.result(DEALS, {"filter": {"ID": deal}})
    assert row["TITLE"] == "Ещё одна сделка"
    assert instant(row["DATE_MODIFY"]) >= began


def test_live_mutation_runs_between_requests(own: Wire) -> None:
    own.mutate(table="deals", insert=1, every_requests=2, times=3)
    totals = [own.call(DEALS).body["total"] for _ in range(10)]
    assert totals[0] == 300
    assert totals == sorted(totals)
    assert totals[-1] == 303


def test_live_mutation_runs_between_the_commands_of_a_batch(own: Wire) -> None:
    own.mutate(table="deals", delete=1, every_requests=1, times=4, between_commands=True)
    maps = own.batch({f"c{n}": DEALS for n in range(8)})
    totals = [maps["result_total"][f"c{n}"] for n in range(8)]
    assert totals == sorted(totals, reverse=True)
    assert len(set(totals)) > 2
    assert own.counts()["deals"] == 296


def test_a_new_user_field_appears_in_fields_and_rows(own: Wire) -> None:
    own.mutate(add_field={"table": "deals", "name": "UF_CRM_NEWCOMER", "type": "string"})
    assert own.result("crm.deal.fields")["UF_CRM_NEWCOMER"]["type"] == "string"
    rows = own.result(DEALS, {"select": ["ID", "UF_CRM_NEWCOMER"]})
    assert all("UF_CRM_NEWCOMER" in row for row in rows)


def test_a_new_smart_process_appears(own: Wire) -> None:
    def known() -> set[int]:
        return {int(row["entityTypeId"]) for row in own.result("crm.type.list")["types"]}

    before = known()
    own.mutate(add_smart_process=True)
    (added,) = known() - before
    rows = own.result("crm.item.list", {"entityTypeId": added})["items"]
    assert len(own.truth(f"smart_process_{added}")) == len(rows) or len(rows) == 50
    assert own.result("crm.item.fields", {"entityTypeId": added})["fields"]


# Clock


def test_the_clock_starts_at_a_fixed_moment_after_all_data(own: Wire) -> None:
    begin = instant("2026-11-02T09:00:00+00:00")
    assert begin <= now(own) < begin + timedelta(minutes=1)
    for table, field in STAMPS.items():
        assert all(instant(row[field]) < begin for row in own.truth(table) if row[field])


def test_the_clock_is_set_and_advanced(own: Wire) -> None:
    reply = own.control("clock", {"now": "2027-01-01T00:00:00Z"})["now"]
    assert instant(reply) - instant("2027-01-01T00:00:00+00:00") < timedelta(seconds=5)
    later = own.control("clock", {"advance": 86_400})["now"]
    assert instant(later) - instant("2027-01-02T00:00:00+00:00") < timedelta(seconds=5)
    assert own.result("server.time")[:10] in {"2027-01-01", "2027-01-02"}


def test_the_clock_may_be_the_real_one(start: Start) -> None:
    reply = now(start(clock="now"))
    assert abs(reply - datetime.now(UTC)) < timedelta(minutes=1)


def test_the_clock_runs(own: Wire) -> None:
    first = now(own)
    time.sleep(1.1)
    assert now(own) > first


# Counts


def test_requests_batches_commands_and_rows_are_counted(own: Wire) -> None:
    own.call(DEALS)
    own.batch({"a": DEALS, "b": "crm.status.list"})
    counted = own.stats()
    assert counted["requests"] == 2
    assert counted["batches"] == 1
    assert counted["commands"] == {DEALS: 2, "crm.status.list": 1}
    assert counted["rows"][DEALS] == 100
    assert counted["max_commands_in_batch"] == 2


def test_control_is_not_counted_and_stats_can_be_reset(own: Wire) -> None:
    own.call(DEALS)
    own.counts()
    own.forget_stats()
    counted = own.stats()
    assert counted["requests"] == 0
    assert counted["commands"] == {}
    assert counted["rows"] == {}


def test_rows_served_twice_are_counted(own: Wire) -> None:
    own.result(DEALS, {"order": {"ID": "ASC"}})
    assert own.stats()["rows_served_twice"].get(DEALS, 0) == 0
    own.result(DEALS, {"order": {"ID": "ASC"}, "start": 50})
    assert own.stats()["rows_served_twice"].get(DEALS, 0) == 0
    own.result(DEALS, {"order": {"ID": "ASC"}, "start": 5000})
    assert own.stats()["rows_served_twice"][DEALS] == 50


def test_errors_and_http_statuses_are_counted(own: Wire) -> None:
    own.call("crm.item.list", {})
    own.call("no.such")
    own.batch({"a": "no.such"})
    counted = own.stats()
    assert counted["http"]["400"] == 1
    assert counted["http"]["404"] == 1
    assert counted["errors"]["ERROR_METHOD_NOT_FOUND"] == 2


def test_the_limits_errors_are_counted_in_batches_too(own: Wire) -> None:
    own.faults({"fault": "query_limit", "times": 2}, {"fault": "operation_time_limit", "method": DEALS, "times": 3})
    for _ in range(2):
        own.call(DEALS)
    own.call(DEALS)
    own.batch({"a": DEALS, "b": DEALS, "c": DEALS})
    assert own.stats()["errors"] == {"QUERY_LIMIT_EXCEEDED": 2, "OPERATION_TIME_LIMIT": 3}


def test_most_requests_in_flight(own: Wire) -> None:
    own.result(DEALS)
    own.result(DEALS)
    assert own.stats()["in_flight_most"] == 1
    own.faults(latency_ms=1000)
    with ThreadPoolExecutor(3) as clients:
        assert all(clients.map(lambda _: own.result("server.time"), range(3)))
    assert own.stats()["in_flight_most"] == 3
    own.forget_stats()
    assert own.stats()["in_flight_most"] == 0


def test_count_queries_are_counted_and_minus_1_makes_none(own: Wire) -> None:
    own.result(DEALS, {"start": -1})
    assert own.stats()["counted"].get(DEALS, 0) == 0
    own.result(DEALS)
    own.result(DEALS, {"start": 50})
    assert own.stats()["counted"][DEALS] == 2


@pytest.mark.parametrize(
    "method", ["crm.deal.add", "crm.item.update", "tasks.task.delete", "crm.status.add", "user.update"]
)
def test_methods_that_write_are_counted_and_denied_in_batches_too(own: Wire, method: str) -> None:
    before = own.counts()
    assert own.call(method, {"id": 1, "fields": {}}).error == (403, "ACCESS_DENIED")
    maps = own.batch({"a": command(method, {"id": 1})})
    assert maps["result_error"]["a"]["error"] == "ACCESS_DENIED"
    assert own.stats()["write_calls"] == {method: 2}
    assert own.counts() == before


# Truth


def test_truth_knows_every_table_with_rising_keys(own: Wire) -> None:
    """On a portal of its own: declared lists, which other tests have read, have keys of other kinds."""
    counts = own.counts()
    assert set(counts) >= TABLES
    smart = [name for name in counts if name.startswith("smart_process_")]
    assert len(smart) == 2
    for table, count in counts.items():
        rows = own.truth(table)
        assert len(rows) == count, table
        if table not in {"currencies", "categories", "stage_history"}:
            known = ids(rows, key_of(rows[0]))
            assert known == sorted(set(known)), table


def test_truth_of_an_unknown_table_is_refused(portal: Wire) -> None:
    assert portal.send("GET", "/_demo/truth?table=nothing").status in {400, 404}


@pytest.mark.parametrize(
    ("table", "method", "params", "wrapper"),
    [
        ("leads", "crm.lead.list", {"select": ["*", "UF_*", "PHONE", "EMAIL", "WEB", "IM"]}, ""),
        ("quotes", "crm.quote.list", {"select": ["*", "UF_*"]}, ""),
        ("departments", "department.get", {"sort": "ID", "order": "ASC"}, ""),
        ("users", "user.get", {"SELECT": ["*", "UF_*"]}, ""),
        ("types", "crm.type.list", {"order": {"id": "ASC"}}, "types"),
        ("smart_invoices", "crm.item.list", {"entityTypeId": 31, "select": ["*"]}, "items"),
    ],
)
def test_truth_is_what_the_list_shows(
    portal: Wire, table: str, method: str, params: dict[str, Any], wrapper: str
) -> None:
    ordered = {"order": {"id" if wrapper else "ID": "ASC"}, **params}
    result = portal.result(method, ordered)
    rows = result[wrapper] if wrapper else result
    assert rows == portal.truth(table)[:50]
