"""Parameters of REST 3.0: select, filter, order and pagination, checked strictly."""

import json
import operator
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from tap_bitrix24.demo.rest_v3.errors import RestV3Error, invalid
from tap_bitrix24.demo.rest_v3.methods import Entry
from tap_bitrix24.demo.rest_v3.objects import OBJECTS, Properties, Property, named
from tap_bitrix24.demo.rest_v3.rows import Row

Test = Callable[[Row], bool]
_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_PAIR: Final = 2
_HEAVY_MAX: Final = 20


def _filter_error(text: str) -> RestV3Error:
    return RestV3Error("INVALIDFILTEREXCEPTION", text)


def comparable(field: Property, value: Any) -> Any:
    """Return a value in its comparable form: date-times as instants."""
    if value is not None and field.kind in {"datetime", "date_text"}:
        return datetime.fromisoformat(value).timestamp()
    return value


def conditions(entry: Entry, given: Any, *, cursor: str = "") -> list[Test]:
    """Return the tests of a filter, an array of conditions that are joined by AND."""
    if given is None:
        given = []
    if not isinstance(given, list):
        raise _filter_error(text="Фильтр должен быть массивом")
    bare = bool(given) and isinstance(given[0], str)
    tests = [_condition(entry, each, cursor) for each in ([given] if bare else given)]
    if entry.required and not any(
        isinstance(each, list) and each and each[0] == entry.required for each in ([given] if bare else given)
    ):
        text = f"Не заполнено обязательное поле `{entry.required}`"
        code = "VALIDATION_REQUESTFILTERVALIDATIONEXCEPTION"
        raise RestV3Error(code, text, field=f"filter.{entry.required}")
    return tests


def _condition(entry: Entry, given: Any, cursor: str) -> Test:
    properties = OBJECTS[entry.shape]
    if isinstance(given, dict):
        return _group(entry, given, cursor)
    if not isinstance(given, list) or len(given) not in (_PAIR, _PAIR + 1):
        raise _filter_error(text=f"Неверное условие `{json.dumps(given)}`")
    name, value = given[0], given[-1]
    sign = given[1] if len(given) > _PAIR else "in" if isinstance(value, list) else "="
    if name == cursor and cursor:
        raise _filter_error(text=f"Cursor field {cursor} cannot be used at filter.")
    field = named(properties, name)
    if not field.filterable:
        raise invalid(field=name, text=f"Поле `{name}` не имеет атрибута `Filterable`")
    if sign not in {*_COMPARE, "in", "between"}:
        raise RestV3Error(code="UNKNOWNFILTEROPERATOREXCEPTION", text=f"Неизвестный оператор `{sign}`")
    return _test(field, sign, value)


def _test(field: Property, sign: str, value: Any) -> Test:
    many = sign in {"in", "between"}
    if many != isinstance(value, list):
        raise _filter_error(text=f"Неверное значение для `{field.name}`")
    values = value if many else [value]
    if not all(field.accepts(each) for each in values):
        raise invalid(field=field.name, text=f"Поле `{field.name}` требует тип `{field.kind}`")
    try:
        wanted = [comparable(field, each) for each in values]
    except ValueError:
        raise invalid(field=field.name, text=f"Поле `{field.name}` требует тип `datetime`") from None

    def test(row: Row) -> bool:
        has = comparable(field, row.get(field.name))
        if sign == "in":
            return has in wanted
        if has is None:
            return sign == "!="
        if sign == "between":
            return bool(wanted[0] <= has <= wanted[1])
        return _COMPARE[sign](has, wanted[0])

    return test


def _group(entry: Entry, given: dict[str, Any], cursor: str) -> Test:
    logic, negative, inner = given.get("logic", "and"), given.get("negative", False), given.get("conditions")
    if logic not in {"and", "or"} or not isinstance(negative, bool) or not isinstance(inner, list):
        raise _filter_error(text="Неверная группа условий")
    if any(isinstance(each, dict) and each.get("type") != "filter" for each in inner):
        raise _filter_error(text="Вложенная группа без `type`")
    tests = [_condition(entry, each, cursor) for each in inner]
    holds = all if logic == "and" else any
    return lambda row: holds(test(row) for test in tests) is not negative


def ordered(entry: Entry, rows: list[Row], given: Any) -> list[Row]:
    """Return rows in the requested order, by default by id."""
    properties = OBJECTS[entry.shape]
    if given is None or given == []:
        given = {entry.key: "ASC"} if entry.key in properties else {}
    if not isinstance(given, dict):
        raise RestV3Error(code="INVALIDORDEREXCEPTION", text="Неверная сортировка")
    for name, direction in reversed(given.items()):
        field = named(properties, name)
        if str(direction).upper() not in {"ASC", "DESC"}:
            raise RestV3Error(code="INVALIDORDEREXCEPTION", text=f"Неверная сортировка `{direction}`")
        if not field.sortable and name != entry.key:
            raise invalid(field=name, text=f"Поле `{name}` не имеет атрибута `Sortable`")
        rows = sorted(rows, key=_place(field), reverse=str(direction).upper() == "DESC")
    return rows


def _place(field: Property) -> Callable[[Row], tuple[bool, Any]]:
    return lambda row: (row.get(field.name) is not None, comparable(field, row.get(field.name)) or 0)


def selected(entry: Entry, given: Any) -> list[str]:
    """Return the selected names; a dot leads into a relation."""
    properties = OBJECTS[entry.shape]
    if given is None or (given == [] and entry.default_select):
        return list(entry.default_select) or [name for name, field in properties.items() if field.kind != "relation"]
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise RestV3Error(code="INVALIDSELECTEXCEPTION", text="Неверный select")
    for name in given:
        named(properties, name.partition(".")[0])
    return given


def shown(properties: Properties, row: Row, names: list[str]) -> Row:
    """Return the selected fields of a row; others are absent, not null."""
    found: Row = {}
    for name in names:
        own, _, inner = name.partition(".")
        if properties[own].unmapped or own not in row:
            continue
        value = row[own]
        if inner and isinstance(value, dict):
            value = {**found.get(own, {}), inner: value.get(inner)}
        found[own] = value
    return found


def page(entry: Entry, given: Any, names: list[str]) -> tuple[int, int]:
    """Return limit and offset of ``pagination``; a limit that is too high is reduced without an error."""
    given = given or {}
    text = f"Не удалось распознать параметр пагинации `{json.dumps(given)}`"
    wrong = RestV3Error("INVALIDPAGINATIONEXCEPTION", text)
    if not isinstance(given, dict):
        raise wrong
    try:
        limit, offset, number = (int(given.get(name, 0) or 0) for name in ("limit", "offset", "page"))
    except (TypeError, ValueError):
        raise wrong from None
    if "limit" in given and limit == 0:
        raise wrong
    if limit < 0:
        raise RestV3Error(code="INTERNAL_INTERNALEXCEPTION", text="Internal error", status=500)
    cap = _HEAVY_MAX if set(entry.heavy) & set(names) else entry.max_limit
    limit = min(limit or entry.default_limit, cap)
    return limit, max(0, number - 1) * limit if "page" in given else offset
