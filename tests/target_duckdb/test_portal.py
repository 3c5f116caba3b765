"""A schema of the file belongs to one portal: another's rows are refused before one of them is written."""

from pathlib import Path
from typing import Any

import pytest

from tap_bitrix24.errors import SettingsError
from tap_bitrix24.fingerprint import SCHEMA_KEY, PortalFingerprint, portal_fingerprint
from tap_bitrix24.target_duckdb.errors import LoadError
from tap_bitrix24.target_duckdb.loader import Loader
from tests.target_duckdb.singer import INTEGER, STRING, line, load, query, record, run, schema, state

COLUMNS = {"id": INTEGER, "v": STRING}
HERE, OTHER = portal_fingerprint("one.bitrix24.com"), portal_fingerprint("two.bitrix24.com")
RENAMED = portal_fingerprint("two.bitrix24.com", former=["one.bitrix24.com"])


def said(told: Any, stream: str = "deals") -> bytes:
    """Return a SCHEMA message that tells the portal."""
    return line(type="SCHEMA", stream=stream, schema={"properties": COLUMNS, SCHEMA_KEY: told}, key_properties=["id"])


def messages(portal: PortalFingerprint, value: str = "x") -> bytes:
    return said(portal.to_json()) + record("deals", {"id": 1, "v": value}) + state(value)


def rows(file: Path, schema_name: str = "bitrix24") -> list[tuple[Any, ...]]:
    return query(file, f"FROM out.{schema_name}.deals")


def portal_of(file: Path) -> dict[str, str]:
    return dict(query(file, "FROM out.bitrix24._bitrix24_portal"))


def test_rows_of_another_portal_are_refused_and_the_file_stays_as_it_is(file: Path) -> None:
    load(file, messages(HERE))
    done = run(file, messages(OTHER, "y"))
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    for part in (b"Schema bitrix24", b"another portal", b"another schema", b"renamed_from", HERE.host[:8].encode()):
        assert part in done.stderr
    assert (rows(file), portal_of(file)) == ([(1, "x")], HERE.facts)


def test_a_stream_the_file_does_not_have_is_refused_too(file: Path) -> None:
    load(file, messages(HERE))
    with pytest.raises(SettingsError):
        load(file, said(OTHER.to_json(), "leads") + record("leads", {"id": 1}))
    assert query(file, "SELECT table_name FROM duckdb_tables() ORDER BY 1") == [("_bitrix24_portal",), ("deals",)]


def test_two_portals_in_one_input_are_not_merged(file: Path) -> None:
    with pytest.raises(SettingsError):
        load(file, messages(HERE), said(OTHER.to_json(), "leads"))
    assert portal_of(file) == HERE.facts


def test_two_portals_share_a_file_in_two_schemas(file: Path) -> None:
    assert run(file, messages(HERE), schema="one").returncode == 0
    assert run(file, messages(OTHER, "y"), schema="two").returncode == 0
    assert (rows(file, "one"), rows(file, "two")) == ([(1, "x")], [(1, "y")])
    assert run(file, messages(HERE), schema="two").returncode == 2


def test_a_renamed_portal_is_let_in_and_known_by_its_new_host(file: Path) -> None:
    load(file, messages(HERE))
    load(file, messages(RENAMED, "y"))
    assert (rows(file), portal_of(file)) == ([(1, "y")], OTHER.facts)
    load(file, messages(OTHER, "z"))
    with pytest.raises(SettingsError):
        load(file, messages(HERE))


def test_what_oauth_tells_is_kept_when_a_webhook_follows(file: Path) -> None:
    with_id = portal_fingerprint("one.bitrix24.com", member_id="m")
    for portal in (HERE, with_id, HERE):
        load(file, messages(portal))
    assert portal_of(file) == with_id.facts


@pytest.mark.parametrize("first", [schema("deals", COLUMNS), said(PortalFingerprint().to_json())])
def test_a_schema_that_belongs_to_no_portal_is_the_first_ones(file: Path, first: bytes) -> None:
    load(file, first + record("deals", {"id": 2, "v": "w"}))
    assert query(file, "SELECT table_name FROM duckdb_tables()") == [("deals",)]
    load(file, messages(HERE))
    assert sorted(rows(file)) == [(1, "x"), (2, "w")]
    with pytest.raises(SettingsError):
        load(file, messages(OTHER))


def test_a_tap_that_tells_no_portal_is_loaded_as_before(file: Path) -> None:
    load(file, messages(HERE))
    load(file, schema("deals", COLUMNS) + record("deals", {"id": 2, "v": "w"}))
    assert sorted(rows(file)) == [(1, "x"), (2, "w")]


def test_a_loader_may_be_told_the_portal(file: Path) -> None:
    for port in ("8001", "8002"):
        with Loader(file, portal=portal_fingerprint("demo")) as loader:
            loader.feed(messages(portal_fingerprint(f"127.0.0.1:{port}")))
    with pytest.raises(SettingsError):
        load(file, messages(HERE))


@pytest.mark.parametrize("told", [None, 5, "x", {"host": 5}, {"host": "x", "former_hosts": "y"}])
def test_a_fingerprint_that_is_none_is_named(file: Path, told: Any) -> None:
    with pytest.raises(LoadError, match=r"line 1: SCHEMA of stream deals: x-bitrix24-portal: .*fingerprint"):
        load(file, said(told))
