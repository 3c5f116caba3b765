"""What holds for every declared list: it has rows, unique keys, and a field for every column."""

import json

import pytest

from tap_bitrix24.demo.rest_v2.lists import registry
from tests.demo.wire import Wire

SOURCES = registry.sources()
DESCRIBED = {name: entry for name, entry in registry.entries().items() if entry.fields_method}


@pytest.mark.parametrize("table", SOURCES)
def test_every_row_can_be_made_and_has_a_key_of_its_own(portal: Wire, table: str) -> None:
    entry, rows = SOURCES[table], portal.truth(table)
    assert rows
    keys = [str(row[entry.key]) if entry.key else json.dumps(row) for row in rows]
    assert len(set(keys)) == len(keys)
    columns = {one.name for one in entry.all_columns}
    assert all(set(row) <= columns for row in rows)


@pytest.mark.parametrize("method", registry.entries())
def test_every_method_is_known_and_its_table_is_there(portal: Wire, method: str) -> None:
    assert portal.result("method.get", {"name": method})["isExisting"]
    assert portal.truth(registry.entries()[method].table)


@pytest.mark.parametrize("method", DESCRIBED)
def test_every_description_names_columns_of_the_rows(portal: Wire, method: str) -> None:
    entry = DESCRIBED[method]
    asked = {"filter": {"iblockId": 23, "productType": 1}, "type": "STRING"}
    fields = portal.result(entry.fields_method, asked)
    kind, _, name = entry.fields_shape.partition(":")
    fields = fields[name] if kind == "entity" else fields.get("fields", fields)
    names = {one["title"] for one in fields} if kind == "listed" else set(fields)
    source = SOURCES[entry.table]
    known = {one.name for one in source.all_columns} | set(source.fields)
    assert names
    assert names <= known
