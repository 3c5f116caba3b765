"""Filters and orders of the VibeCode API in all their spellings, with the keys it drops."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from tap_bitrix24.demo.vibecode.errors import VibeError
from tap_bitrix24.demo.vibecode.request import EntityQuery
from tap_bitrix24.demo.vibecode.rows import ISO, RowWriter

_SIGNS: Final = {
    "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<=", "$ne": "!=", "$in": "in", "$nin": "not in", "$contains": "%",
}  # fmt: skip
_PREFIXES: Final = (">=", "<=", "!=", ">", "<", "!", "%")
_TESTS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    ">": lambda have, wanted: have > wanted,
    ">=": lambda have, wanted: have >= wanted,
    "<": lambda have, wanted: have < wanted,
    "<=": lambda have, wanted: have <= wanted,
    "!=": lambda have, wanted: str(have) != str(wanted),
    "=": lambda have, wanted: str(have) == str(wanted),
    "in": lambda have, wanted: str(have) in map(str, wanted),
    "not in": lambda have, wanted: str(have) not in map(str, wanted),
    "%": lambda have, wanted: str(wanted).casefold() in str(have).casefold(),
}
_DESCENDING: Final = {"asc": False, "1": False, "desc": True, "-1": True}
Condition = tuple[str, str, Any]
Order = list[tuple[str, bool]]


def names(query: EntityQuery, writer: RowWriter) -> dict[str, str]:
    """Return names in filters and orders → shown names: shown ones, Bitrix24's own, aliases."""
    entity, ids = query.entity, writer.view.table.ids
    shown = [*(entity.shown_name(name) for name in writer.types), *(writer.row(ids[0]) if ids else ())]
    own = {} if entity.reshape else {name: entity.shown_name(name) for name in writer.types}
    if entity.wire_form == "universal":
        own |= {each.name: entity.shown_name(each.item) for each in writer.view.table.fields.values()}
    return {**own, **{name: name for name in shown}, **entity.aliases, "id": "id"}


def conditions(query: EntityQuery, writer: RowWriter) -> list[Condition]:
    """Return the conditions of a filter in any of its syntaxes; unknown fields are refused or dropped."""
    entity = query.entity
    found = [
        each for each in _parsed(query.filter()) if each[0] not in {*entity.required_parents, *entity.optional_parents}
    ]
    known = names(query, writer)
    unknown = [name for name, _, _ in found if len(writer.view.table) and name not in known]
    if entity.fixed_order or "drop_filter" in query.faults:
        unknown = [name for name, _, _ in found]
    elif unknown and entity.strict:
        raise VibeError(code="INVALID_FILTER_FIELD", text=f"Unknown filter field: {unknown[0]}")
    unknown += [name for name, _, _ in found if name in entity.ignored_filters and name not in unknown]
    query.portal.stats.filters_dropped(query.label, unknown)
    return [(known.get(name, name), sign, value) for name, sign, value in found if name not in unknown]


def _parsed(given: Mapping[Any, Any]) -> Iterator[Condition]:
    for name, value in given.items():
        if name in _SIGNS and isinstance(value, Mapping):  # the operator first, as in two samples of the vendor
            yield from ((str(field), _SIGNS[str(name)], _as_list(inner)) for field, inner in value.items())
            continue
        sign = next((each for each in _PREFIXES if str(name).startswith(each)), "")
        field, sign = str(name).removeprefix(sign), {"!": "!="}.get(sign, sign)
        if isinstance(value, Mapping) and not all(isinstance(place, int) for place in value):
            for operator, inner in value.items():
                if operator not in _SIGNS and operator not in _TESTS:
                    raise VibeError(code="INVALID_FILTER_OPERATOR")
                yield field, _SIGNS.get(str(operator), str(operator)), _as_list(inner)
        else:
            several = isinstance(value, list | Mapping)
            yield field, {"!=": "not in"}.get(sign, "in") if several else sign or "=", _as_list(value)


def _as_list(value: Any) -> Any:
    """Return a list that a query string has as a map."""
    return list(value.values()) if isinstance(value, Mapping) else value


def matches(sign: str, have: Any, wanted: Any) -> bool:
    """Return whether a value meets a condition; numbers of a query string are text, date-times are compared as such."""
    if sign in {"in", "not in"}:
        return _TESTS[sign](have, wanted if isinstance(wanted, list) else [wanted])
    if isinstance(have, bool):
        wanted = {"true": True, "false": False, "Y": True, "N": False, "1": True, "0": False}.get(str(wanted), wanted)
    elif isinstance(have, int | float) and isinstance(wanted, str):
        try:
            wanted = float(wanted) if "." in wanted else int(wanted)
        except ValueError:
            raise VibeError(code="INVALID_FILTER") from None
    elif isinstance(have, str) and isinstance(wanted, str) and (ISO.fullmatch(have) or have.endswith(".000Z")):
        have, wanted = instant(have), instant(wanted)
    try:
        return _TESTS[sign](have, wanted)
    except TypeError:
        raise VibeError(code="INVALID_FILTER") from None


def compare_time(sign: str, seconds: float, wanted: Any) -> bool:
    """Return whether a time of the table (seconds since 1970) meets a condition."""
    if sign in {"in", "not in", "%"}:
        raise VibeError(code="INVALID_FILTER")
    return _TESTS[sign](seconds, instant(wanted))


def instant(value: Any) -> float:
    """Return a date-time as seconds since 1970; without a zone it is UTC."""
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except ValueError:
        raise VibeError(code="INVALID_FILTER") from None


def orders(query: EntityQuery, writer: RowWriter) -> Order:
    """Return the order, from ``sort`` in its three forms or from ``order``."""
    sort, order = query.parameters.get("sort"), query.parameters.get("order")
    if query.entity.fixed_order or (sort is None and order is None):
        return []
    if isinstance(sort, str) and isinstance(order, str) and order.lower() in _DESCENDING:
        found = [(sort, _DESCENDING[order.lower()])]
    else:
        found = _orders(order if sort is None else sort)
    known = names(query, writer)
    if query.entity.strict and any(name not in known and name.lower() != "id" for name, _ in found):
        raise VibeError(code="UNKNOWN_SORT_FIELD")
    lowered = [("id" if name.lower() == "id" else name, descending) for name, descending in found]
    return [(known[name], descending) for name, descending in lowered if name in known]


def _orders(given: Any) -> Order:
    if isinstance(given, str):
        return [(word.strip().lstrip("-"), word.strip().startswith("-")) for word in given.split(",") if word.strip()]
    if isinstance(given, list):
        return [each for one in given for each in _orders(one)]
    if not isinstance(given, Mapping):
        raise VibeError(code="INVALID_SORT_TYPE")
    if any(str(descending).lower() not in _DESCENDING for descending in given.values()):
        raise VibeError(code="INVALID_SORT_DIRECTION")
    return [(str(name), _DESCENDING[str(descending).lower()]) for name, descending in given.items()]
