"""Decisions 3, 9, 13, 16 and 19: what the portal's own description becomes, without a portal."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from tap_bitrix24.auth import Webhook
from tap_bitrix24.client import ATTEMPTS, Client
from tap_bitrix24.dialects import rest_v2
from tap_bitrix24.discovery import Portal, discover, preflight, require, sources, spread_multifields
from tap_bitrix24.entities import (
    BY_STREAM,
    CATEGORIES,
    CONTACTS,
    DEALS,
    ENTITIES,
    SMART_PROCESSES,
    STAGE_HISTORY,
    TASKS,
    Entity,
    entity_of,
)
from tap_bitrix24.errors import (
    AccessError,
    MissingMethodError,
    PortalError,
    RejectedError,
    SettingsError,
    UnavailableError,
)
from tap_bitrix24.model import Command, Field, Result
from tap_bitrix24.pacing import PLANS, Pacer
from tap_bitrix24.schema import build_columns

DOOR = Webhook("https://example.bitrix24.com/rest/1/s/", "s", "https://example.bitrix24.com")
CLOCK = "2025-03-01T12:30:45.900000+03:00"
Brought = Result | PortalError


class Described(Client):
    """A portal of a few smart processes that describes every field as it is told to."""

    def __init__(
        self, processes: int = 0, scopes: Any = ("crm", "user", "department", "task"), **answers: Brought
    ) -> None:
        super().__init__(DOOR, Pacer(PLANS["standard"]), rest_v2)
        self.first_answer = {"date_start": CLOCK}
        self._types = [
            {"id": str(number), "entityTypeId": str(128 + 2 * number), "title": f"P{number}"}
            for number in range(1, processes + 1)
        ]
        self._scopes = scopes
        self._answers = answers

    def bundle(self, bundle: Sequence[Command], *, attempts: int = ATTEMPTS) -> list[Brought]:
        """Answer one request."""
        assert 1 <= len(bundle) <= rest_v2.BUNDLE
        assert attempts >= 1
        self.requests += 1
        return [self._one(command) for command in bundle]

    def _one(self, command: Command) -> Brought:
        method, params = command.method, command.params
        if (told := self._answers.get(method.replace(".", "_"))) is not None:
            return told
        if method == "scope":
            return Result(list(self._scopes))
        if method == "crm.type.list":
            after = int(params.get("filter", {}).get(">id", 0))
            return Result({"types": [row for row in self._types if int(row["id"]) > after][:50]})
        if method == "crm.category.list":
            return Result({"categories": [{"id": 0}, {"id": 7}, {"id": 9}] if params["entityTypeId"] == 3 else []})
        return Result({"ID": {"type": "integer"}, "id": {"type": "integer", "upperName": "ID"}})


def portal(**facts: Any) -> Portal:
    """A portal whose credentials may do everything."""
    return Portal(datetime(2025, 3, 1, tzinfo=UTC), facts.pop("scopes", None), **facts)


@pytest.mark.parametrize(("processes", "requests"), [(0, 1), (1, 2), (10, 2), (49, 2), (50, 3), (120, 6)])
def test_discovery_takes_few_requests(processes: int, requests: int) -> None:
    client = Described(processes)
    _, found = discover(client)
    names = [each.name for each in found]
    assert sum(name.startswith("smart_process_") for name in names) == processes
    assert len(names) == len(set(names)) == len(ENTITIES) - 1 + processes
    assert client.requests <= requests


def test_the_clock_is_the_portals_in_utc_floored() -> None:
    assert preflight(Described()).clock == datetime(2025, 3, 1, 9, 30, 45, tzinfo=UTC)


def test_what_is_without_scope_or_method_is_left_out_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    client = Described(scopes=["crm"], crm_deal_fields=MissingMethodError("crm.deal.fields: no such method"))
    _, found = discover(client)
    names = {each.name for each in found}
    assert "leads" in names
    assert names.isdisjoint({"deals", "users", "departments", "tasks"})
    for name in ("deals", "users", "departments", "tasks"):
        assert sum(record.getMessage().startswith(f"{name} ") for record in caplog.records) == 1


@pytest.mark.parametrize(
    "broken",
    [
        {"scope": AccessError("wrong webhook")},
        {"scope": UnavailableError("cannot reach")},
        {"scopes": ["im", "disk"]},
        {"scopes": []},
    ],
)
def test_a_run_that_cannot_begin_is_a_settings_error(broken: dict[str, Any]) -> None:
    class Broken(Described):
        def bundle(self, bundle: Sequence[Command], *, attempts: int = ATTEMPTS) -> list[Brought]:
            if isinstance(error := broken.get("scope"), PortalError):
                raise error
            return super().bundle(bundle, attempts=attempts)

    with pytest.raises(SettingsError) as told:
        preflight(Broken(scopes=broken.get("scopes", ["crm"])))
    assert told.value.exit_code == 2
    assert "\n" not in str(told.value)


def test_a_portal_that_does_not_tell_its_scopes_is_tried() -> None:
    told = preflight(Described(scope=RejectedError("no")))
    assert told.scopes is None
    assert all(told.allows(entity) for entity in ENTITIES)


def test_a_stream_someone_selected_without_its_scope_fails() -> None:
    bare = portal(scopes=frozenset({"crm"}))
    require(bare, DEALS, "deals")
    with pytest.raises(MissingMethodError, match=r"tasks.*scope.*task"):
        require(bare, TASKS, "tasks")


# Sources


def test_a_classic_list() -> None:
    (only,) = sources(DEALS, "deals", [], portal(), universal=False)
    assert only.endpoint.method == "crm.deal.list"
    assert only.params == {"select": ["*", "UF_*"]}
    assert only.stamp is not None
    assert only.stamp.margin == 0


def test_hidden_categories_are_read_by_the_universal_method() -> None:
    classic, hidden = sources(CONTACTS, "contacts", [], portal(hidden_categories={3: [7, 9]}), universal=False)
    assert classic.endpoint.method == "crm.contact.list"
    assert hidden.endpoint.method == "crm.item.list"
    assert hidden.params["entityTypeId"] == 3
    assert hidden.filter == {"@categoryId": [7, 9]}
    assert hidden.stamp is not None
    assert hidden.stamp.margin == 26 * 3600


def test_the_hidden_categories_are_those_above_zero() -> None:
    assert preflight(Described()).hidden_categories == {3: [7, 9], 4: []}


@pytest.mark.parametrize("stream", ["deals", "leads", "contacts", "companies", "quotes"])
def test_universal_methods_read_all_categories_in_one_list(stream: str) -> None:
    entity = BY_STREAM[stream]
    (only,) = sources(entity, stream, [], portal(hidden_categories={3: [7], 4: [8]}), universal=True)
    assert only.endpoint.method == "crm.item.list"
    assert entity.universal is not None
    assert only.params["entityTypeId"] == entity.universal.entity_type_id
    assert not only.filter


def test_a_smart_process_is_one_list_and_carries_its_type() -> None:
    (only,) = sources(SMART_PROCESSES, "smart_process_130", [], portal(types={130: "A", 140: "B"}), universal=False)
    assert only.params["entityTypeId"] == 130
    assert only.constants == {"entity_type_id": 130}


@pytest.mark.parametrize("entity", [CATEGORIES, STAGE_HISTORY], ids=lambda entity: entity.stream)
def test_lists_per_type_cover_the_smart_processes(entity: Entity) -> None:
    listed = sources(entity, entity.stream, [], portal(types={140: "B", 130: "A"}), universal=False)
    numbers = [each.params["entityTypeId"] for each in listed]
    assert numbers == [*entity.per_type, 130, 140]
    assert [each.constants["entity_type_id"] for each in listed] == numbers
    assert "entityTypeId" in entity.key, "ids are unique only within a type"


def test_tasks_name_every_column_they_want() -> None:
    columns = build_columns([Field("ID", "integer"), Field("UF_SUM", "money"), Field("camelOnly", "string")], types={})
    (only,) = sources(TASKS, "tasks", columns, portal(), universal=False)
    assert only.params["select"] == ["ID", "UF_SUM"]


# Rows of the universal method


def test_multifields_come_in_their_classic_shape() -> None:
    row = {"id": 5, "fm": [
        {"id": 1, "typeId": "PHONE", "valueType": "WORK", "value": "+7"},
        {"id": 2, "typeId": "PHONE", "valueType": "HOME", "value": "+8"},
        {"id": 3, "typeId": "EMAIL", "valueType": "WORK", "value": "a@b.c"},
    ]}  # fmt: skip
    assert spread_multifields(row) == {
        "id": 5,
        "PHONE": [
            {"ID": "1", "VALUE_TYPE": "WORK", "VALUE": "+7", "TYPE_ID": "PHONE"},
            {"ID": "2", "VALUE_TYPE": "HOME", "VALUE": "+8", "TYPE_ID": "PHONE"},
        ],
        "EMAIL": [{"ID": "3", "VALUE_TYPE": "WORK", "VALUE": "a@b.c", "TYPE_ID": "EMAIL"}],
    }
    assert "fm" in row, "the portal's row is not changed"


@pytest.mark.parametrize("row", [{"id": 5}, {"id": 5, "fm": None}])
def test_rows_without_multifields_stay_as_they_are(row: dict[str, Any]) -> None:
    assert spread_multifields(row) == row


# The table


@pytest.mark.parametrize(
    ("stream", "entity"),
    [("deals", DEALS), ("smart_process_128", SMART_PROCESSES), ("smart_process_x", None), ("nothing", None)],
)
def test_which_row_of_the_table_a_stream_belongs_to(stream: str, entity: Entity | None) -> None:
    assert entity_of(stream) is entity


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.stream)
def test_every_row_of_the_table_is_sound(entity: Entity) -> None:
    assert entity.scope
    assert entity.key
    assert entity.fields_method or entity.types
    if entity.keyset:
        assert entity.endpoint.order is not None, "ids can be ordered"
    if entity.stamp is not None:
        assert entity.keyset, "windows are read by id"
    if entity.endpoint.method in {"crm.item.list", "crm.stagehistory.list"}:
        assert entity.stamp is not None
        assert entity.stamp.margin == 26 * 3600, "decision 13"
