"""What declared lists have in common: those of catalog and sale, unpaged ones, children, formats."""

from collections.abc import Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

from tap_bitrix24.demo.company.store import Table
from tap_bitrix24.demo.rest_v2 import values
from tap_bitrix24.demo.rest_v2.lists.entry import Entry
from tap_bitrix24.demo.rest_v2.lists.row_values import RowDraft

_ChildIds = dict[Any, list[int]]
_by_column: Final["WeakKeyDictionary[Table, dict[str, _ChildIds]]"] = WeakKeyDictionary()


def shop_list(method: str, entity: str, wrapper: str, columns: str, *, fields: str = "getFields", **more: Any) -> Entry:
    """Return a list of the modules catalog or sale: a controller over the ORM, its fields under the entity's name."""
    facts: dict[str, Any] = {
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
    return Entry(**facts | more)


def unpaged_list(method: str, table: str, columns: str, **more: Any) -> Entry:
    """Return a list that comes in one answer, whatever filter, order and start say."""
    facts: dict[str, Any] = {
        "filters": "none",
        "selects": False,
        "order": "none",
        "paging": "unpaged",
        "total": "absent",
    }
    return Entry(method=method, table=table, columns=columns, **facts | more)


def child_ids(draft: RowDraft, table: str, column: str, owner: int) -> Sequence[int]:
    """Return the ids of a row's children in another table, as they were at the first call."""
    listed = draft.tables[table]
    by_column = _by_column.setdefault(listed, {})
    if column not in by_column:
        groups: _ChildIds = {}
        for number in listed.ids:
            groups.setdefault(listed.columns[column](number), []).append(number)
        by_column[column] = groups
    return by_column[column].get(owner, ())


def value_or_omitted(value: Any) -> Any:
    """Return a value unchanged; None leaves the key out."""
    return values.OMITTED if value is None else value


def as_is(value: Any) -> Any:
    """Return a value unchanged, whatever its type."""
    return value
