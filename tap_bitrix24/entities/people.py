"""People: users and departments."""

from __future__ import annotations

from collections.abc import Sequence

from tap_bitrix24.dialects.pagination import StartParameter
from tap_bitrix24.entities.entity import Entity
from tap_bitrix24.entities.known_columns import known_columns
from tap_bitrix24.entities.presets import Scope, classic_list

_COLUMNS = known_columns("people")
user = Scope(("user", "user_basic", "user_brief"), _COLUMNS)
department = Scope(("department",), _COLUMNS)


PEOPLE: Sequence[Entity] = (
    user.default_stream(
        "users",
        classic_list(
            "user.get",
            paging=StartParameter("FILTER", ("sort", "order")),
            fields="user.fields",
            user_fields="user.userfield.list",
        ),
    ),
    department.default_stream(
        "departments", classic_list("department.get", paging=StartParameter("", None), fields="department.fields")
    ),
)
