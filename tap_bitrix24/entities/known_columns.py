"""What is known of columns before a portal is asked: data files beside this module, a table per stream."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_FOLDER = Path(__file__).parent / "columns"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownColumns:
    """Columns of a list as its documentation describes them; a type is the portal's, `[]` appended if multiple."""

    documented: Mapping[str, str] = field(default_factory=dict)
    """Portal name → type, for columns that no field method describes."""
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Portal name → type, for columns that field method and documentation describe wrongly."""
    yes_no: frozenset[str] = frozenset()
    """Y/N columns whose name does not say so."""
    select: Sequence[str] = ()
    """Names the list must be asked for, where by default it gives only some columns."""

    @property
    def types(self) -> dict[str, str]:
        """Portal name → type of all of them."""
        return {**self.documented, **self.overrides}


def known_columns(file: str) -> Mapping[str, KnownColumns]:
    """Return the known columns of each stream in `columns/<file>.toml`.

    A stream's table says `type = "names"`, the names separated by spaces, and as well `yes_no = "names"` and
    `select = "names"`; its sub-table `overrides` says `name = "type"`. All files together take about five milliseconds.
    """
    tables = tomllib.loads((_FOLDER / f"{file}.toml").read_text(encoding="utf-8"))
    return {stream: _of_stream(**table) for stream, table in tables.items()}


def _of_stream(
    *, overrides: Mapping[str, str] | None = None, yes_no: str = "", select: str = "", **names_by_type: str
) -> KnownColumns:
    documented = {name: type_ for type_, names in names_by_type.items() for name in names.split()}
    return KnownColumns(
        documented=documented, overrides=overrides or {}, yes_no=frozenset(yes_no.split()), select=select.split()
    )
