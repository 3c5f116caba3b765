"""The conventions of the presets, and the data files of columns."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tap_bitrix24 import entities
from tap_bitrix24.dialects.pagination import PaginationObject, SinglePage, StartParameter
from tap_bitrix24.dialects.response_shapes import keyed
from tap_bitrix24.entities import BY_STREAM, Parent, vibecode
from tap_bitrix24.entities.entity import Quirks, Select
from tap_bitrix24.entities.known_columns import KnownColumns, known_columns
from tap_bitrix24.entities.portal_info import PortalInfo
from tap_bitrix24.entities.presets import (
    ALL_TIMEZONES,
    UNORDERED,
    ListMethods,
    Scope,
    classic_list,
    controller_list,
    rest_v3_list,
    unpaged_list,
)
from tap_bitrix24.model.endpoint import REST_V2, REST_V3, ReplicationKey

COLUMNS = {"deals": KnownColumns(documented={"ID": "integer"})}
crm = Scope(("crm",), COLUMNS)
PORTAL = PortalInfo(datetime(2025, 3, 1, tzinfo=UTC))
FOLDER = Path(entities.__file__).parent / "columns"


def test_what_a_row_does_not_say_follows_the_conventions() -> None:
    deals = crm.stream("deals", classic_list("crm.deal.list"))
    assert (deals.stream, deals.scope, deals.columns) == ("deals", ("crm",), COLUMNS["deals"])
    assert (deals.endpoint.method, deals.endpoint.select_param) == ("crm.deal.list", "")
    assert (deals.select, deals.quirks) == (Select(), Quirks())
    assert not deals.selected_by_default
    assert crm.default_stream("deals", classic_list("crm.deal.list")).selected_by_default
    assert crm.stream("leads", classic_list("crm.lead.list")).columns == KnownColumns()


@pytest.mark.parametrize(
    ("methods", "key", "paging", "margin", "dialect"),
    [
        (classic_list("m"), "ID", StartParameter(), 0, REST_V2),
        (controller_list("m"), "id", StartParameter(), ALL_TIMEZONES, REST_V2),
        (unpaged_list("m"), "ID", SinglePage(), 0, REST_V2),
        (rest_v3_list("m"), "id", PaginationObject(), 0, REST_V3),
    ],
)
def test_each_kind_of_list_has_its_conventions(
    methods: ListMethods, key: str, paging: object, margin: int, dialect: str
) -> None:
    row = crm.stream("rows", methods, replication_key="changed")
    assert (row.endpoint.key, row.endpoint.request_key, row.primary_key) == (key, key, (key,))
    assert (row.endpoint.pagination, row.endpoint.dialect) == (paging, dialect)
    assert row.replication_key == ReplicationKey("changed", "changed", timezone_margin=margin)


def test_a_row_says_what_differs() -> None:
    own_key = ReplicationKey("changedDate", "CHANGED_DATE")
    methods = controller_list("m", "rows", key="no", request_key="NO", paging=UNORDERED, shape=keyed("no"), page_size=9)
    row = crm.stream("rows", methods, primary_key=("a", "no"), replication_key=own_key, columns=COLUMNS["deals"])
    endpoint = row.endpoint
    assert (endpoint.records_path, endpoint.key, endpoint.request_key, endpoint.page_size) == ("rows", "no", "NO", 9)
    assert (row.primary_key, row.replication_key, row.columns) == (("a", "no"), own_key, COLUMNS["deals"])
    assert endpoint.pagination == UNORDERED
    assert not endpoint.supports_chaining, "only rows in a list have numbers a batch can refer to"


def test_a_stream_that_selects_does_so_by_the_parameter_select_unless_the_list_names_another() -> None:
    everything = Select(names=("*",))
    assert crm.stream("rows", classic_list("m"), select=everything).endpoint.select_param == "select"
    assert (
        crm.stream("rows", classic_list("m", select_param="SELECT"), select=everything).endpoint.select_param
        == "SELECT"
    )


def test_parents_are_one_several_or_made_for_the_portal() -> None:
    first, second = Parent("deals", "id"), Parent("leads", "id")

    def made(portal: PortalInfo) -> list[Parent]:
        return [second] if portal is PORTAL else []

    assert crm.stream("rows", unpaged_list("m")).parents is None
    for given, parents in ((first, [first]), ([first, second], [first, second]), (made, [second])):
        row = crm.stream("rows", unpaged_list("m"), parents=given)
        assert row.parents is not None
        assert list(row.parents(PORTAL)) == parents


def test_a_data_file_says_types_overrides_yes_no_and_select() -> None:
    known = known_columns("content")["bizproc_tasks"]
    assert known.documented["WORKFLOW_STARTED_BY"] == "user"
    assert known.select[:2] == ["ID", "WORKFLOW_ID"]
    people = known_columns("people")["users"]
    assert (people.documented, people.overrides["UF_DEPARTMENT"]) == ({}, "integer[]")
    assert known_columns("crm")["crm_statuses"].yes_no == {"SYSTEM"}
    both = KnownColumns(documented={"a": "string", "b": "date"}, overrides={"a": "text"})
    assert both.types == {"a": "text", "b": "date"}


def test_every_table_of_a_data_file_belongs_to_a_stream_of_its_module() -> None:
    """A misspelt stream would silently lose its columns."""
    shared = {"userfields"}
    files = {path.stem: known_columns(path.stem) for path in FOLDER.glob("*.toml")}
    assert len(files) == 12
    for module, tables in files.items():
        rows = vibecode.VIBECODE_BY_STREAM if module == "vibecode" else BY_STREAM
        assert tables.keys() - shared <= rows.keys(), module
        if module != "vibecode":
            assert all(rows[stream].columns == known for stream, known in tables.items() if stream in rows), module
