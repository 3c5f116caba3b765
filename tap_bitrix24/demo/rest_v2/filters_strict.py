"""Filters of the ORM methods, tasks, users and departments (docs/protocol.md §4.2 to §4.6)."""

import re
from collections.abc import Mapping
from typing import Any, Final

from tap_bitrix24.demo.company import timestamps
from tap_bitrix24.demo.company.fields import Field
from tap_bitrix24.demo.company.store import WHOLE_ROW, Condition
from tap_bitrix24.demo.portal.errors import RestError
from tap_bitrix24.demo.rest_v2 import php
from tap_bitrix24.demo.rest_v2.filters import (
    Filter,
    blank,
    instant_condition,
    legacy_condition,
    negated,
    nothing,
    number_condition,
    text_condition,
)

_OPERATOR = re.compile(r"([!=><@%?*#+]*)(.*)", re.DOTALL)
_ORM_OPERATORS: Final = frozenset(
    [
        "=",
        "==",
        "!=",
        "!==",
        "!",
        ">",
        ">=",
        "<",
        "<=",
        "><",
        "!><",
        "@",
        "!@",
        "%",
        "=%",
        "%=",
        "!%",
        "!=%",
        "!%=",
        "?",
        "*",
        "*=",
        "*%",
    ]
)
_CONVERTED_DATES: Final = frozenset(("", "=", "==", ">", ">=", "<", "<=", "><", "!><", "@", "!="))
_TASK_OPERATORS: Final = frozenset(
    ["=", "!=", "!", "%", "!%", "?", "><", "!><", "*", "*=", "*%", ">", ">=", "<", "<=", "#"]
)
_ARRAY_FREE: Final = frozenset((">", ">=", "<", "<="))


def split(name: str) -> tuple[str, str]:
    """Return operator and field name of a filter key."""
    found = _OPERATOR.fullmatch(name)
    return (found[1], found[2]) if found else ("", name)


def _base(op: str) -> str:
    """Return the operator without negation, as classic lists spell it."""
    bare = op.lstrip("!")
    return {"": "=", "==": "=", "#": "=", "@": "="}.get(bare, bare)


def universal(fields: dict[str, Field], given: php.Array, *, reading: str, code: Any) -> Filter:
    """Return the conditions of ``crm.item.list``; an unknown field raises an error with ``code``."""
    by_item = {described.item: described for described in fields.values()}
    conditions = [
        _universal_condition(by_item | fields, name, value, reading=reading, code=code)
        for name, value in given.items()
        if str(name).lower() != "logic"
    ]
    logic = next((str(value).upper() for name, value in given.items() if str(name).lower() == "logic"), "AND")
    if logic == "OR" and conditions:
        return Filter([_either(conditions)])
    return Filter(conditions)


def _either(conditions: list[Condition]) -> Condition:
    """Return the condition that one of several holds."""

    def accepts(row: Any) -> bool:
        return any(one.accepts(row if one.name == WHOLE_ROW else row.get(one.name)) for one in conditions)

    return Condition(WHOLE_ROW, "or", tuple(conditions), accepts)


def _all(conditions: list[Condition]) -> Condition:
    """Return the condition that all of several hold."""

    def accepts(row: Any) -> bool:
        return all(one.accepts(row if one.name == WHOLE_ROW else row.get(one.name)) for one in conditions)

    return Condition(WHOLE_ROW, "and", tuple(conditions), accepts)


def _universal_condition(
    known: Mapping[str, Field], name: int | str, value: Any, *, reading: str, code: Any
) -> Condition:
    """Return the condition of one entry: a nested group, or a field with its operator."""
    if isinstance(name, int) and isinstance(value, dict):
        fields = {described.name: described for described in known.values()}
        return _all(universal(fields, value, reading=reading, code=code).conditions)
    op, rest = split(str(name))
    described = known.get(rest.replace(".", ""))
    if described is None or (op and op not in _ORM_OPERATORS):
        raise RestError(code=code, text=f"Unknown field definition `{rest}` in filter")
    if described.type in {"date", "datetime"}:
        return orm_date(described, op, value, reading=reading)
    return _orm_value(described, op, value)


def _orm_value(described: Field, op: str, value: Any) -> Condition:
    """Return a condition of the ORM: a bound takes the first element of an array, an empty array matches nothing."""
    if isinstance(value, dict):
        if not value:
            return nothing(described.name, op)
        if _base(op) == "><":
            return _between(described, op, value)
        if op in _ARRAY_FREE:
            value = next(iter(value.values()))
    condition = legacy_condition(described, _base(op), value)
    return negated(condition) if op.startswith("!") else condition


def _between(described: Field, op: str, value: php.Array) -> Condition:
    """Return the condition of a range, both bounds included."""
    low, high = (list(value.values()) * 2)[:2]
    lower, upper = legacy_condition(described, ">=", low), legacy_condition(described, "<=", high)
    both = Condition(
        described.name, "><", (lower.value, upper.value), lambda have: lower.accepts(have) and upper.accepts(have)
    )
    return negated(both) if op.startswith("!") else both


def orm_date(described: Field, op: str, value: Any, *, reading: str) -> Condition:
    """Return a condition on date-times as the ORM controllers compare them.

    The text goes through the server's zone and is then read in the user's, which shifts every instant by the
    difference of the two: ``reading`` "shifted", a value of the switch ``item_date_filter``. Arrays and some negations
    are not converted and match no row.
    """
    if blank(value):
        empty = Condition(described.name, "empty", "", lambda have: have is None)
        return negated(empty) if op.startswith("!") else empty
    moment = timestamps.parse_time(value, timestamps.server_zone())
    if moment is None or op not in _CONVERTED_DATES:
        return nothing(described.name, op)
    if reading == "refused":
        raise RestError(code="INVALID_ARG_VALUE", text=f"Invalid value for argument `{described.item}`")
    if reading == "iso_unread" and "T" in str(value).upper():
        return nothing(described.name, op)
    if reading == "shifted" and described.type == "datetime":
        moment += timestamps.server_zone().offset(moment) - timestamps.USER_ZONE.offset(moment)
    condition = instant_condition(described, _base(op), [moment])
    return negated(condition) if op.startswith("!") else condition


def stage_history(fields: dict[str, Field], given: php.Array, *, reading: str) -> Filter:
    """Return the conditions of ``crm.stagehistory.list``: upper-case names only, some operators are dropped."""
    result = Filter()
    for name, value in given.items():
        op, rest = split(str(name))
        described = fields.get(rest)
        if described is None or op[:1] in {"!", "%", "?"} or (op and op not in _ORM_OPERATORS):
            result.dropped.append(str(name))
        elif described.type == "datetime":
            result.conditions.append(orm_date(described, op, value, reading=reading))
        else:
            result.conditions.append(_orm_value(described, op, value))
    return result


def tasks(fields: dict[str, Field], given: php.Array) -> Filter:
    """Return the conditions of ``tasks.task.list``: empty values are dropped, unreadable dates are 1970."""
    result = Filter()
    for name, value in given.items():
        op, rest = split(str(name))
        described = fields.get({"REAL_STATUS": "STATUS"}.get(rest, rest))
        if described is None or (op and op not in _TASK_OPERATORS) or blank(value) or value == {}:
            result.dropped.append(str(name))
            continue
        condition = _task_condition(described, op, value)
        result.conditions.append(negated(condition) if op.startswith("!") else condition)
    return result


def _task_condition(described: Field, op: str, value: Any) -> Condition:
    """Return the condition on one task field."""
    base = _base(op)
    if base == "><" and isinstance(value, dict):
        low, high = (list(value.values()) * 2)[:2]
        lower, upper = _task_condition(described, ">=", low), _task_condition(described, "<=", high)
        both = (lower.value, upper.value)
        return Condition(described.name, op, both, lambda have: lower.accepts(have) and upper.accepts(have))
    if described.type == "datetime":
        moment = timestamps.parse_time(value, timestamps.USER_ZONE)
        return instant_condition(described, base, [moment or 0])
    if described.type in {"integer", "enum"} and described.type == "integer":
        return number_condition(described.name, base, value)
    return text_condition(described, base, value)


def users(fields: dict[str, Field], given: php.Array, *, prefixes: bool) -> Filter:
    """Return the conditions of ``user.get``; old servers (``prefixes`` false) know names without operators only."""
    result = Filter()
    for name, value in given.items():
        folded = str(name).upper()
        found = re.match(r"\W{1,2}", folded) if prefixes else None
        op, rest = (found[0], folded[len(found[0]) :]) if found else ("", folded)
        described = fields.get(rest)
        if described is None:
            result.dropped.append(str(name))
        else:
            result.conditions.append(_user_condition(described, op, value))
    return result


def _user_condition(described: Field, op: str, value: Any) -> Condition:
    """Return the condition on one user field; an unreadable date matches no user."""
    base = _base(op)
    if described.type in {"date", "datetime"} and not blank(value):
        moment = timestamps.parse_time(value, timestamps.server_zone())
        condition = nothing(described.name, op) if moment is None else instant_condition(described, base, [moment])
    elif described.type == "bool":
        wanted = value is True or str(value).upper() in {"Y", "1", "TRUE"}
        condition = Condition(described.name, "=", wanted, lambda have: bool(have) is wanted)
    else:
        if described.type == "integer" and isinstance(value, dict) and base in _ARRAY_FREE:
            value = php.intval(next(iter(value.values()), 0))
        condition = legacy_condition(described, base, value)
    return negated(condition) if op.startswith("!") else condition


def departments(fields: dict[str, Field], given: php.Array) -> Filter:
    """Return the conditions of ``department.get``: exact upper-case names, no operators."""
    result = Filter()
    for name, value in given.items():
        described = fields.get(str(name))
        if described is None:
            result.dropped.append(str(name))
        elif described.type == "integer":
            result.conditions.append(number_condition(described.name, "=", value))
        else:
            result.conditions.append(text_condition(described, "=", value))
    return result


def equal_only(fields: dict[str, Field], given: php.Array) -> Filter:
    """Return the conditions of a small dictionary: equality on known names."""
    result = Filter()
    for name, value in given.items():
        described = fields.get(str(name).lstrip("="))
        if described is None:
            result.dropped.append(str(name))
        else:
            result.conditions.append(legacy_condition(described, "=", value))
    return result
