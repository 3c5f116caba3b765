"""docs/protocol.md §2.1 and §2.2: how a batch is parsed and what its five maps look like."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.demo.conftest import Start
from tests.demo.wire import Wire, command, ids

DEALS = "crm.deal.list"
MAPS = {"result", "result_error", "result_total", "result_next", "result_time"}


def one(deal: int, **more: Any) -> str:
    """A command that reads one deal."""
    return command(DEALS, {"filter": {"ID": deal}, "select": ["ID"], **more})


@pytest.fixture
def deal(portal: Wire) -> int:
    return int(portal.truth("deals")[120]["ID"])


# §2.1


@pytest.mark.parametrize("name", ["cmd", "CMD", "Cmd"])
def test_2_1_cmd_is_a_case_insensitive_name(portal: Wire, deal: int, name: str) -> None:
    assert ids(portal.call("batch", {name: {"a": one(deal)}}).result["result"]["a"]) == [deal]


@pytest.mark.parametrize("name", ["halt", "HALT", "Halt"])
def test_2_1_halt_is_a_case_insensitive_name(portal: Wire, deal: int, name: str) -> None:
    maps = portal.call("batch", {name: 1, "cmd": {"bad": "no.such", "a": one(deal)}}).result
    assert maps["result"] == []


@pytest.mark.parametrize("halt", ["0", "", 0, False, None])
def test_2_1_halt_is_off_for_what_php_calls_false(portal: Wire, deal: int, halt: Any) -> None:
    maps = portal.batch({"bad": "no.such", "a": one(deal)}, halt=halt)
    assert ids(maps["result"]["a"]) == [deal]


@pytest.mark.parametrize("halt", ["false", "1", 1, True, "no"])
def test_2_1_halt_is_on_for_anything_else_the_word_false_included(portal: Wire, deal: int, halt: Any) -> None:
    maps = portal.batch({"bad": "no.such", "a": one(deal)}, halt=halt)
    assert maps["result"] == []
    assert set(maps["result_error"]) == {"bad"}


def test_2_1_commands_run_in_the_order_given(portal: Wire) -> None:
    maps = portal.batch({"z": one(5), "a": one(6), "m": one(7)})
    assert list(maps["result"]) == ["z", "a", "m"]


@pytest.mark.parametrize("entry", [7, None, True, ["crm.deal.list"], {"method": "crm.deal.list"}])
def test_2_1_an_entry_that_is_no_string_is_skipped_without_a_word(portal: Wire, deal: int, entry: Any) -> None:
    maps = portal.batch({"odd": entry, "a": one(deal)})
    assert set(maps["result"]) == {"a"}
    assert maps["result_error"] == []


def test_2_1_an_unencoded_hash_cuts_the_rest_off(portal: Wire, deal: int) -> None:
    maps = portal.batch({"a": f"{DEALS}?select[]=ID#&filter[ID]={deal}"})
    assert len(maps["result"]["a"]) == 50


def test_2_1_an_encoded_hash_does_not(portal: Wire, deal: int) -> None:
    maps = portal.batch({"a": f"{DEALS}?filter[%21TITLE]=%23&filter[ID]={deal}"})
    assert ids(maps["result"]["a"]) == [deal]


def test_2_1_a_command_without_a_method_is_not_found(portal: Wire) -> None:
    maps = portal.batch({"a": "?filter[ID]=1", "b": ""})
    assert {key: error["error"] for key, error in maps["result_error"].items()} == {
        "a": "ERROR_METHOD_NOT_FOUND",
        "b": "ERROR_METHOD_NOT_FOUND",
    }


def test_2_1_a_json_body_needs_one_level_of_encoding(portal: Wire, deal: int) -> None:
    assert ids(portal.batch({"a": one(deal)})["result"]["a"]) == [deal]


def test_2_1_a_form_body_needs_two_levels(portal: Wire, deal: int) -> None:
    """With one level only, the `&` of the command ends the parameter and the filter is lost."""
    twice = portal.form("batch", f"cmd[a]={quote(one(deal), safe='')}").result
    assert ids(twice["result"]["a"]) == [deal]
    once = portal.form("batch", f"cmd[a]={DEALS}?select[]=ID&filter[ID]={deal}").result
    assert len(once["result"]["a"]) == 50


def moscow(portal: Wire) -> tuple[int, str]:
    """A deal and its modified time written with `+03:00`, as a client in Moscow would."""
    row = portal.truth("deals")[77]
    hours = int(row["DATE_MODIFY"][11:13])
    rows = [item for item in portal.truth("deals") if int(item["DATE_MODIFY"][11:13]) < 18]
    row = row if hours < 18 else rows[0]
    stamp = row["DATE_MODIFY"]
    assert stamp.endswith("-03:00")
    return int(row["ID"]), f"{stamp[:11]}{int(stamp[11:13]) + 6:02}{stamp[13:19]}+03:00"


def test_2_1_an_unencoded_plus_is_a_space_and_corrupts_the_time(portal: Wire) -> None:
    deal, stamp = moscow(portal)
    right = portal.batch({"a": one(deal, filter={"ID": deal, "DATE_MODIFY": stamp})})
    assert ids(right["result"]["a"]) == [deal]
    wrong = portal.batch({"a": f"{DEALS}?filter[ID]={deal}&filter[DATE_MODIFY]={stamp}"})
    assert wrong["result"]["a"] == []


def test_2_1_a_raw_operator_with_equals_in_a_key_loses_the_filter(portal: Wire) -> None:
    """`filter[>=DATE_MODIFY]=…` is cut at its first `=`: all rows, though none is that new."""
    raw = portal.batch({"a": f"{DEALS}?filter[>=DATE_MODIFY]=2031-01-01"})
    assert raw["result_total"]["a"] == 300
    encoded = portal.batch({"a": f"{DEALS}?filter[%3E%3DDATE_MODIFY]=2031-01-01"})
    assert encoded["result"]["a"] == []


def test_2_1_a_raw_greater_than_without_equals_survives(portal: Wire) -> None:
    truth = ids(portal.truth("deals"))
    maps = portal.batch({"a": f"{DEALS}?filter[>ID]={truth[249]}&order[ID]=ASC"})
    assert ids(maps["result"]["a"]) == truth[250:]


def test_2_1_the_first_50_run_and_every_further_one_is_refused(own: Wire) -> None:
    answer = own.call("batch", {"cmd": {f"c{n}": one(5) for n in range(53)}})
    assert answer.status == 200
    assert list(answer.result["result"]) == [f"c{n}" for n in range(50)]
    errors = {key: error["error"] for key, error in answer.result["result_error"].items()}
    assert errors == dict.fromkeys(("c50", "c51", "c52"), "ERROR_BATCH_LENGTH_EXCEEDED")
    assert own.stats()["commands"][DEALS] == 50


@pytest.mark.parametrize("method", ["batch", "download", "upload"])
def test_2_1_batch_download_and_upload_are_refused_per_command(portal: Wire, deal: int, method: str) -> None:
    maps = portal.batch({"x": f"{method}?cmd[a]=server.time", "a": one(deal)})
    assert maps["result_error"]["x"]["error"] == "ERROR_BATCH_METHOD_NOT_ALLOWED"
    assert ids(maps["result"]["a"]) == [deal]


# §2.2


def test_2_2_each_map_is_an_empty_list_when_empty(portal: Wire) -> None:
    assert portal.batch({}) == {name: [] for name in MAPS}


def test_2_2_the_maps_are_objects_under_string_keys(portal: Wire) -> None:
    maps = portal.batch({"c0": DEALS})
    assert set(maps) == MAPS
    assert set(maps["result"]) == set(maps["result_total"]) == set(maps["result_time"]) == {"c0"}
    assert maps["result_total"] == {"c0": 300}
    assert maps["result_next"] == {"c0": 50}
    assert maps["result_error"] == []


@pytest.mark.parametrize("cmd", [[DEALS, DEALS], {"0": DEALS, "1": DEALS}])
def test_2_2_a_map_whose_keys_are_0_to_n_is_a_list(portal: Wire, cmd: Any) -> None:
    maps = portal.batch(cmd)
    assert [len(page) for page in maps["result"]] == [50, 50]
    assert maps["result_total"] == [300, 300]


def test_2_2_one_failed_command_turns_a_list_into_an_object(portal: Wire) -> None:
    maps = portal.batch([DEALS, "no.such", DEALS])
    assert set(maps["result"]) == {"0", "2"}
    assert set(maps["result_error"]) == {"1"}


def test_2_2_a_failed_first_command_makes_its_error_map_a_list(portal: Wire) -> None:
    maps = portal.batch(["no.such", DEALS])
    assert [error["error"] for error in maps["result_error"]] == ["ERROR_METHOD_NOT_FOUND"]
    assert set(maps["result"]) == {"1"}


def test_2_2_next_of_two_pages_out_of_three_is_a_list_of_two(portal: Wire, deal: int) -> None:
    maps = portal.batch([DEALS, DEALS, one(deal)])
    assert maps["result_next"] == [50, 50]
    assert maps["result_total"] == [300, 300, 1]


def test_2_2_a_failed_command_stands_in_result_error_only(portal: Wire) -> None:
    maps = portal.batch({"ok": DEALS, "bad": "crm.deal.list?filter=5"})
    assert set(maps["result_error"]) == {"bad"}
    assert set(maps["result_error"]["bad"]) == {"error", "error_description"}
    assert all("bad" not in maps[name] for name in MAPS - {"result_error"})


def test_2_2_the_outer_status_stays_200_even_for_the_operating_limit(own: Wire) -> None:
    own.faults({"fault": "operation_time_limit", "method": DEALS})
    answer = own.call("batch", {"cmd": {"a": DEALS, "b": "crm.status.list"}})
    assert answer.status == 200
    assert answer.result["result_error"]["a"]["error"] == "OPERATION_TIME_LIMIT"
    assert set(answer.result["result"]) == {"b"}


def test_2_2_insufficient_scope_inside_has_no_description(start: Start) -> None:
    narrow = start(scopes=["crm"])
    maps = narrow.batch({"a": "user.get", "b": "crm.status.list"})
    assert maps["result_error"]["a"] == {"error": "insufficient_scope", "error_description": ""}
    assert set(maps["result"]) == {"b"}


def test_2_2_with_halt_what_follows_the_first_failure_appears_nowhere(portal: Wire) -> None:
    maps = portal.batch({"a": DEALS, "bad": "no.such", "c": DEALS, "d": "no.such"}, halt=1)
    assert set(maps["result"]) == {"a"}
    assert set(maps["result_error"]) == {"bad"}
    assert all("c" not in maps[name] for name in MAPS)


def test_2_2_each_command_has_a_full_time_of_its_own(portal: Wire) -> None:
    full = {"start", "finish", "duration", "processing", "date_start", "date_finish"}
    times = portal.batch({"a": DEALS, "b": "crm.status.list"})["result_time"]
    assert full | {"operating", "operating_reset_at"} == set(times["a"])
    assert full <= set(times["b"])
