"""STATE as the programs around the tap store it, and catalogs: understood or refused, never taken for none."""

import json
from typing import Any

import pytest

from tap_bitrix24.errors import SettingsError
from tap_bitrix24.input_files import check_state, read_catalog, read_state
from tap_bitrix24.tap import TapBitrix24

BOOKMARK = {"replication_key": "date_modify", "replication_key_value": "2025-01-01T00:00:00Z"}
LATER = {**BOOKMARK, "replication_key_value": "2025-02-01T00:00:00Z"}
STATE = {"bookmarks": {"deals": BOOKMARK}, "portal": {"host": "h"}}

WRAPPED = [
    STATE,
    {"type": "STATE", "value": STATE},
    {"singer_state": STATE},
    {"type": "STATE", "value": {"singer_state": STATE}},
    {"completed": {"singer_state": STATE}},
    {"completed": {"singer_state": STATE}, "partial": {}},
    {"completed": {}, "partial": {"singer_state": STATE}},
    {"state_id": "dev:tap-to-target", "completed": {"singer_state": STATE}, "partial": None},
]


@pytest.mark.parametrize("content", WRAPPED)
def test_state_is_taken_out_of_its_wrapping(content: dict[str, Any]) -> None:
    assert check_state(content) == STATE


def test_what_later_jobs_confirmed_comes_before_the_last_complete_one() -> None:
    completed = {"bookmarks": {"deals": {"snapshot": {"after": 5}}, "leads": BOOKMARK}, "portal": {"host": "old"}}
    partial = {"bookmarks": {"deals": LATER}, "portal": {"host": "new"}}
    content = {"completed": {"singer_state": completed}, "partial": {"singer_state": partial}}
    assert check_state(content) == {"bookmarks": {"deals": LATER, "leads": BOOKMARK}, "portal": {"host": "new"}}


@pytest.mark.parametrize("content", [{}, {"singer_state": {}}, {"type": "STATE", "value": {}}])
def test_an_empty_state_is_a_first_run(content: dict[str, Any]) -> None:
    assert check_state(content) == {}


@pytest.mark.parametrize(
    "content",
    [
        {"deals": BOOKMARK},
        {"bookmark": {"deals": BOOKMARK}},
        {"portal": {"host": "h"}},
        {"type": "RECORD", "stream": "deals", "record": {"id": 1}},
        {"type": "STATE"},
        {"type": "STATE", "value": None},
        {"type": "STATE", "value": {"deals": 5}},
        {"singer_state": None},
        {"singer_state": {"deals": BOOKMARK}},
        {"completed": {"deals": BOOKMARK}},
        {"completed": 5},
        [],
    ],
)
def test_what_is_no_state_is_refused(content: Any) -> None:
    with pytest.raises(SettingsError, match="`bookmarks`"):
        check_state(content)


@pytest.mark.parametrize("content", [{"singer_state": {"bookmarks": {"deals": 5}}}, {"bookmarks": {"deals": 5}}])
def test_bookmarks_are_checked_inside_a_wrapping_too(content: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="STATE of deals"):
        check_state(content)


@pytest.mark.parametrize("portal", [5, None, "h", {"host": 5}])
def test_a_damaged_fingerprint_is_refused(portal: Any) -> None:
    with pytest.raises(SettingsError, match="`portal`"):
        check_state({"bookmarks": {}, "portal": portal})


def test_of_a_targets_output_the_last_line_counts() -> None:
    lines = "".join(f"{json.dumps({'bookmarks': {'deals': each}})}\n" for each in (BOOKMARK, LATER))
    assert read_state("--state s", lambda: lines) == {"bookmarks": {"deals": LATER}}
    assert read_state("--state s", lines.encode) == {"bookmarks": {"deals": LATER}}


@pytest.mark.parametrize("text", ["", "\n", '{"bookmarks": {}}\n{"bookm', '{\n"bookmarks": {},\n{}\n', "5\n{}"])
def test_a_damaged_file_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="not JSON"):
        read_state("--state s", lambda: text)


def test_a_tap_made_in_python_takes_the_same() -> None:
    config = {"webhook_url": "https://firm.bitrix24.com/rest/1/s3cr3t/"}
    for content in WRAPPED:
        assert TapBitrix24(config=config, state=content, setup_mapper=False).state == STATE
    with pytest.raises(SettingsError):
        TapBitrix24(config=config, state={"deals": BOOKMARK}, setup_mapper=False)


def entry(stream: str, **root: Any) -> dict[str, Any]:
    column = {"breadcrumb": ["properties", "id"], "metadata": {"selected": False}}
    return {"tap_stream_id": stream, "schema": {}, "metadata": [column, {"breadcrumb": [], "metadata": root}]}


def streams(*entries: dict[str, Any]) -> list[str]:
    catalog = read_catalog("--catalog c", lambda: json.dumps({"streams": entries}))
    return [item["tap_stream_id"] for item in catalog["streams"]]


def test_streams_the_catalog_deselects_are_left_out() -> None:
    entries = [
        entry("deals", selected=True),
        entry("leads", selected=False),
        entry("users", **{"selected-by-default": False}),
        entry("tasks"),
        entry("quotes", selected=False, inclusion="automatic"),
        {"tap_stream_id": "calls", "schema": {}},
    ]
    assert streams(*entries) == ["deals", "users", "tasks", "quotes", "calls"]
    assert streams(entry("leads", selected=False)) == []


@pytest.mark.parametrize(
    "catalog", [{}, {"streams": 5}, {"streams": [{"stream": "deals"}]}, {"streams": [{"tap_stream_id": "deals"}]}]
)
def test_a_catalog_must_have_the_shape_of_a_discovered_one(catalog: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="--discover"):
        read_catalog("--catalog c", lambda: json.dumps(catalog))
