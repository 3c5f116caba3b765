"""SQL identifiers and string literals; names are stored exactly as the tap gives them."""

from __future__ import annotations

from collections.abc import Iterable

from tap_bitrix24.target_duckdb.errors import LoadError


def quoted(name: str) -> str:
    """Return the name as an SQL identifier; any Unicode text, quotes, spaces and reserved words included."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return the text as an SQL string literal, for the statements in which DuckDB accepts no parameters."""
    return "'" + text.replace("'", "''") + "'"


def folded(name: str) -> bytes:
    """Return the name as DuckDB compares it: the case of ASCII letters is ignored, that of other letters is not."""
    return name.encode().lower()


def check_names(names: Iterable[str], *, what: str) -> None:
    """Refuse names that DuckDB cannot store or cannot distinguish: two merged columns would lose one of them.

    Args:
        names: The names as the tap gives them.
        what: What they name, for the message ("columns of stream deals").

    Raises:
        LoadError: A name is empty, contains a NUL, or differs from another one by case only.
    """
    seen: dict[bytes, str] = {}
    for name in names:
        if not name or "\0" in name:
            msg = f"The {what} include a name that DuckDB cannot store: {name!r}."
            raise LoadError(msg)
        other = seen.setdefault(folded(name), name)
        if other != name:
            msg = f"The {what} include {other!r} and {name!r}: DuckDB ignores case, rename or deselect one."
            raise LoadError(msg)
