"""Filters of the classic lists (docs/protocol.md §4.1) and the conditions that all filters are made of.

Each group of methods has its own names, operators and casts, and its own choice of what is dropped without an error;
all give the same :class:`Condition`.
"""

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Final

from tap_bitrix24.demo.company import timestamps
from tap_bitrix24.demo.company.fields import Field
from tap_bitrix24.demo.company.store import Condition
from tap_bitrix24.demo.rest_v2 import php, values

Test = Callable[[Any], bool]

_LEGACY = re.compile(r"(!?\+?)(>=|<=|=%|%=|\*=|\*%|[><@%?*=])?(.*)", re.DOTALL)
RANGES: Final[dict[str, Callable[[Any, Any], bool]]] = {
    ">": lambda have, want: have > want,
    ">=": lambda have, want: have >= want,
    "<": lambda have, want: have < want,
    "<=": lambda have, want: have <= want,
}


@dataclass
class Filter:
    """A filter that was read: its conditions, and the keys that were dropped without an error."""

    conditions: list[Condition] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)


def blank(value: Any) -> bool:
    """Return whether a value is empty; 0 is not."""
    return value is None or value is False or value == ""


def nothing(name: str, op: str) -> Condition:
    """Return a condition that no row meets, such as one on an unreadable date."""
    return Condition(name, f"never {op}", "", lambda _: False)


def legacy(fields: dict[str, Field], given: php.Array) -> Filter:
    """Return the conditions of a classic CRM list; unknown fields are dropped, and the list comes unfiltered."""
    result = Filter()
    for name, value in given.items():
        prefix, op, rest = _legacy_parts(str(name))
        described = fields.get(rest)
        if isinstance(name, int) or described is None or rest in {"CONTACT_IDS", "COMPANY_IDS"}:
            result.dropped.append(str(name))
            continue
        condition = legacy_condition(described, op, value)
        condition = negated(condition) if "!" in prefix else condition
        result.conditions.append(or_empty(condition) if "+" in prefix else condition)
    return result


def _legacy_parts(name: str) -> tuple[str, str, str]:
    """Return negation, operator and field of a key; ``><`` is no operator here."""
    found = _LEGACY.fullmatch(name)
    if found is None:
        return "", "", name
    return found[1], found[2] or "=", found[3]


def negated(condition: Condition) -> Condition:
    """Return the negated condition; rows without a value pass, as in the portal's SQL."""
    if condition.op.startswith("never"):
        return condition
    return Condition(condition.name, f"!{condition.op}", condition.value, lambda have: not condition.accepts(have))


def or_empty(condition: Condition) -> Condition:
    """Return the condition extended to rows without a value."""
    name, accepts = condition.name, condition.accepts
    return Condition(name, f"+{condition.op}", condition.value, lambda have: blank(have) or accepts(have))


def legacy_condition(described: Field, op: str, value: Any) -> Condition:
    """Return the condition of a value, cast as classic lists cast it."""
    kind = described.type
    if op in {"%", "=%", "%=", "*", "*=", "*%", "?"} and (
        values.is_number(kind) or kind in {"crm_status", "crm_contact", "crm_company"}
    ):
        op = "="
    if kind in {"date", "datetime"}:
        return _date_condition(described, op, value, timestamps.server_zone())
    if values.is_number(kind):
        return number_condition(described.name, op, value)
    if kind == "double":
        return amount_condition(described.name, op, value)
    return text_condition(described, op, value)


def _date_condition(described: Field, op: str, value: Any, zone: timestamps.Zone) -> Condition:
    """Return a condition on instants; a date is compared by its midnight in UTC. An unreadable value matches no row."""
    texts = list(value.values()) if isinstance(value, dict) else [value]
    if blank(value):
        return Condition(described.name, "empty", "", lambda have: have is None)
    moments = [timestamps.parse_time(text, zone) for text in texts]
    if not moments or None in moments:
        return nothing(described.name, op)
    return instant_condition(described, op, [moment for moment in moments if moment is not None])


def instant_condition(described: Field, op: str, moments: list[int]) -> Condition:
    """Return a condition on instants, or on their days if the field is a date."""
    if described.type == "date":
        moments = [moment // timestamps.DAY for moment in moments]
    if op in RANGES:
        return ranged(described.name, op, moments[0])
    wanted = frozenset(moments)
    return Condition(described.name, "=", tuple(sorted(wanted)), lambda have: have in wanted)


def ranged(name: str, op: str, bound: Any) -> Condition:
    """Return a condition with a bound; rows without a value never pass."""
    compare = RANGES[op]
    return Condition(name, op, bound, lambda have: not blank(have) and compare(have, bound))


def number_condition(name: str, op: str, value: Any) -> Condition:
    """Return a condition on whole numbers; an array is a list of values for equality, 0 or 1 as a bound."""
    if op in RANGES:
        return ranged_number(name, op, php.intval(value))
    wanted = frozenset(map(php.intval, value.values() if isinstance(value, dict) else [value]))
    return Condition(name, "=", tuple(sorted(wanted)), lambda have: _any_number(have, wanted))


def ranged_number(name: str, op: str, bound: int) -> Condition:
    """Return a condition on numbers with a bound; text is cast."""
    compare = RANGES[op]
    return Condition(name, op, bound, lambda have: not blank(have) and compare(php.intval(have), bound))


def _any_number(have: Any, wanted: frozenset[int]) -> bool:
    """Return whether a value, or one of a multiple value, is among those wanted; no value counts as 0."""
    if isinstance(have, list):
        return any(php.intval(one) in wanted for one in have)
    return php.intval(have) in wanted


def amount_condition(name: str, op: str, value: Any) -> Condition:
    """Return a condition on amounts."""
    items = list(value.values()) if isinstance(value, dict) else [value]
    wanted = [_float(item) for item in items]
    if op in RANGES:
        return ranged(name, op, wanted[0] if wanted else 0.0)
    return Condition(name, "=", tuple(wanted), lambda have: (have or 0.0) in wanted)


def _float(value: Any) -> float:
    """Return a number; anything else is 0."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def text_condition(described: Field, op: str, value: Any) -> Condition:
    """Return a condition on text, case-insensitive; empty text means no value."""
    items = list(value.values()) if isinstance(value, dict) else [value]
    wanted = [_folded(item) for item in items]
    test = _text_test(op, wanted)
    if described.type == "crm_multifield":
        return Condition(described.name, op, tuple(wanted), lambda have: bool(have) and test(_folded(have[0]["VALUE"])))
    if described.type == "boolean":
        wanted = [{"1": "y", "0": "n", "true": "y", "false": "n"}.get(text, text) for text in wanted]
        test = _text_test(op, wanted)
    return Condition(described.name, op, _hashable(wanted), lambda have: _text_accepts(have, test))


def _hashable(wanted: list[str]) -> Hashable:
    """Return the compared values as a hashable key."""
    return tuple(wanted)


def _text_accepts(have: Any, test: Test) -> bool:
    """Return whether a value, or one of a multiple value, passes."""
    if isinstance(have, list) and have:
        return any(test(_folded(one)) for one in have)
    return test(_folded(have))


def _folded(value: Any) -> str:
    """Return a value as the text that is compared."""
    if blank(value) or isinstance(value, list | dict):
        return ""
    return str(value).casefold() if value is not True else "1"


def _text_test(op: str, wanted: list[str]) -> Test:
    """Return the test of a text operator."""
    first = wanted[0] if wanted else ""
    if op in RANGES:
        compare = RANGES[op]
        return lambda have: have != "" and compare(have, first)
    if op in {"%", "*%", "?", "*"}:
        return lambda have: first in have
    if op in {"=%", "%="}:
        pattern = re.compile("".join(".*" if char == "%" else re.escape(char) for char in first), re.DOTALL)
        return lambda have: pattern.fullmatch(have) is not None
    return lambda have: have in wanted
