"""Converters from plain values to those of answers, by portal type (docs/protocol.md §6).

Rows hold plain values: date-times as UTC seconds, dates as days since 1970, numbers as numbers.
"""

from collections.abc import Callable
from typing import Any, Final

from tap_bitrix24.demo.company.timestamps import date_iso, server_iso

Converter = Callable[[Any], Any]


class Omitted:
    """A value whose key the answer leaves out."""


OMITTED = Omitted()

_NUMERIC: Final = frozenset(
    [
        "integer",
        "int",
        "user",
        "employee",
        "crm_lead",
        "crm_deal",
        "crm_contact",
        "crm_company",
        "crm_quote",
        "crm_category",
        "crm_entity",
        "location",
        "enumeration",
        "iblock_element",
        "iblock_section",
        "resourcebooking",
        "crm_enum_ownertype",
        "crm_enum_activitytype",
        "crm_enum_activitystatus",
        "crm_enum_activitypriority",
        "crm_enum_activitynotifytype",
        "crm_enum_contenttype",
        "crm_enum_activitydirection",
    ]
)


def is_number(kind: str) -> bool:
    """Return whether a portal type holds whole numbers."""
    return kind in _NUMERIC


def classic(kind: str, *, multiple: bool, user_field: bool) -> Converter | None:
    """Return the converter of classic methods, where all scalars are text; None: the value stays as it is."""
    if multiple:
        return _CLASSIC_TIMES.get(kind, _classic_list) if user_field else None
    if kind == "file":
        return _classic_file
    if kind == "boolean" and user_field:
        return {"Y": "1", "N": "0"}.get
    return {"datetime": _classic_datetime, "date": _classic_date, "double": _classic_double}.get(
        kind, _classic_number if is_number(kind) else None
    )


def _classic_number(value: Any) -> Any:
    """Return a number as text, other values unchanged."""
    return str(value) if type(value) is int else value


def _classic_datetime(value: Any) -> str:
    """Return an instant as text, None as ``""``."""
    return "" if value is None else server_iso(value)


def _classic_date(value: Any) -> str:
    """Return a date as text, None as ``""``."""
    return "" if value is None else date_iso(value)


def _classic_double(value: Any) -> Any:
    """Return a number as text with two decimals, other values unchanged."""
    return f"{value:.2f}" if isinstance(value, int | float) and not isinstance(value, bool) else value


def _classic_file(value: Any) -> Any:
    """Return a file; an empty one leaves the key out."""
    return value or OMITTED


def _classic_list(value: Any) -> Any:
    """Return the elements as text; an empty multiple user field is ``false``."""
    if not value:
        return False
    return [str(item) if type(item) in (int, float) else item for item in value]


def _list_of(convert: Converter) -> Converter:
    """Return the converter of a multiple field from that of its elements."""
    return lambda value: [convert(item) for item in value] if value else False


def _empty_as_list(convert: Converter) -> Converter:
    """Return a converter that gives ``[]`` where classic lists give ``false``."""
    return lambda value: convert(value) or []


_CLASSIC_TIMES: Final = {"datetime": _list_of(server_iso), "date": _list_of(date_iso)}


def universal(kind: str, *, multiple: bool, user_field: bool) -> Converter | None:
    """Return the converter of ``crm.item.list``: numbers stay numbers, files have other keys; None: no change."""
    if kind == "file":
        return _universal_files if multiple else _universal_file
    if multiple:
        return _empty_as_list(_CLASSIC_TIMES[kind]) if kind in _CLASSIC_TIMES else _universal_list
    if kind == "datetime":
        return _universal_datetime
    if kind == "date":
        return _universal_date
    if kind == "double":
        return _universal_double
    return _universal_empty if user_field else None


def _universal_datetime(value: Any) -> str | None:
    """Return an instant as text, or None."""
    return server_iso(value) if type(value) is int else None


def _universal_date(value: Any) -> str | None:
    """Return a date as text, or None."""
    return date_iso(value) if type(value) is int else None


def _universal_double(value: Any) -> Any:
    """Return whole amounts as integers, as PHP's JSON writes them."""
    return int(value) if isinstance(value, float) and value.is_integer() else value or None


def _universal_empty(value: Any) -> Any:
    """Return None for false and empty text, other values unchanged."""
    return None if value is False or value == "" else value


def _universal_list(value: Any) -> list[Any]:
    """Return an empty multiple field as ``[]``, unlike the classic methods."""
    return value or []


def _universal_file(value: Any) -> Any:
    """Return a file with the keys of universal methods."""
    if not value:
        return None
    return {"id": value["id"], "url": value["downloadUrl"], "urlMachine": value["downloadUrl"] + "&machine=Y"}


def _universal_files(value: Any) -> list[Any]:
    """Return files with the keys of universal methods."""
    return [_universal_file(item) for item in value or []]
