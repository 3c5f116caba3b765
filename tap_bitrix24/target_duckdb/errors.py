"""What the loader fails with; settings and signals use the tap's own errors."""

from __future__ import annotations

from tap_bitrix24.errors import TapError


class LoadError(TapError):
    """A message, a value or the database file is not as it must be; nothing half-done is left behind."""


def one_line(error: BaseException) -> str:
    """The first line of DuckDB's explanation; the rest draws the SQL and gives advice about it."""
    return str(error).strip().partition("\n")[0].partition(" See also ")[0].strip()
