"""Names of tables and columns, as given, quoted for SQL."""

from __future__ import annotations

from collections.abc import Iterable

from tap_bitrix24.target_duckdb.errors import LoadError


def quoted(name: str) -> str:
    """The name as an SQL identifier: any Unicode, quotes, spaces and reserved words."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """The text as an SQL string, for the places where DuckDB takes no bound value."""
    return "'" + text.replace("'", "''") + "'"


def folded(name: str) -> bytes:
    """What DuckDB compares: it ignores the case of ASCII letters, and of these only."""
    return name.encode().lower()


def check_names(names: Iterable[str], *, what: str) -> None:
    """Refuse names DuckDB cannot keep apart; merging two columns in silence would lose one of them.

    Args:
        names: The names as the tap gives them.
        what: What they name, for the message ("columns of stream deals").

    Raises:
        LoadError: A name is empty, holds a NUL, or equals another one but for the case of its letters.
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
