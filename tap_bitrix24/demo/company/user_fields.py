"""User fields of the demo company, at least one of every type, and their values."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from tap_bitrix24.demo.company.fields import Field, user_field
from tap_bitrix24.demo.company.names import CITIES, COMMENTS, PRODUCTS, STREETS
from tap_bitrix24.demo.company.timestamps import DAY

_OPTIONS: Final = ((45, "Низкий"), (46, "Средний"), (47, "High"), (48, 'Very "high"'))
_CHANNELS: Final = ((61, "Радио"), (62, "Сайт"), (63, "Partner"), (64, "Trade fair"))


class _Kind(NamedTuple):
    """A user field to create: its portal type and its label."""

    type: str
    label: str
    multiple: bool = False


_KINDS: Final = (
    _Kind("string", "Номер договора"),
    _Kind("string", "Ключевые слова", multiple=True),
    _Kind("integer", "Seats"),
    _Kind("double", "Скидка, %"),
    _Kind("boolean", "Срочно"),
    _Kind("date", "Дата отгрузки"),
    _Kind("datetime", "Demo given at"),
    _Kind("enumeration", "Приоритет"),
    _Kind("enumeration", "Каналы", multiple=True),
    _Kind("money", "Бюджет"),
    _Kind("url", "Сайт проекта"),
    _Kind("address", "Адрес доставки"),
    _Kind("file", "Договор (файл)"),
    _Kind("file", "Приложения", multiple=True),
    _Kind("employee", "Куратор"),
    _Kind("crm", "Головная компания"),
    _Kind("crm", "Связанные объекты", multiple=True),
    _Kind("crm_status", "Отрасль"),
    _Kind("iblock_element", "Склад"),
    _Kind("iblock_section", "Каталог"),
    _Kind("resourcebooking", "Переговорная", multiple=True),
    _Kind("datetime", "Напоминания", multiple=True),
    _Kind("double", "Размеры", multiple=True),
)
_FEW: Final = frozenset(("Номер договора", "Seats", "Дата отгрузки", "Приоритет", "Каналы", "Бюджет", "Куратор"))
_EMPTY: Final[tuple[Any, ...]] = (None, "", False)
_OWN_EMPTY: Final = frozenset(("date", "datetime", "file", "integer", "double"))

Value = Callable[["Sources", int], Any]


class Sources:
    """What values of user fields refer to: ids that exist, and the portal's start."""

    def __init__(self, pick: Callable[[str, int], int], anchor: int) -> None:
        """``pick`` returns an id of a table for a number."""
        self.pick = pick
        self.anchor = anchor


def every_type(prefix: str, first: int) -> list[Field]:
    """Return user fields of all types; names are numbered from ``first`` as the portal numbers them by time."""
    made = [_user_field(f"{prefix}{first + index * 1013}", kind) for index, kind in enumerate(_KINDS)]
    return [
        *made,
        user_field(f"{prefix}64A29A1CD5CC2", "string", "Смешанное имя"),
        user_field(f"{prefix}REGION", "string", "Region"),
    ]


def many_types(prefix: str, first: int, count: int) -> list[Field]:
    """Return ``count`` user fields, all types in turn except single files: rows without a file lack the key."""
    shown = [one for one in every_type(prefix, first) if one.type != "file" or one.multiple]
    kinds = [kind for kind in _KINDS if kind.type != "file" or kind.multiple]
    for index in range(count - len(shown)):
        again, place = divmod(index, len(kinds))
        kind = kinds[place]._replace(label=f"{kinds[place].label} {again + 2}")
        shown.append(_user_field(f"{prefix}{first + (len(_KINDS) + index) * 1013}", kind))
    return shown[:count]


def some_types(prefix: str, first: int) -> list[Field]:
    """Return seven user fields of the most common types."""
    return [_user_field(f"{prefix}{first + i * 1013}", kind) for i, kind in enumerate(_KINDS) if kind.label in _FEW]


def _user_field(name: str, kind: _Kind) -> Field:
    """Return one user field with the settings and options of its type."""
    settings = {"COMPANY": "Y", "CONTACT": "Y" if kind.multiple else "N"} if kind.type == "crm" else None
    return user_field(
        name,
        kind.type,
        kind.label,
        multiple=kind.multiple,
        options=(_CHANNELS if kind.multiple else _OPTIONS) if kind.type == "enumeration" else (),
        status_type="INDUSTRY" if kind.type == "crm_status" else None,
        settings=settings,
    )


def values(fields: list[Field], sources: Sources, number: int) -> dict[str, Any]:
    """Return the values of all user fields of a row from one pseudo-random number; about a third is empty."""
    row = {}
    for described in fields:
        number = (number * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
        drawn = number >> 24
        make = _value_function(described)
        if drawn % 3 == 0:
            row[described.name] = _empty(described, drawn)
        elif described.multiple:
            row[described.name] = [make(sources, drawn >> shift) for shift in range(4, 4 + 3 * (1 + drawn % 2), 3)]
        else:
            row[described.name] = make(sources, drawn >> 4)
    return row


def _value_function(described: Field) -> Value:
    """Return the function that computes values of a field."""
    if described.options:
        return _choice(described)
    if described.type == "crm" and not described.multiple:
        return _company
    return VALUE_FUNCTIONS.get(described.type, _text)


def _choice(described: Field) -> Value:
    """Return the function that picks one of a list field's options."""
    return lambda _, number: described.options[number % len(described.options)][0]


def _empty(described: Field, drawn: int) -> Any:
    """Return an empty value of a user field: null, ``""`` or false, as its type allows."""
    if described.multiple:
        return []
    return None if described.type in _OWN_EMPTY else _EMPTY[drawn // 3 % 3]


def _text(_: Sources, number: int) -> str:
    """Return text."""
    return f"{PRODUCTS[number % 12]} {number % 997}" if number % 5 else (COMMENTS[3 + number % 6] or "")


def _money(_: Sources, number: int) -> str:
    """Return an amount with its currency, as in ``120.50|RUB``."""
    return f"{number % 90_000 + 100}{('', '.50', '.05')[number % 3]}|{('RUB', 'EUR', 'USD')[number % 3]}"


def _address(_: Sources, number: int) -> str:
    """Return an address with its place on the map and its id."""
    street = f"{CITIES[number % 10]}, {STREETS[number % 7]} {number % 90 + 1}"
    return f"{street}|{50 + number % 900 / 100};{30 + number % 700 / 100}|{number % 5000 + 1}"


def _file(_: Sources, number: int) -> dict[str, Any]:
    """Return a file; its links hold a token that must not be stored."""
    ident = number % 80_000 + 1
    link = f"/bitrix/components/bitrix/crm.deal.show/show_file.php?auth=&ownerId={ident}&fileId={ident}&dynamic=Y"
    return {"id": ident, "showUrl": link, "downloadUrl": f"{link}&download=1"}


def _company(sources: Sources, number: int) -> str:
    """Return a reference to a company where only companies are allowed: the bare id."""
    return str(sources.pick("companies", number))


def _binding(sources: Sources, number: int) -> str:
    """Return a reference to a company or contact."""
    return f"CO_{sources.pick('companies', number)}" if number % 2 else f"C_{sources.pick('contacts', number)}"


def _hologram(_: Sources, number: int) -> Any:
    """Return a value of an undocumented type: an object, text, a number, a list or a boolean."""
    kinds = ({"depth": number % 90, "layers": [1, 2]}, "Лис & Co", number % 1000 / 8, ["a", number % 9], True)
    return kinds[number % len(kinds)]


def _instant(sources: Sources, number: int) -> int:
    """Return an instant before the portal's start."""
    return sources.anchor - number % (900 * DAY)


VALUE_FUNCTIONS: Final[dict[str, Value]] = {
    "string": _text,
    "integer": lambda _, number: number % 2000 - 50,
    "double": lambda _, number: (number % 100_000) / 100,
    "boolean": lambda _, number: "NY"[number % 2],
    "date": lambda sources, number: sources.anchor // DAY - number % 700,
    "datetime": _instant,
    "money": _money,
    "url": lambda _, number: f"https://example.com/p/{number % 9999}?a=1&b=2",
    "address": _address,
    "file": _file,
    "employee": lambda sources, number: sources.pick("users", number),
    "crm": _binding,
    "crm_status": lambda _, number: ("IT", "TELECOM", "FINANCE", "OTHER")[number % 4],
    "iblock_element": lambda _, number: number % 300 + 1,
    "iblock_section": lambda _, number: number % 40 + 1,
    "resourcebooking": lambda _, number: number % 900 + 1,
    "hologram": _hologram,
}
