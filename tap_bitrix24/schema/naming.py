"""Names of columns: the portal's names in lower snake_case, the same on every portal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

OWN = "_bitrix24_"
"""Prefix of the columns the tap adds, whose names stay as they are."""
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z])(?=[A-Z][a-z])")


def column_name(portal_name: str) -> str:
    """Return the column name of a portal's field name.

    Names without a lower-case letter (`DATE_MODIFY`) become lower case; others are first split at `aB`, at `ABc` and
    between a lower-case letter and a digit: `ufCrm5_1700` becomes `uf_crm_5_1700`.
    """
    if portal_name.startswith(OWN):
        return portal_name
    if portal_name.upper() == portal_name:
        return portal_name.lower()
    return _HUMP.sub("_", portal_name).lower()


def column_names(portal_names: Iterable[str], given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return unique column names for the fields of one stream.

    Args:
        portal_names: All field names of the stream.
        given: Portal name → the name to derive the column from (the `upperName` of universal items).

    Returns:
        Portal name → column; of fields with the same column name, those later in sorted order get `_2`, `_3` …
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
    """Return the name a camelCase row key has in requests: `CHANGED_DATE` for `changedDate`."""
    return column_name(row_name).upper()
