"""From the portal's names to columns: lower snake_case, the same on every portal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

OWN = "_bitrix24_"
"""Columns the tap adds itself begin with it; their names are said by the tap, not made."""
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[A-Z][a-z])")


def column_name(portal_name: str) -> str:
    """Turn a portal's field name into a column name.

    Names without a lower-case letter (`DATE_MODIFY`) are lowered; others are split at `aB`, at `ABc` and
    between a lower-case letter and a digit, then lowered: `ufCrm5_1700` becomes `uf_crm_5_1700`.
    """
    if portal_name.startswith(OWN):
        return portal_name
    if portal_name.upper() == portal_name:
        return portal_name.lower()
    return _HUMP.sub("_", portal_name).lower()


def column_names(portal_names: Iterable[str], given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Name the columns of one stream, keeping two names that fall together apart.

    Args:
        portal_names: All field names of the stream.
        given: Names to derive from instead (the `upperName` of universal items).

    Returns:
        portal name → column; of two that fall together the later in sorted order gets `_2` (`_3` …).
    """
    taken: set[str] = set()
    columns: dict[str, str] = {}
    for name in sorted(portal_names):
        base = column_name((given or {}).get(name) or name)
        column, number = base, 1
        while column in taken:
            number += 1
            column = f"{base}_{number}"
        taken.add(column)
        columns[name] = column
    return columns


def upper_name(row_name: str) -> str:
    """The UPPER_SNAKE name a camelCase row key has in requests (`changedDate` → `CHANGED_DATE`)."""
    return column_name(row_name).upper()
