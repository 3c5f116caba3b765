"""Filters and orders of the VibeCode API in all their spellings, and what of them is lost."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from tap_bitrix24.demo.vibecode.errors import VibeError
from tap_bitrix24.demo.vibecode.request import Asked
from tap_bitrix24.demo.vibecode.rows import ISO, Teller

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
_WAYS: Final = {"asc": False, "1": False, "desc": True, "-1": True}
Condition = tuple[str, str, Any]
Order = list[tuple[str, bool]]


def names(asked: Asked, teller: Teller) -> dict[str, str]:
    """Return the names that filters and orders know: those that are told, Bitrix24's own, and further ones."""
    entity, ids = asked.entity, teller.view.table.ids
    told = [*(entity.told(name) for name in teller.types), *(teller.row(ids[0]) if ids else ())]
    own = {} if entity.reshaped else {name: entity.told(name) for name in teller.types}
    if entity.family == "universal":
        own |= {each.name: entity.told(each.item) for each in teller.view.table.fields.values()}
    return {**own, **{name: name for name in told}, **entity.aliases, "id": "id"}


def conditions(asked: Asked, teller: Teller) -> list[Condition]:
    """Read the filter in any of its syntaxes; what is not known is refused or lost."""
    entity = asked.entity
    found = [each for each in _spelled(asked.filter()) if each[0] not in {*entity.needs, *entity.takes}]
    known = names(asked, teller)
    unknown = [name for name, _, _ in found if len(teller.view.table) and name not in known]
    if entity.deaf or "drop_filter" in asked.faults:
        unknown = [name for name, _, _ in found]
    elif unknown and entity.strict:
        raise VibeError(code="INVALID_FILTER_FIELD", text=f"Unknown filter field: {unknown[0]}")
    unknown += [name for name, _, _ in found if name in entity.blind and name not in unknown]
    asked.portal.stats.filters_dropped(asked.word, unknown)
    return [(known.get(name, name), sign, value) for name, sign, value in found if name not in unknown]


def _spelled(given: Mapping[Any, Any]) -> Iterator[Condition]:
    for name, value in given.items():
        if name in _SIGNS and isinstance(value, Mapping):  # the operator first: in two samples of the vendor's
            yield from ((str(field), _SIGNS[str(name)], _listed(inner)) for field, inner in value.items())
            continue
        sign = next((each for each in _PREFIXES if str(name).startswith(each)), "")
        field, sign = str(name).removeprefix(sign), {"!": "!="}.get(sign, sign)
        if isinstance(value, Mapping) and not all(isinstance(place, int) for place in value):
            for operator, inner in value.items():
                if operator not in _SIGNS and operator not in _TESTS:
                    raise VibeError(code="INVALID_FILTER_OPERATOR")
                yield field, _SIGNS.get(str(operator), str(operator)), _listed(inner)
        else:
            several = isinstance(value, list | Mapping)
            yield field, {"!=": "not in"}.get(sign, "in") if several else sign or "=", _listed(value)


def _listed(value: Any) -> Any:
    """Return a list of a query as a list."""
    return list(value.values()) if isinstance(value, Mapping) else value


def holds(sign: str, have: Any, wanted: Any) -> bool:
    """Compare; numbers in a query are text, and instants are compared as such."""
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


def compared(sign: str, stamp: float, wanted: Any) -> bool:
    """Compare a stamp of the table with an instant."""
    if sign in {"in", "not in", "%"}:
        raise VibeError(code="INVALID_FILTER")
    return _TESTS[sign](stamp, instant(wanted))


def instant(value: Any) -> float:
    """Read a date; without a zone it is taken for UTC."""
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except ValueError:
        raise VibeError(code="INVALID_FILTER") from None


def orders(asked: Asked, teller: Teller) -> Order:
    """Read the order: ``sort`` in its three forms, or ``order``."""
    sort, order = asked.given.get("sort"), asked.given.get("order")
    if asked.entity.deaf or (sort is None and order is None):
        return []
    if isinstance(sort, str) and isinstance(order, str) and order.lower() in _WAYS:
        found = [(sort, _WAYS[order.lower()])]
    else:
        found = _ways(order if sort is None else sort)
    known = names(asked, teller)
    if asked.entity.strict and any(name not in known and name.lower() != "id" for name, _ in found):
        raise VibeError(code="UNKNOWN_SORT_FIELD")
    lowered = [("id" if name.lower() == "id" else name, way) for name, way in found]
    return [(known[name], way) for name, way in lowered if name in known]


def _ways(given: Any) -> Order:
    if isinstance(given, str):
        return [(word.strip().lstrip("-"), word.strip().startswith("-")) for word in given.split(",") if word.strip()]
    if isinstance(given, list):
        return [each for one in given for each in _ways(one)]
    if not isinstance(given, Mapping):
        raise VibeError(code="INVALID_SORT_TYPE")
    if any(str(way).lower() not in _WAYS for way in given.values()):
        raise VibeError(code="INVALID_SORT_DIRECTION")
    return [(str(name), _WAYS[str(way).lower()]) for name, way in given.items()]
