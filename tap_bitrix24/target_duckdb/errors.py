"""Errors of the loader, and their wording; settings and signals use the package's own errors."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from tap_bitrix24.errors import TapError


class LoadError(TapError):
    """A message or value is invalid, or the database cannot be written; the open transaction is rolled back."""


def one_line(error: BaseException) -> str:
    """Return the first line of DuckDB's message, without the SQL excerpt and the advice that follow it."""
    return str(error).strip().partition("\n")[0].partition(" See also ")[0].strip()


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Return the message for a mistyped name: the closest known one, or all of them if none is close.

    Args:
        kind: What the name stands for: "setting", "stream".
        name: The name as typed.
        known: The valid names.
    """
    names = list(known)
    close = get_close_matches(name, names, n=1)
    hint = f"Did you mean {close[0]!r}?" if close else f"Available: {', '.join(names)}."
    return f"Unknown {kind} {name!r}. {hint}"
