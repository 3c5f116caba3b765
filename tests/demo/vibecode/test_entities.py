"""Every entity of the VibeCode service: all rows once, by keyset and by offset; a field for every key."""

from collections.abc import Iterator
from typing import Any

import pytest

from tap_bitrix24.demo import serve
from tests.demo.vibecode.service import Service, good, refused, rows

TABLES = {
    "deals": "deals", "contacts": "contacts", "companies": "companies", "leads": "leads", "quotes": "quotes",
    "invoices": "smart_invoices", "items/156": "smart_process_156", "activities": "activities", "products": "products",
    "product-sections": "product_sections", "statuses": "statuses", "requisites": "requisites",
    "requisite-presets": "requisite_presets", "bank-details": "requisite_bank_details", "tasks": "tasks",
    "storages": "disk_storages", "users": "users", "departments": "departments", "catalog-products": "products",
    "catalog-sections": "product_sections", "catalog-prices": "product_prices", "orders": "orders",
    "payments": "order_payments", "basket-items": "order_basket_items", "sites": "sites", "pages": "site_pages",
    "doc-templates": "document_templates", "documents": "documents", "bookings": "bookings",
    "openline-configs": "openline_configs", "telephony-lines": "telephony_lines",
}  # fmt: skip
"""Entities whose list is all of a table, with ids that are numbers."""
SMALL = {
    "currencies": "currencies", "order-statuses": "order_statuses", "addresses": "addresses",
    "requisite-links": "requisite_links",
}  # fmt: skip
"""Lists without numeric ids."""
UNDESCRIBED = {
    "calendar-events", "departments", "workgroups", "catalog-sections", "catalog-prices", "payments", "basket-items",
    "order-statuses", "sites", "pages", "bookings", "openline-configs", "telephony-lines",
}  # fmt: skip


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """For reading only."""
    with serve(scale=150, no_limits=True) as running:
        yield Service.of(running)


def number(row: dict[str, Any]) -> int:
    return int(row.get("id", row.get("ID", 0)))


@pytest.mark.parametrize("entity", TABLES)
def test_keyset_search_brings_every_row_once(service: Service, entity: str) -> None:
    """Ids above the last one, ascending, until a page is empty."""
    found: list[int] = []
    while True:
        last = found[-1] if found else 0
        body = {"filter": {"id": {"$gt": last}}, "order": {"id": "asc"}, "limit": 60, "autoWindow": False}
        page = rows(service.search(entity, **body))
        if not page:
            break
        found += [row["id"] for row in page]
    place = {"telephony_lines": list(range(1, len(service.truth("telephony_lines")) + 1))}
    truth = place.get(TABLES[entity]) or [number(row) for row in service.truth(TABLES[entity])]
    assert found == truth


@pytest.mark.parametrize("entity", [*TABLES, *SMALL])
def test_pages_by_offset_bring_every_row_once(service: Service, entity: str) -> None:
    """GET with limit and offset; the second page begins where the first ends."""
    found: list[dict[str, Any]] = []
    while page := rows(service.get(f"/{entity}", f"limit=40&offset={len(found)}&sort=id")):
        found += page
    assert len(found) == len(service.truth({**TABLES, **SMALL}[entity]))
    assert len({repr(row) for row in found}) == len(found)


@pytest.mark.parametrize("entity", sorted({*TABLES, *SMALL, "smart-processes", "deal-categories"} - UNDESCRIBED))
def test_fields_describe_every_key_of_rows(service: Service, entity: str) -> None:
    """In one of three shapes; statuses and currencies are described in capitals."""
    data = service.data(f"/{entity}/fields")
    described = data.get("fields", data)
    assert isinstance(described, dict)
    assert all("type" in facts for facts in described.values())
    if entity in {"statuses", "currencies"}:
        assert all(name.isupper() for name in described)
        described = {"id", *(name.lower().replace("_", "") for name in described)}
        keys = {key.lower() for row in rows(service.get(f"/{entity}", "limit=500")) for key in row}
    else:
        keys = {key for row in rows(service.get(f"/{entity}", "limit=500")) for key in row}
    assert keys <= set(described)


@pytest.mark.parametrize("entity", sorted(UNDESCRIBED))
def test_entities_without_fields_say_so(service: Service, entity: str) -> None:
    assert refused(service.get(f"/{entity}/fields")) == (404, "ACTION_NOT_SUPPORTED")


@pytest.mark.parametrize("entity", sorted(TABLES))
def test_ids_are_numbers_and_a_row_can_be_read_alone(service: Service, entity: str) -> None:
    """Get returns one object or an error."""
    first = rows(service.get(f"/{entity}", "limit=1"))[0]
    assert type(first["id"]) is int
    if entity == "telephony-lines":
        assert refused(service.get(f"/{entity}/{first['id']}")) == (404, "ACTION_NOT_SUPPORTED")
        return
    assert service.data(f"/{entity}/{first['id']}") == first
    assert refused(service.get(f"/{entity}/99999999")) == (404, "ENTITY_NOT_FOUND")


def test_every_shape_of_fields_and_of_envelopes_occurs(service: Service) -> None:
    """No client may know only one of them."""
    shapes = {frozenset(service.data(f"/{name}/fields")) & {"fields", "include", "batch"} for name in
              ("deals", "requisites", "orders", "invoices", "files", "statuses")}  # fmt: skip
    assert shapes == {frozenset({"fields", "include"}), frozenset({"fields", "batch"}), frozenset()}
    wrapped = {name: good(service.get(f"/{name}", "limit=1")) for name in TABLES}
    kinds = {
        (("total" in body), ("page" in body), ("hasMore" in body.get("meta", {})), "total" in body.get("meta", {}))
        for body in wrapped.values()
    }
    assert kinds == {
        (True, True, False, False), (True, False, False, False), (False, False, True, True), (True, False, True, False)
    }  # fmt: skip


def test_me_names_every_entity_with_its_path(service: Service) -> None:
    """The map from name to path tells what a key may read."""
    entities = service.data("/me")["api"]["entityApi"]["entities"]
    assert len(entities) == 48
    assert {*TABLES, *SMALL} - {"items/156"} <= set(entities)
    assert entities["task-comments"] == "/v1/tasks/{taskId}/comments"


def test_declared_names_are_camel_case_and_others_stay(service: Service) -> None:
    """Undeclared fields keep Bitrix24's names and values."""
    requisite = rows(service.get("/requisites", "limit=1&sort=id"))[0]
    assert {"id", "createdAt", "updatedAt", "presetId", "RQ_INN", "XML_ID", "UF_CRM_1700200001"} <= requisite.keys()
    assert type(requisite["presetId"]) is int
    assert type(requisite["active"]) is bool
    activity = rows(service.get("/activities", "limit=1"))[0]
    assert {"createdAt", "updatedAt", "ownerTypeId", "ORIGIN_ID"} <= activity.keys()
    assert type(activity["completed"]) is bool
    user = rows(service.get("/users", "limit=1"))[0]
    assert {"lastName", "TIMESTAMP_X", "departmentId", "UF_EMPLOYMENT_DATE"} <= user.keys()


def test_empty_text_is_null_in_requisites_only(service: Service) -> None:
    """Classic REST has both columns."""
    assert any(value == "" for row in service.truth("requisites") for value in row.values())
    assert not any(value == "" for row in rows(service.get("/requisites", "limit=500")) for value in row.values())
    assert any(value == "" for row in rows(service.get("/bank-details", "limit=500")) for value in row.values())


def test_a_field_named_created_is_the_modification_stamp(service: Service) -> None:
    """Catalog products; those of the CRM have both times."""
    truth = {row["id"]: row for row in service.truth("products")}
    for row in rows(service.get("/catalog-products", "limit=20")):
        assert row["createdAt"] == truth[row["id"]]["timestampX"]
    for row in rows(service.get("/products", "limit=20")):
        assert (row["createdAt"], row["updatedAt"]) == tuple(
            truth[row["id"]][name] for name in ("dateCreate", "timestampX")
        )


def test_dates_are_iso_whatever_classic_rest_writes(service: Service) -> None:
    """Sites have 03.11.2023 14:36:25; timelines are in UTC, others have an offset."""
    site = rows(service.get("/sites", "limit=1&sort=id"))[0]
    assert site["dateCreate"][4] == "-"
    assert site["dateCreate"][10] == "T"


def test_codes_that_look_like_flags_stay_codes(service: Service) -> None:
    """An order's status N is not false."""
    statuses = {row["statusId"] for row in rows(service.get("/orders", "limit=500"))}
    assert all(type(status) is str for status in statuses)
    assert "N" in {row["id"] for row in rows(service.get("/order-statuses"))}


def test_smart_processes_come_as_one_bare_array(service: Service) -> None:
    """No paging, no meta, another key."""
    body = good(service.get("/smart-processes", "limit=1"))
    assert body.keys() == {"success", "data"}
    assert {row["entityTypeId"] for row in body["data"]} == {156, 177}
    assert refused(service.get("/smart-processes/aggregate")) == (404, "ACTION_NOT_SUPPORTED")
    assert service.data("/smart-processes/156")["entityTypeId"] == 156


def test_the_first_funnel_has_the_id_0(service: Service) -> None:
    """A keyset that begins above 0 loses it."""
    whole = rows(service.get("/deal-categories", "sort=id"))
    assert [row["id"] for row in whole] == [0, 3, 5]
    assert whole[0].keys() == {"id", "name", "sort", "isLocked", "createdAt"}
    assert whole[0]["isLocked"] is False
    assert [row["id"] for row in rows(service.search("deal-categories", filter={"id": {"$gt": 0}}, sort="id"))] == [
        3,
        5,
    ]


def test_files_and_folders_are_listed_folder_by_folder(service: Service) -> None:
    """From the roots of the storages down."""
    assert refused(service.get("/files")) == (400, "MISSING_PARAMS")
    assert refused(service.get("/folders")) == (400, "MISSING_PARAMS")
    folders = [row["rootObjectId"] for row in rows(service.get("/storages"))]
    found: dict[str, list[int]] = {"folder": [], "file": []}
    while folders:
        folder = folders.pop()
        inner = [row["id"] for row in rows(service.get("/folders", f"folderId={folder}&limit=500"))]
        folders += inner
        found["folder"] += inner
        found["file"] += [row["id"] for row in rows(service.get("/files", f"folderId={folder}&limit=500"))]
    truth = service.truth("disk_objects")
    for kind, ids in found.items():
        assert sorted(ids) == [int(row["ID"]) for row in truth if row["TYPE"] == kind]
    file = service.data(f"/files/{found['file'][0]}")
    assert {"createdAt", "updatedAt", "parentId", "GLOBAL_CONTENT_VERSION"} <= file.keys()
    assert refused(service.get(f"/files/{found['folder'][0]}")) == (404, "ENTITY_NOT_FOUND")


def test_calendars_are_listed_one_by_one(service: Service) -> None:
    """By kind and owner; the company's calendar has two names."""
    assert refused(service.get("/calendar-events")) == (400, "MISSING_PARAMS")
    assert refused(service.get("/calendar-events", "type=user")) == (400, "MISSING_PARAMS")
    truth = service.truth("calendar_events")
    found: list[int] = []
    for kind, owner in sorted({(row["CAL_TYPE"], row["OWNER_ID"]) for row in truth}):
        found += [row["id"] for row in rows(service.get("/calendar-events", f"type={kind}&ownerId={owner}&limit=900"))]
    assert sorted(found) == [int(row["ID"]) for row in truth]
    company = [
        rows(service.get("/calendar-events", f"type={kind}&ownerId=0")) for kind in ("company", "company_calendar")
    ]
    assert company[0] == company[1] != []
    future = service.get("/calendar-events", "type=company&ownerId=0&from=2099-01-01T00:00:00Z")
    assert rows(future) == []
    assert len(rows(service.search("calendar-events", type="company", ownerId=0))) == len(company[0])


def test_archived_groups_are_absent_and_can_be_read(service: Service) -> None:
    """They are missing only from the list."""
    truth = service.truth("workgroups_classic")
    shown = [row["id"] for row in rows(service.search("workgroups", sort="id"))]
    assert shown == [int(row["ID"]) for row in truth if row["CLOSED"] == "N"]
    archived = next(int(row["ID"]) for row in truth if row["CLOSED"] == "Y")
    assert service.data(f"/workgroups/{archived}")["CLOSED"] == "Y"


@pytest.mark.parametrize("entity", ["bizproc-templates", "bizproc-activities", "bizproc-robots", "triggers"])
def test_processes_need_an_application(service: Service, entity: str) -> None:
    """A personal key is not an application's."""
    assert refused(service.get(f"/{entity}")) == (403, "OAUTH_REQUIRED")


def test_bank_details_and_addresses_of_one_requisite(service: Service) -> None:
    """Both are narrowed by parameters, which are no filter."""
    truth = service.truth("addresses")
    one = next(row for row in truth if row["ENTITY_TYPE_ID"] == "8")["ENTITY_ID"]
    found = rows(service.get("/addresses", f"entityTypeId=8&entityId={one}"))
    wanted = [row for row in truth if (row["ENTITY_TYPE_ID"], row["ENTITY_ID"]) == ("8", one)]
    assert len(found) == len(wanted)
    assert {row["entityId"] for row in found} == {int(one)}
    assert refused(service.search("addresses")) == (404, "ACTION_NOT_SUPPORTED")
    details = rows(service.get("/bank-details", f"entityTypeId=8&entityId={one}"))
    assert {row["entityId"] for row in details} <= {int(one)}


def test_some_entities_are_described_and_have_no_rows(service: Service) -> None:
    """Elements of universal lists can not be read."""
    assert "createdAt" in service.data("/list-elements/fields")
    assert refused(service.get("/list-elements")) == (404, "ACTION_NOT_SUPPORTED")
