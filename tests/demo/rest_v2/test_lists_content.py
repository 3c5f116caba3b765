"""Disk, universal lists, sites, documents, workflows: what is special about each (docs/protocol.md §3.1, §4.6, §5)."""

from typing import Any

import pytest

from tests.demo.wire import Wire, ids

LIST: dict[str, Any] = {"IBLOCK_TYPE_ID": "lists", "IBLOCK_ID": 32}
ELEMENTS = "lists.element.get"

# Disk


def walked(portal: Wire, method: str, number: int) -> list[dict[str, Any]]:
    """All children of a storage or folder, and theirs."""
    found: list[dict[str, Any]] = []
    last = 0
    while rows := portal.result(method, {"id": number, "filter": {">ID": last}, "order": {"ID": "ASC"}, "start": -1}):
        found += rows
        last = int(rows[-1]["ID"])
    folders = [int(row["ID"]) for row in found if row["TYPE"] == "folder"]
    return found + [row for folder in folders for row in walked(portal, "disk.folder.getChildren", folder)]


def test_a_walk_through_all_folders_finds_every_object(portal: Wire) -> None:
    storages = portal.truth("disk_storages")
    found = [row for one in storages for row in walked(portal, "disk.storage.getChildren", int(one["ID"]))]
    assert sorted(ids(found)) == ids(portal.truth("disk_objects"))
    roots = {row["PARENT_ID"] for row in portal.result("disk.storage.getChildren", {"id": storages[0]["ID"]})}
    assert roots == {storages[0]["ROOT_OBJECT_ID"]}
    assert len({row["PARENT_ID"] for row in found}) > 20


def test_files_and_folders_have_each_their_own_keys(portal: Wire) -> None:
    files = [row for row in portal.truth("disk_objects") if row["TYPE"] == "file"]
    folders = [row for row in portal.truth("disk_objects") if row["TYPE"] == "folder"]
    assert all("REAL_OBJECT_ID" not in row and "token=" in row["DOWNLOAD_URL"] for row in files)
    assert all("SIZE" not in row and row["REAL_OBJECT_ID"] == row["ID"] for row in folders)
    assert {row["DELETE_TIME"] for row in files} == {""}
    shown = portal.result("disk.folder.getFields")
    assert shown["TYPE"] == {"TYPE": "enum", "USE_IN_FILTER": True, "USE_IN_SHOW": True}
    assert "FILE_ID" not in shown
    assert "FILE_ID" in portal.result("disk.file.getFields")
    assert set(portal.result("disk.storage.getFields")) == set(portal.truth("disk_storages")[0])


def test_versions_are_those_of_files_newest_first(portal: Wire) -> None:
    several = next(row for row in portal.truth("disk_objects") if row.get("GLOBAL_CONTENT_VERSION") == "3")
    versions = portal.result("disk.file.getVersions", {"id": several["ID"]})
    assert [row["GLOBAL_CONTENT_VERSION"] for row in versions] == ["3", "2", "1"]
    folder = next(row for row in portal.truth("disk_objects") if row["TYPE"] == "folder")
    assert portal.result("disk.file.getVersions", {"id": folder["ID"]}) == []
    assert portal.call("disk.file.getVersions", {"id": 9}).error == (400, "ERROR_NOT_FOUND")
    assert portal.call("disk.storage.getChildren").error == (400, "ERROR_ARGUMENT")
    assert portal.call("disk.storage.getChildren", {"id": 9}).error == (400, "ERROR_NOT_FOUND")


# Universal lists (docs/protocol.md §3.1, §4.6)


def test_lists_are_told_type_by_type_and_a_type_without_any_has_no_total(portal: Wire) -> None:
    assert ids(portal.result("lists.get", {"IBLOCK_TYPE_ID": "lists"})) == [32, 34]
    processes = portal.call("lists.get", {"IBLOCK_TYPE_ID": "bitrix_processes"}).body
    assert (ids(processes["result"]), processes["total"]) == ([41], 1)
    none = portal.call("lists.get", {"IBLOCK_TYPE_ID": "lists_socnet"}).body
    assert none["result"] == []
    assert "total" not in none
    assert portal.call("lists.get").error == (400, "ERROR_REQUIRED_PARAMETERS_MISSING")


def test_fields_are_keyed_by_name_and_one_alone_by_its_type(portal: Wire) -> None:
    fields = portal.result("lists.field.get", LIST)
    assert {"NAME", "PROPERTY_301", "PROPERTY_312"} < set(fields)
    assert "PROPERTY_320" not in fields
    assert "PROPERTY_TYPE" not in fields["NAME"]
    assert len({field["TYPE"] for name, field in fields.items() if name.startswith("PROPERTY_")}) == 12
    assert fields["PROPERTY_301"]["PROPERTY_USER_TYPE"] is False
    assert fields["PROPERTY_303"]["DISPLAY_VALUES_FORM"]["1671"] == "В работе"
    assert set(portal.result("lists.field.get", {**LIST, "FIELD_ID": "PROPERTY_304"})) == {"S:Date"}
    assert portal.call("lists.field.get", {**LIST, "IBLOCK_ID": 99}).error == (400, "ERROR_IBLOCK_NOT_FOUND")
    missing = portal.call("lists.field.get", {"IBLOCK_ID": 32})
    assert missing.error == (400, "ERROR_REQUIRED_PARAMETERS_MISSING")


def test_sections_lie_in_sections(portal: Wire) -> None:
    answer = portal.call("lists.section.get", LIST).body
    rows = {row["ID"]: row for row in answer["result"]}
    assert answer["total"] == len(rows) == 6
    inner = [row for row in rows.values() if row["IBLOCK_SECTION_ID"]]
    assert inner
    assert {row["IBLOCK_SECTION_ID"] for row in inner} <= set(rows)
    assert {row["DEPTH_LEVEL"] for row in inner} == {"2"}


def test_elements_are_walked_by_id_and_a_property_without_a_value_has_no_key(portal: Wire) -> None:
    wanted = ids([row for row in portal.truth("list_elements") if row["IBLOCK_ID"] == "32"])
    seen: list[dict[str, Any]] = []
    while page := portal.result(
        ELEMENTS, {**LIST, "FILTER": {">ID": int(seen[-1]["ID"]) if seen else 0}, "ELEMENT_ORDER": {"ID": "ASC"}}
    ):
        seen += page
    assert ids(seen) == wanted
    assert {"PROPERTY_301" in row for row in seen} == {True, False}
    assert not any("PROPERTY_320" in row for row in seen)
    several = next(row for row in seen if len(row.get("PROPERTY_307", {})) > 1)
    assert all(value.isdigit() for value in several["PROPERTY_307"].values())


def test_elements_wrap_to_their_first_page_and_without_rows_tell_no_total(portal: Wire) -> None:
    first = portal.call(ELEMENTS, {**LIST, "start": 0}).body
    assert (first["next"], first["total"]) == (50, 120)
    assert portal.call(ELEMENTS, {**LIST, "start": 5000}).body["result"] == first["result"]
    none = portal.call(ELEMENTS, {**LIST, "FILTER": {"NAME": "nothing is called so"}}).body
    assert none["result"] == []
    assert "total" not in none
    assert portal.ids(ELEMENTS, {**LIST, "ELEMENT_ORDER": {"ID": "DESC"}})[0] > portal.ids(ELEMENTS, LIST)[0]


@pytest.mark.parametrize("name", ["COLOUR", "PROPERTY_320", "@ID", "=%NAME", "?NAME"])
def test_a_condition_that_lists_do_not_know_is_an_error(portal: Wire, name: str) -> None:
    refused = portal.call(ELEMENTS, {**LIST, "FILTER": {name: 1}})
    assert refused.error == (400, "ERROR_ARGUMENT")
    assert refused.body["error_description"].startswith("Filter ")


# Sites


def test_sites_take_everything_in_params_and_have_no_page_size(portal: Wire) -> None:
    rows = portal.truth("site_pages")
    method = "landing.landing.getList"
    answer = portal.call(method)
    assert ids(answer.result) == ids(rows)
    assert len(rows) > 50
    assert "total" not in answer.body
    params = {"select": ["ID", "TITLE"], "filter": {">ID": 10}, "order": {"ID": "DESC"}, "limit": 3, "offset": 1}
    some = portal.result(method, {"params": params})
    assert ids(some) == ids(rows)[::-1][1:4]
    assert set(some[0]) == {"ID", "TITLE"}
    assert len(portal.result(method, params)) == len(rows)
    assert rows[0]["DATE_CREATE"][2] == "."


def test_blocks_of_several_pages_come_together(portal: Wire) -> None:
    rows = portal.truth("site_blocks")
    pages = sorted({row["lid"] for row in rows})[:3]
    blocks = portal.result("landing.block.getlist", {"lid": pages})
    assert {row["lid"] for row in blocks} == set(pages)
    assert all(row["meta"]["LID"] == str(row["lid"]) for row in blocks)
    assert portal.call("landing.block.getlist", {"lid": 99_999}).error == (400, "LANDING_NOT_EXIST")


# Documents, mail


def test_templates_are_keyed_by_id_and_links_hold_secrets(portal: Wire) -> None:
    templates = portal.result("documentgenerator.template.list")["templates"]
    assert set(templates) == {row["id"] for row in portal.truth("document_templates")}
    assert all("auth=" in row["downloadMachine"] and "signature=" in row["download"] for row in templates.values())
    documents = portal.truth("documents")
    assert {row["downloadUrl"] is None for row in documents} == {True, False}
    assert {type(row["values"]).__name__ for row in documents} == {"NoneType", "list", "dict"}
    newer = {"filter": {">=updateTime": documents[0]["updateTime"]}, "order": {"id": "asc"}}
    assert portal.result("documentgenerator.document.list", newer)["documents"]


def test_regions_are_keyed_by_code_and_only_own_ones_have_formats(portal: Wire) -> None:
    regions = portal.result("documentgenerator.region.list")["regions"]
    assert set(regions) == {"de", "uk", "kz", "1"}
    assert set(regions["de"]) == {"code", "title", "languageId"}
    assert regions["1"]["formatDate"] == "DD.MM.YYYY"


def test_mail_services_are_described_by_labels_alone(portal: Wire) -> None:
    labels = portal.result("mailservice.fields")
    assert labels["SITE_ID"] == "Сайт"
    assert set(labels) == set(portal.result("mailservice.list")[0])


# Workflows, RPA, BI


def test_running_workflows_have_ids_that_do_not_rise_and_show_three_columns_unasked(portal: Wire) -> None:
    method = "bizproc.workflow.instances"
    first = portal.call(method).body
    assert (first["total"], first["next"]) == (73, 50)
    assert set(first["result"][0]) == {"ID", "MODIFIED", "OWNED_UNTIL"}
    numbers = [row["ID"] for row in first["result"]]
    assert numbers != sorted(numbers)
    asked = {"SELECT": ["ID", "STARTED", "DOCUMENT_ID"], "FILTER": {">=MODIFIED": first["result"][1]["MODIFIED"]}}
    some = portal.call(method, asked).body
    assert 0 < some["total"] < 73
    assert set(some["result"][0]) == {"ID", "STARTED", "DOCUMENT_ID"}


def test_workflow_templates_show_ids_alone_and_nested_values_as_php_has_them(portal: Wire) -> None:
    assert set(portal.result("bizproc.workflow.template.list")[0]) == {"ID"}
    rows = portal.truth("workflow_templates")
    assert {type(row["PARAMETERS"]) for row in rows} == {list, dict}
    tasks = portal.result(
        "bizproc.task.list", {"FILTER": {">ID": 0}, "ORDER": {"ID": "ASC"}, "SELECT": ["ID", "MODIFIED"]}
    )
    assert ids(tasks) == ids(portal.truth("workflow_tasks"))[:50]


def test_items_and_stages_of_rpa_are_those_of_one_type(portal: Wire) -> None:
    rows = portal.truth("rpa_items")
    kind = rows[0]["typeId"]
    listed = portal.call("rpa.item.list", {"typeId": kind, "order": {"id": "ASC"}}).body
    assert ids(listed["result"]["items"], "id") == ids([row for row in rows if row["typeId"] == kind], "id")[:50]
    stages = portal.result("rpa.stage.listForType", {"typeId": kind})["stages"]
    assert [row["semantic"] for row in stages] == [None, None, "SUCCESS"]
    assert portal.call("rpa.item.list").error == (400, "100")
    assert portal.call("rpa.item.list", {"typeId": 99}).error == (400, "RPA_NOT_FOUND_ERROR")


def test_datasets_refuse_a_select_that_is_no_list_with_http_200(portal: Wire) -> None:
    assert len(portal.result("biconnector.dataset.list", {"page": 2})) == 3
    assert portal.call("biconnector.dataset.list", {"select": "id"}).error == (200, "VALIDATION_SELECT_TYPE")
    titles = [one["title"] for one in portal.result("biconnector.connector.fields")["fields"]]
    assert set(titles) == set(portal.result("biconnector.connector.list")[0])
