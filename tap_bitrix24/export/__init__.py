"""`bitrix24-export`: one command from a Bitrix24 portal to a DuckDB file."""

from tap_bitrix24.export.command import main

__all__ = ["main"]
