"""The table: each row is consistent in itself, and all of them together."""

from collections import Counter

import pytest

from tap_bitrix24.discovery.discovered import columns_of
from tap_bitrix24.entities import (
    BY_STREAM,
    ENTITIES,
    EXCLUDED,
    OWN_STREAMS,
    REASONS,
    REDACTED,
    REST_V3_ENTITIES,
    SMART_PROCESSES,
    Entity,
    find_entity,
)
from tap_bitrix24.entities.portal_info import PortalInfo, UniversalList
from tap_bitrix24.schema.columns import ANY, DATETIME
from tap_bitrix24.schema.naming import column_name
from tests.support.entities import every_entity
from tests.support.lists import EPOCH

RICH = PortalInfo(
    EPOCH,
    smart_processes={128: "A", 1030: "B"},
    product_iblocks=[24],
    offer_iblocks=[26],
    universal_lists={5: UniversalList("lists"), 6: UniversalList("bitrix_processes")},
)
"""A portal with smart processes, catalogs and universal lists."""
METHODS_WITH_TIMEZONE_MARGIN = {"crm.item.list", "crm.stagehistory.list"}


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


@every_entity
def test_every_row_is_consistent(entity: Entity) -> None:
    assert entity.scope or entity in OWN_STREAMS, "only the tap's own streams need no scope"
    assert entity.primary_key
    assert entity.fields.method or entity.columns.overrides or entity.columns.documented
    assert entity.stream == column_name(entity.stream)
    if entity.replication_key is not None:
        assert entity.supports_keyset, "windows are read by id"
        assert not entity.parents, "children are read by their parents' replication key"
    if entity.endpoint.method in METHODS_WITH_TIMEZONE_MARGIN:
        assert entity.replication_key is not None
        assert entity.replication_key.timezone_margin == 26 * 3600, "docs/decisions.md#decision-13"
    if entity.select.names or entity.select.all_fields:
        assert entity.endpoint.select_param, "a parameter takes the names of columns"
    if entity.supports_keyset:
        assert entity.endpoint.request_key
        assert column_name(entity.endpoint.request_key) == column_name(entity.endpoint.key)


@every_entity
def test_the_key_is_made_of_columns(entity: Entity) -> None:
    """All are known in advance, except ids, which every field method describes."""
    columns = columns_of(entity, entity.stream, [])
    missing = set(entity.primary_key) - {column.portal_name for column in columns}
    assert not missing or (missing <= {"ID", "id", "CURRENCY"} and entity.fields.method)


@every_entity
def test_a_column_without_a_type_is_declared_mixed(entity: Entity) -> None:
    mixed = {name for name, type_ in entity.columns.types.items() if type_ == "mixed"}
    columns = columns_of(entity, entity.stream, [])
    assert {column.portal_name for column in columns if column.kind == ANY} == mixed


@every_entity
def test_the_replication_key_is_a_date_time(entity: Entity) -> None:
    key = entity.replication_key
    if key is None:
        return
    for name in filter(None, (key.row_key, key.fallback)):
        columns = columns_of(entity, entity.stream, [])
        kinds = {column.name: column.kind for column in columns}
        assert kinds.get(column_name(name), DATETIME) == DATETIME


@every_entity
def test_yes_no_columns_are_known_columns(entity: Entity) -> None:
    if not entity.fields.method:
        assert entity.columns.yes_no <= entity.columns.types.keys()


@every_entity
def test_constants_of_lists_and_parents_are_columns(entity: Entity) -> None:
    """A constant without a column would be dropped, and rows of two parents would overwrite each other."""
    names = {column.name for column in columns_of(entity, entity.stream, [])}
    variants = list(entity.variants(RICH)) if entity.variants else []
    if entity.template:
        variants += [entity.template.variant(number, RICH) for number in entity.template.instances(RICH)]
    for variant in variants:
        assert set(variant.constants) <= names
    for parent in entity.parents(RICH) if entity.parents else ():
        constants = {column_name(name) for name in (parent.column, *parent.constants) if name}
        assert constants <= names


@every_entity
def test_every_parent_is_a_stream(entity: Entity) -> None:
    for parent in entity.parents(RICH) if entity.parents else ():
        owner = find_entity(parent.stream)
        assert owner is not None, parent.stream
        assert owner.stream != entity.stream
        if parent.select:
            assert owner.endpoint.select_param or owner.universal is not None
        if parent.embedded_children is not None:
            assert owner.universal is not None, "the universal method's row has them"
        if parent.group_size > 1:
            assert parent.owner_key in entity.columns.types, "the rows hold their parent's value"


@every_entity
def test_names_of_parents_are_unique(entity: Entity) -> None:
    """Kinds of parents with one name would overwrite each other's children."""
    if entity.parents is not None:
        names = Counter(parent.name or parent.stream for parent in entity.parents(RICH))
        assert max(names.values()) == 1


def test_stream_names_are_unique() -> None:
    assert len(BY_STREAM) == len(ENTITIES) + len(REST_V3_ENTITIES)
    templates = [entity.stream for entity in ENTITIES if entity.template]
    assert templates == ["smart_process_", "list_elements_"]
    assert not [name for name in BY_STREAM for prefix in templates if name != prefix and name.startswith(prefix)]


def test_excluded_lists_have_a_reason() -> None:
    for name, (method, reason, _) in EXCLUDED.items():
        assert reason in REASONS, name
        assert "." in method, name
        assert name == column_name(name)
        assert name not in BY_STREAM, name


def test_a_covered_list_names_what_to_read_instead() -> None:
    for name, (_, reason, instead) in EXCLUDED.items():
        if reason == "covered by another stream" and name != "rpa_timeline":
            assert instead.replace(":", ";").split(";")[0] in BY_STREAM, name


def test_redacted_columns_are_columns_of_their_streams() -> None:
    for stream, column in REDACTED:
        entity = BY_STREAM[stream]
        assert column in {column_name(name) for name in entity.columns.types}
