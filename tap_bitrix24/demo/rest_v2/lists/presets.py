"""What whole families of declared lists have in common, and how rows find the rows they belong together with."""

from collections.abc import Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

from tap_bitrix24.demo.company.store import Table
from tap_bitrix24.demo.rest_v2 import values
from tap_bitrix24.demo.rest_v2.lists.entry import Entry
from tap_bitrix24.demo.rest_v2.lists.row_values import Draw

_Siblings = dict[Any, list[int]]
_found: Final["WeakKeyDictionary[Table, dict[str, _Siblings]]"] = WeakKeyDictionary()


def shop(method: str, entity: str, wrapper: str, columns: str, *, fields: str = "getFields", **more: Any) -> Entry:
    """Declare a list of the modules catalog and sale: a controller over the ORM, described under the entity's name."""
    told: dict[str, Any] = {
        "method": method,
        "wrapper": wrapper,
        "columns": columns,
        "scope": method.partition(".")[0],
        "key": "id",
        "filters": "orm",
        "paging": "controller",
        "form": "typed",
        "fields_method": f"{method.removesuffix('.list')}.{fields}" if fields else "",
        "fields_shape": f"entity:{entity}",
    }
    return Entry(**told | more)


def whole(method: str, table: str, columns: str, **more: Any) -> Entry:
    """Declare a list that comes in one answer, whatever is asked for."""
    told: dict[str, Any] = {
        "filters": "none",
        "selects": False,
        "order": "none",
        "paging": "unpaged",
        "total": "absent",
    }
    return Entry(method=method, table=table, columns=columns, **told | more)


def children(draw: Draw, table: str, column: str, owner: int) -> Sequence[int]:
    """Return the ids that another table has for an owner, as they were when somebody first asked."""
    listed = draw.tables[table]
    by_column = _found.setdefault(listed, {})
    if column not in by_column:
        groups: _Siblings = {}
        for number in listed.ids:
            groups.setdefault(listed.columns[column](number), []).append(number)
        by_column[column] = groups
    return by_column[column].get(owner, ())


def left_out(value: Any) -> Any:
    """Write a value as it is, but leave the key out where there is none."""
    return values.ABSENT if value is None else value


def as_is(value: Any) -> Any:
    """Write a value as it is, whatever its type."""
    return value
