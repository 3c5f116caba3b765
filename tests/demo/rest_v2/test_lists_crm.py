"""Lists around CRM items that have rules of their own: requisites, bindings, documents, user fields, call lists."""

from typing import Any

import pytest

from tests.demo.wire import Wire, ids


@pytest.mark.parametrize(
    ("method", "params", "error"),
    [
        ("crm.activity.binding.list", {}, "100"),
        ("crm.activity.binding.list", {"activityId": 10**9}, "NOT_FOUND"),
        ("crm.timeline.bindings.list", {}, ""),
        ("crm.requisite.preset.field.list", {"preset": {"ID": 27}}, ""),
        ("crm.calllist.items.get", {"LIST_ID": "x"}, "LIST_ID_ERROR"),
        ("crm.calllist.list", {"FILTER": {"TITLE": "x"}}, "100"),
        ("userfieldconfig.list", {}, "100"),
    ],
)
def test_what_is_missing_or_wrong_is_an_error(portal: Wire, method: str, params: dict[str, Any], error: Any) -> None:
    assert portal.call(method, params).error == (400, error)


# Requisites: text throughout (docs/protocol.md §6), legacy pages (§3.1)


def test_addresses_belong_to_requisites_and_those_to_clients(portal: Wire) -> None:
    requisites = {row["ID"]: row for row in portal.truth("requisites")}
    clients = {kind: set(ids(portal.truth(name))) for kind, name in (("3", "contacts"), ("4", "companies"))}
    assert {row["ENTITY_TYPE_ID"] for row in requisites.values()} == set(clients)
    for row in requisites.values():
        assert int(row["ENTITY_ID"]) in clients[row["ENTITY_TYPE_ID"]]
    addresses = portal.truth("addresses")
    assert addresses
    for row in addresses:
        requisite = requisites[row["ENTITY_ID"]]
        assert (row["ANCHOR_TYPE_ID"], row["ANCHOR_ID"]) == (requisite["ENTITY_TYPE_ID"], requisite["ENTITY_ID"])


def test_requisites_are_text_and_their_emptiness_varies(portal: Wire) -> None:
    rows = portal.truth("requisites")
    kinds = {type(value) for row in rows for value in row.values()}
    assert kinds == {str, type(None)}
    assert {row["RQ_FAX"] for row in rows} == {"", None}
    assert any(row["RQ_INN"].startswith("0") for row in rows)
    first = portal.call("crm.requisite.list", {"order": {"ID": "ASC"}}).body
    beyond = portal.call("crm.requisite.list", {"order": {"ID": "ASC"}, "start": 50 * len(rows)}).body
    assert beyond["result"] == first["result"]


def test_links_name_requisites_and_accounts_that_exist_or_none(portal: Wire) -> None:
    requisites = {"0", *(row["ID"] for row in portal.truth("requisites"))}
    accounts = {"0", *(row["ID"] for row in portal.truth("requisite_bank_details"))}
    owner = {row["ID"]: row["ENTITY_ID"] for row in portal.truth("requisite_bank_details")}
    links = portal.truth("requisite_links")
    assert links
    for row in links:
        assert row["REQUISITE_ID"] in requisites
        assert row["BANK_DETAIL_ID"] in accounts
        assert row["BANK_DETAIL_ID"] == "0" or owner[row["BANK_DETAIL_ID"]] == row["REQUISITE_ID"]


def test_fields_of_a_template_are_numbered_within_it(portal: Wire) -> None:
    numbers = [
        ids(portal.result("crm.requisite.preset.field.list", {"preset": {"ID": row["ID"]}}))
        for row in portal.truth("requisite_presets")
    ]
    assert numbers == [list(range(1, len(one) + 1)) for one in numbers]
    assert sum(map(len, numbers)) == len(portal.truth("requisite_preset_fields")) > len(numbers)


# Bindings and recurring deals


def test_an_activity_is_bound_to_its_owner_first(portal: Wire) -> None:
    activities = {row["ID"]: row for row in portal.truth("activities")}
    bindings = portal.truth("crm_activity_bindings")[::20]
    assert bindings
    for row in bindings:
        bound = portal.result("crm.activity.binding.list", {"activityId": row["activityId"]})
        owner = activities[str(row["activityId"])]
        assert bound[0] == {"entityTypeId": int(owner["OWNER_TYPE_ID"]), "entityId": int(owner["OWNER_ID"])}


def test_recurring_deals_are_described_in_capitals_and_filtered_by_them(portal: Wire) -> None:
    rows = portal.truth("recurring_deals")
    assert {"id", "deal_id", "based_id", "category_id", "IS_LIMIT"} < set(rows[0])
    assert {"ID", "DEAL_ID", "IS_LIMIT"} < set(portal.result("crm.deal.recurring.fields"))
    found = portal.result("crm.deal.recurring.list", {"filter": {">ID": rows[3]["id"]}})
    assert ids(found, "id") == ids(rows[4:], "id")
    assert {row["IS_LIMIT"] for row in rows} == {"N", "D", "T"}


def test_a_small_id_in_a_filter_of_recurring_deals_is_dropped(own: Wire) -> None:
    """Section 4.1: classic lists drop what they do not know, lower case included."""
    assert len(own.result("crm.deal.recurring.list", {"filter": {">id": 5}})) == len(own.truth("recurring_deals"))
    assert own.stats()["dropped_filters"] == {"crm.deal.recurring.list:>id": 1}


# Documents


def test_templates_come_by_id_and_deleted_ones_on_request(portal: Wire) -> None:
    listing = "crm.documentgenerator.template.list"
    templates = portal.result(listing)["templates"]
    rows = portal.truth("crm_document_templates")
    assert templates == {row["id"]: row for row in rows if row["isDeleted"] == "N"}
    deleted = portal.result(listing, {"filter": {"isDeleted": "Y"}})["templates"]
    assert deleted == {row["id"]: row for row in rows if row["isDeleted"] == "Y"}
    assert deleted


def test_links_to_documents_hold_secrets_for_the_tap_to_cut(portal: Wire) -> None:
    documents = portal.truth("crm_documents")
    assert len(documents) > 50
    assert all("auth=" in row["downloadUrl"] and "token=" in row["downloadUrlMachine"] for row in documents)
    assert {type(row["values"]) for row in documents} == {dict, list, type(None)}
    assert all("token=" in row["fileUri"] for row in portal.truth("crm_timeline_icons") if not row["isSystem"])


# User fields


def test_settings_of_user_fields_come_by_module_and_follow_new_ones(own: Wire) -> None:
    asked = {"moduleId": "crm"}
    first = own.call("userfieldconfig.list", asked).body
    deals = [row for row in own.truth("userfield_config") if row["entityId"] == "CRM_DEAL"]
    assert {row["fieldName"] for row in deals} == {row["FIELD_NAME"] for row in own.result("crm.deal.userfield.list")}
    assert (len(first["result"]["fields"]), first["next"]) == (50, 50)
    assert {"enum" in row for row in deals} == {True, False}
    own.mutate(add_field={"table": "deals", "name": "UF_CRM_1799999999", "type": "money", "label": "Бонус"})
    last = own.result("userfieldconfig.list", {**asked, "start": first["total"] // 50 * 50})["fields"][-1]
    assert (last["fieldName"], last["userTypeId"], last["editFormLabel"]["ru"]) == (
        "UF_CRM_1799999999",
        "money",
        "Бонус",
    )
    assert own.result("userfieldconfig.list", {"moduleId": "nothing"}) == {"fields": []}


def test_options_stand_in_user_fields_of_lists_only(portal: Wire) -> None:
    rows = portal.result("crm.requisite.userfield.list")
    assert {row["USER_TYPE_ID"] for row in rows if "LIST" in row} == {"enumeration"}
    assert {"FIELD_NAME", "LIST", "SETTINGS"} < set(portal.result("crm.userfield.fields"))
