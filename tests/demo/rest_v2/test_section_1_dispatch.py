"""docs/protocol.md §1: how a request is read, in which order it is checked, what an error looks like."""

import json

import pytest

from tests.demo.wire import FORM, JSON, Wire, ids

DEALS = "crm.deal.list"


@pytest.fixture
def deal(portal: Wire) -> int:
    """An id that is not on the first page, so that an ignored filter cannot look like an obeyed one."""
    return int(portal.truth("deals")[120]["ID"])


# §1.1


@pytest.mark.parametrize("spelling", [DEALS, f"{DEALS}/", "CRM.Deal.LIST", f"{DEALS}.json", f"{DEALS}.json/"])
def test_1_1_method_is_lower_cased_and_may_end_in_a_slash_or_json(portal: Wire, spelling: str) -> None:
    assert len(portal.get(spelling, "start=0").result) == 50


def test_1_1_any_other_last_part_belongs_to_the_method_name(portal: Wire) -> None:
    assert portal.call(f"{DEALS}.yaml").error == (404, "ERROR_METHOD_NOT_FOUND")


def test_1_1_xml_is_a_transport_with_response_as_root_and_item_for_numbers(portal: Wire) -> None:
    answer = portal.get(f"{DEALS}.xml", "order[ID]=ASC&select[]=ID&filter[<=ID]=3")
    assert answer.headers["content-type"].startswith("text/xml")
    text = answer.raw.decode()
    known = [row["ID"] for row in portal.truth("deals") if int(row["ID"]) <= 3]
    assert "<response><result>" + "".join(f"<item><ID>{deal}</ID></item>" for deal in known) in text


def test_1_1_a_parameter_called_method_is_discarded(portal: Wire) -> None:
    assert len(portal.get(DEALS, "method=server.time").result) == 50


# §1.2


def test_1_2_query_and_form_body_are_merged(portal: Wire, deal: int) -> None:
    rows = portal.form(DEALS, "select[]=TITLE", query=f"filter[ID]={deal}").result
    assert ids(rows) == [deal]
    assert set(rows[0]) == {"ID", "TITLE"}


def test_1_2_body_keys_replace_query_keys_at_top_level_only(portal: Wire, deal: int) -> None:
    other = int(portal.truth("deals")[121]["ID"])
    answer = portal.call(DEALS, {"filter": {"ID": other}}, query=f"filter[ID]={deal}&filter[TITLE]=none")
    assert ids(answer.result) == [other]


def test_1_2_form_body_replaces_query_keys_the_same_way(portal: Wire, deal: int) -> None:
    answer = portal.form(DEALS, f"filter[ID]={deal}", query="filter[TITLE]=none")
    assert ids(answer.result) == [deal]


@pytest.mark.parametrize("content_type", [JSON, f"{JSON}; charset=utf-8"])
def test_1_2_json_is_read_by_its_content_type_cut_at_the_semicolon(portal: Wire, deal: int, content_type: str) -> None:
    body = json.dumps({"filter": {"ID": deal}})
    assert ids(portal.form(DEALS, body, content_type=content_type).result) == [deal]


def test_1_2_a_body_of_another_content_type_is_form_parsed(portal: Wire, deal: int) -> None:
    assert ids(portal.form(DEALS, f"filter[ID]={deal}", content_type="text/plain").result) == [deal]


def test_1_2_a_multipart_form_is_a_form(portal: Wire, deal: int) -> None:
    part = f'--edge\r\nContent-Disposition: form-data; name="filter[ID]"\r\n\r\n{deal}\r\n--edge--\r\n'
    answer = portal.form(DEALS, part, content_type="multipart/form-data; boundary=edge")
    assert ids(answer.result) == [deal]


def test_1_2_json_under_a_form_content_type_is_no_filter(portal: Wire, deal: int) -> None:
    body = json.dumps({"filter": {"ID": deal}})
    assert len(portal.form(DEALS, body, content_type=FORM).result) == 50


def test_1_2_a_body_of_a_get_is_not_read(portal: Wire, deal: int) -> None:
    body = json.dumps({"filter": {"ID": deal}})
    answer = portal.send("GET", portal.root + DEALS, body, {"Content-Type": JSON})
    assert len(answer.result) == 50


@pytest.mark.parametrize("body", ['{"filter": {"ID": 5', "not json", '"text"', "17", "null", ""])
def test_1_2_invalid_json_or_a_scalar_raises_nothing_and_runs_unfiltered(portal: Wire, body: str) -> None:
    answer = portal.form(DEALS, body, content_type=JSON)
    assert len(answer.result) == 50
    assert answer.body["total"] == 300


def test_1_2_json_keeps_types_and_forms_make_strings(portal: Wire) -> None:
    """A batch command that is a number is skipped in JSON; in a form it is a string, hence a method name."""
    assert portal.batch({"a": 5})["result_error"] == []
    answer = portal.form("batch", "cmd[a]=5").result
    assert answer["result_error"]["a"]["error"] == "ERROR_METHOD_NOT_FOUND"


def test_1_2_empty_brackets_append(portal: Wire) -> None:
    rows = portal.form(DEALS, "select[]=ID&select[]=TITLE&select[]=STAGE_ID").result
    assert set(rows[0]) == {"ID", "TITLE", "STAGE_ID"}


def test_1_2_numeric_brackets_make_keys_of_a_list(portal: Wire) -> None:
    rows = portal.form("crm.deal.list", "select[7]=ID&select[9]=TITLE").result
    assert set(rows[0]) == {"ID", "TITLE"}


def test_1_2_of_a_repeated_plain_key_the_last_wins(portal: Wire) -> None:
    assert portal.form(DEALS, "start=0&start=100&order[ID]=ASC").body["next"] == 150


@pytest.mark.parametrize("spelling", ["UF.HEAD", "UF%20HEAD", "UF+HEAD"])
def test_1_2_dots_and_spaces_in_a_top_level_name_become_underscores(portal: Wire, spelling: str) -> None:
    led = next(row for row in portal.truth("departments") if "UF_HEAD" in row)
    rows = portal.form("department.get", f"{spelling}={led['UF_HEAD']}").result
    assert rows
    assert {row["UF_HEAD"] for row in rows} == {led["UF_HEAD"]}


@pytest.mark.parametrize(("start", "following"), [("abc", 50), ("50x", 100), ("50", 100), ("", 50)])
def test_1_2_start_goes_through_intval(portal: Wire, start: str, following: int) -> None:
    assert portal.form(DEALS, f"start={start}").body["next"] == following


def test_1_2_upper_case_start_is_ignored(portal: Wire) -> None:
    assert portal.call(DEALS, {"START": 100}).body["next"] == 50


@pytest.mark.parametrize("name", ["auth", "access_token", "sessid", "auth_connector", "aplogin", "ap"])
def test_1_2_auth_parameters_never_reach_the_method(portal: Wire, name: str) -> None:
    """`auth` beside a webhook changes nothing, not even where bare keys are filters (department.get)."""
    plain = portal.ids("department.get")
    assert portal.ids("department.get", {name: "anything"}) == plain


def test_1_2_output_is_escaped_ascii(portal: Wire) -> None:
    """§1.4, last but one: slashes and non-ASCII are escaped, so bytes differ where meaning does not."""
    raw = portal.call(DEALS, {"select": ["*", "UF_*"]}).raw
    assert raw.isascii()
    assert b"\\u04" in raw
    assert b"\\/" in raw


def test_1_4_escaping_changes_bytes_never_meaning(own: Wire) -> None:
    nasty = 'a\\"b\\\\"c </script> & \'q\' "z" / \\/ \\n Ёж 🦔 \u2028 \t'
    deal = int(own.truth("deals")[5]["ID"])
    own.mutate(table="deals", set={"id": deal, "fields": {"TITLE": nasty}})
    answer = own.call(DEALS, {"filter": {"ID": deal}, "select": ["ID", "TITLE"]})
    assert answer.result == [{"ID": str(deal), "TITLE": nasty}]
    assert not {b"<", b">", b"&", b"'"} & {answer.raw[n : n + 1] for n in range(len(answer.raw))}


# §1.3


def test_1_3_an_unknown_method_is_404_even_with_a_wrong_secret(portal: Wire) -> None:
    answer = portal.send("POST", "/rest/1/wrong/crm.nothing.list", "{}", {"Content-Type": JSON})
    assert answer.error == (404, "ERROR_METHOD_NOT_FOUND")
    assert answer.body["error_description"] == "Method not found!"


def test_1_3_a_known_method_with_a_wrong_secret_is_401(portal: Wire) -> None:
    answer = portal.send("POST", f"/rest/1/wrong/{DEALS}", "{}", {"Content-Type": JSON})
    assert answer.error == (401, "INVALID_CREDENTIALS")


def test_1_3_batch_tries_the_lower_case_spelling_first(portal: Wire) -> None:
    assert len(portal.batch({"a": "CRM.DEAL.LIST"})["result"]["a"]) == 50


# §1.4


def test_1_4_an_error_has_neither_result_nor_time(portal: Wire) -> None:
    body = portal.call("crm.nothing.list").body
    assert set(body) == {"error", "error_description"}


def test_1_4_the_code_may_be_an_empty_string(portal: Wire) -> None:
    answer = portal.call(DEALS, {"filter": "ID"})
    assert answer.error == (400, "")
    assert answer.body["error_description"] == "Parameter 'filter' must be array."


def test_1_4_a_missing_required_argument_is_code_100(portal: Wire) -> None:
    status, code = portal.call("crm.item.list", {}).error
    assert (status, str(code)) == (400, "100")


def test_1_4_an_unknown_orm_field_is_code_0_which_is_falsy(portal: Wire) -> None:
    status, code = portal.call("crm.item.list", {"entityTypeId": 2, "filter": {"noSuchField": 1}}).error
    assert (status, str(code)) == (400, "0")


def test_1_4_a_method_that_writes_is_denied_with_403(own: Wire) -> None:
    answer = own.call("crm.deal.update", {"id": 1, "fields": {"TITLE": "x"}})
    assert answer.error == (403, "ACCESS_DENIED")
    assert answer.body["error_description"].startswith("Access denied!")
    assert own.stats()["write_calls"] == {"crm.deal.update": 1}


def test_1_4_unencodable_text_replaces_the_whole_reply_with_http_200(own: Wire) -> None:
    own.faults({"fault": "wrong_encoding", "times": 1})
    answer = own.call(DEALS)
    assert answer.error == (200, "WRONG_ENCODING")
    assert "result" not in answer.body
    assert len(own.result(DEALS)) == 50


def test_1_4_success_lifts_next_and_total_beside_result(portal: Wire) -> None:
    assert set(portal.call(DEALS).body) == {"result", "total", "next", "time"}
