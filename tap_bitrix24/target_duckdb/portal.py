"""The portal a schema of the file belongs to; of another one no row is loaded: equal ids would be merged."""

from __future__ import annotations

import duckdb

from tap_bitrix24.errors import SettingsError
from tap_bitrix24.fingerprint import PortalFingerprint
from tap_bitrix24.target_duckdb.database import load_errors, qualified, transaction
from tap_bitrix24.target_duckdb.views import columns_of

PORTAL_TABLE = "_bitrix24_portal"
"""Table with the fingerprint of the portal: one row per fact."""


def claim_schema(connection: duckdb.DuckDBPyConnection, schema: str, portal: PortalFingerprint) -> None:
    """Note that a schema belongs to a portal; one that belonged to none is this portal's from now on.

    Raises:
        SettingsError: It belongs to another portal.
        LoadError: The file cannot be written.
    """
    with load_errors():
        stored = _stored(connection, schema)
    if not portal.recognizes(stored):
        msg = (
            f"Schema {schema} of the file holds another portal ({portal.compared(stored)}): load into another schema "
            "or file, or, if the portal was renamed, set renamed_from of the tap to its former host."
        )
        raise SettingsError(msg)
    updated = portal.updated(stored)
    if updated != stored:
        with transaction(connection):
            table = qualified(schema, PORTAL_TABLE)
            connection.execute(f"CREATE OR REPLACE TABLE {table} (fact VARCHAR, hash VARCHAR)")
            connection.executemany(f"INSERT INTO {table} VALUES (?, ?)", [list(each) for each in updated.items()])


def _stored(connection: duckdb.DuckDBPyConnection, schema: str) -> dict[str, str]:
    """Return the fingerprint stored in a schema; empty if there is none."""
    if not columns_of(connection, schema, PORTAL_TABLE):
        return {}
    return dict(connection.execute(f"SELECT fact, hash FROM {qualified(schema, PORTAL_TABLE)}").fetchall())
