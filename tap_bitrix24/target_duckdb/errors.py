"""Errors of the loader, and their wording; settings and signals use the package's own errors."""

from __future__ import annotations

from tap_bitrix24.errors import TapError


class LoadError(TapError):
    """A message or value is invalid, or the database cannot be written; the open transaction is rolled back."""


def one_line(error: BaseException) -> str:
    """Return the first line of DuckDB's message, without the SQL excerpt and the advice that follow it."""
    return str(error).strip().partition("\n")[0].partition(" See also ")[0].strip()
