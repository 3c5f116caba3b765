"""The table: every row of it is sound by itself, and all of them together."""

from collections import Counter

import pytest

from tap_bitrix24.discovery.discovered import columns_of
from tap_bitrix24.entities import (
    BY_STREAM,
    ENTITIES,
    EXCLUDED,
    META,
    REASONS,
    REDACTED,
    REST_V3,
    SMART_PROCESSES,
    Entity,
    find_entity,
)
from tap_bitrix24.entities.portal_info import PortalInfo, UniversalList
from tap_bitrix24.replication.plan import is_swept
from tap_bitrix24.schema.columns import ANY, DATETIME
from tap_bitrix24.schema.naming import column_name
from tests.support.lists import EPOCH

RICH = PortalInfo(
    EPOCH,
    smart_processes={128: "A", 1030: "B"},
    product_iblocks=[24],
    offer_iblocks=[26],
    universal_lists={5: UniversalList("lists"), 6: UniversalList("bitrix_processes")},
)
"""A portal that has of everything."""
ZONED = {"crm.item.list", "crm.stagehistory.list"}
each_row = pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.stream)


@pytest.mark.parametrize(
    ("stream", "entity"),
    [
        ("deals", BY_STREAM["deals"]),
        ("smart_process_128", SMART_PROCESSES),
        ("list_elements_44", BY_STREAM["list_elements_"]),
        ("lists", BY_STREAM["lists"]),
        ("smart_process_x", None),
        ("smart_process_-1", None),
        ("deals_5", None),
        ("deals5", None),
        ("nothing", None),
        ("", None),
    ],
)
def test_which_row_of_the_table_a_stream_belongs_to(stream: str, entity: Entity | None) -> None:
    assert find_entity(stream) is entity


@each_row
def test_every_row_of_the_table_is_sound(entity: Entity) -> None:
    assert entity.scope or entity in META, "only what the tap makes itself needs no scope"
    assert entity.primary_key
    assert entity.fields.method or entity.columns.overrides or entity.columns.documented
    assert entity.stream == column_name(entity.stream)
    if entity.replication_key is not None:
        assert entity.supports_keyset, "windows are read by id"
        assert not entity.parents, "children are read by their parents' stamp"
    if entity.endpoint.method in ZONED:
        assert entity.replication_key is not None
        assert entity.replication_key.timezone_margin == 26 * 3600, "decision 13"
    if entity.select.names or entity.select.all_fields:
        assert entity.endpoint.select_param, "there is a parameter to name columns in"
    if entity.supports_keyset:
        assert entity.endpoint.request_key
        assert column_name(entity.endpoint.request_key) == column_name(entity.endpoint.key)


@each_row
def test_the_key_is_made_of_columns(entity: Entity) -> None:
    """All of them are known without asking, but for ids that the field method is sure to describe."""
    columns = columns_of(entity, entity.stream, [], swept=is_swept(entity))
    left = set(entity.primary_key) - {column.portal_name for column in columns}
    assert not left or (left <= {"ID", "id", "CURRENCY"} and entity.fields.method)


@each_row
def test_no_column_holds_anything_at_all_unless_it_is_declared_mixed(entity: Entity) -> None:
    mixed = {name for name, type_ in entity.columns.types.items() if type_ == "mixed"}
    columns = columns_of(entity, entity.stream, [], swept=is_swept(entity))
    assert {column.portal_name for column in columns if column.kind == ANY} == mixed


@each_row
def test_what_rows_are_filtered_by_is_a_date_time(entity: Entity) -> None:
    stamp = entity.replication_key
    if stamp is None:
        return
    for name in filter(None, (stamp.row_key, stamp.fallback)):
        columns = columns_of(entity, entity.stream, [], swept=False)
        kinds = {column.name: column.kind for column in columns}
        assert kinds.get(column_name(name), DATETIME) == DATETIME


@each_row
def test_flags_and_types_name_columns_that_may_be_there(entity: Entity) -> None:
    if not entity.fields.method:
        assert entity.columns.yes_no <= {*entity.columns.documented, *entity.columns.overrides}


@each_row
def test_identities_of_requests_become_columns(entity: Entity) -> None:
    """A constant without a column would be dropped, and rows of two parents would overwrite each other."""
    names = {column.name for column in columns_of(entity, entity.stream, [], swept=is_swept(entity))}
    made = list(entity.variants(RICH)) if entity.variants else []
    made += (
        [entity.template.variant(number, RICH) for number in entity.template.instances(RICH)] if entity.template else []
    )
    for each in made:
        assert set(each.constants) <= names
    for parent in entity.parents(RICH) if entity.parents else ():
        told = {column_name(name) for name in (parent.column, *parent.constants) if name}
        assert told <= names


@each_row
def test_every_parent_is_a_stream(entity: Entity) -> None:
    for parent in entity.parents(RICH) if entity.parents else ():
        owner = find_entity(parent.stream)
        assert owner is not None, parent.stream
        assert owner.stream != entity.stream
        if parent.select:
            assert owner.endpoint.select_param or owner.universal is not None
        if parent.embedded_children is not None:
            assert owner.universal is not None, "told by the universal method"
        if parent.group_size > 1:
            assert parent.owner_key in {*entity.columns.documented, *entity.columns.overrides}, (
                "the rows name their parent"
            )


@pytest.mark.parametrize("entity", [each for each in ENTITIES if each.parents], ids=lambda entity: entity.stream)
def test_names_of_sets_are_one_parents_alone(entity: Entity) -> None:
    """Two kinds of parents under one name would take each other's children for theirs."""
    assert entity.parents is not None
    names = Counter(parent.name or parent.stream for parent in entity.parents(RICH))
    assert max(names.values()) == 1


def test_no_stream_is_there_twice() -> None:
    assert len(BY_STREAM) == len(ENTITIES) + len(REST_V3)
    families = [entity.stream for entity in ENTITIES if entity.template]
    assert families == ["smart_process_", "list_elements_"]
    assert not [name for name in BY_STREAM for family in families if name != family and name.startswith(family)]


def test_what_is_left_out_says_why() -> None:
    for name, (method, reason, _) in EXCLUDED.items():
        assert reason in REASONS, name
        assert "." in method, name
        assert name == column_name(name)
        assert name not in BY_STREAM, name


def test_a_deprecated_twin_names_what_to_read_instead() -> None:
    for name, (_, reason, instead) in EXCLUDED.items():
        if reason == "deprecated twin" and name != "rpa_timeline":
            assert instead.replace(":", ";").split(";")[0] in BY_STREAM, name


def test_redacted_columns_are_columns_of_their_streams() -> None:
    for stream, column in REDACTED:
        entity = BY_STREAM[stream]
        assert column in {column_name(name) for name in (*entity.columns.documented, *entity.columns.overrides)}
