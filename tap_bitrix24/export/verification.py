"""`--verify`: row counts of the portal, compared with those of the tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tap_bitrix24.export.console import Report
from tap_bitrix24.tap import TapBitrix24
from tap_bitrix24.target_duckdb.row_counts import count_table_rows


def incomplete_tables(
    config: Mapping[str, Any], catalog: Mapping[str, Any], database: Path, *, schema: str, report: Report
) -> list[str]:
    """Compare each selected table with the portal's count, print the differences, return the tables that lack rows.

    Args:
        config: The tap's settings.
        catalog: The catalog the tables were loaded with.
        database: The DuckDB file.
        schema: The schema of the tables.
        report: Prints the differences.
    """
    tap = TapBitrix24(config=dict(config), catalog=dict(catalog))
    selected = {name: stream for name, stream in tap.streams.items() if stream.selected}
    keys = {name: stream.primary_keys[0] for name, stream in selected.items() if len(stream.primary_keys) == 1}
    tables = count_table_rows(database, keys, schema=schema)
    portal_counts = tap.count({name: table.largest_key for name, table in tables.items()})
    tap.client.close()
    compared = {name: (count, tables[name].rows) for name, count in portal_counts.items() if count is not None}
    report.comparison(compared, not_counted=len(selected) - len(compared))
    return [name for name, (on_portal, in_table) in compared.items() if on_portal > in_table]
