"""Universal lists: three lists of two types, their fields, sections, and elements with properties of many types."""

import re
from collections.abc import Sequence
from typing import Any, Final

from tap_bitrix24.demo.company.names import PRODUCTS
from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Row
from tap_bitrix24.demo.portal.errors import RestError
from tap_bitrix24.demo.rest_v2.lists.entry import Entry, Owner, ParentParameter, Refusal, Value
from tap_bitrix24.demo.rest_v2.lists.request import ListRequest
from tap_bitrix24.demo.rest_v2.lists.row_format import display_format, text_or_omitted
from tap_bitrix24.demo.rest_v2.lists.row_values import RowDraft, fixed, numbered, one_of

_LISTS: Final = (
    (32, "lists", "Договоры", 120),
    (34, "lists", "Fuhrpark <DE>", 60),
    (41, "bitrix_processes", "Отпуск", 9),
)
_PLAIN: Final = (
    ("NAME", "Название", "Y"),
    ("SORT", "Sorting", "N"),
    ("DATE_CREATE", "Создано", "N"),
    ("CREATED_BY", "Created by", "N"),
    ("PREVIEW_TEXT", "Анонс", "N"),
)
_STATES: Final = {"1669": "Planning", "1671": "В работе", "1673": "Testing & QA", "1675": ""}
# Number, list, label, type, whether multiple, values
_PROPERTIES: Final[tuple[tuple[int, int, str, str, str, Value], ...]] = (
    (301, 32, "Номер", "S", "N", numbered("Д-{}/2026")),
    (302, 32, "Сумма, нетто", "N", "N", lambda draft: f"{draft.bits % 1_000_000 / 100:.2f}"),
    (303, 32, "Статус", "L", "N", one_of(*_STATES)),
    (304, 32, "Подписан", "S:Date", "N", lambda draft: display_format(draft.created)[:10]),
    (305, 32, "Напомнить", "S:DateTime", "N", lambda draft: display_format(draft.created)),
    (306, 32, "Бюджет", "S:Money", "N", lambda draft: f"{draft.bits % 9000}|{('RUB', 'EUR')[draft.number % 2]}"),
    (307, 32, "Ответственные", "S:employee", "Y", lambda draft: str(draft.pick("users"))),
    (308, 32, "Сделка", "S:ECrm", "Y", lambda draft: f"D_{draft.pick('deals')}"),
    (309, 32, "Скан", "F", "Y", lambda draft: str(9000 + draft.bits % 900)),
    (310, 32, "Условия", "S:HTML", "N", lambda _: {"TEXT": "<b>30 дней</b> & 2 %", "TYPE": "HTML"}),
    (311, 32, "Файл Диска", "S:DiskFile", "N", lambda draft: [str(draft.bits % 500)]),
    (312, 32, "Порядковый", "N:Sequence", "N", lambda draft: str(draft.number)),
    (320, 34, "Kennzeichen", "S", "N", numbered("B-MW {}")),
    (321, 34, "Fahrer", "S:employee", "N", lambda draft: str(draft.pick("users"))),
    (322, 34, "Verträge", "E:EList", "Y", lambda draft: str(draft.bits % 100 + 1)),
    (323, 34, "Tags", "S", "Y", one_of("diesel", "Kühlung", "", "3.5 t")),
    (330, 41, "Начало", "S:Date", "N", lambda draft: display_format(draft.created)[:10]),
    (331, 41, "Раздел", "G", "N", one_of("169", "171")),
)
_OPERATORS: Final = frozenset(("", "=", "!", "!%", "%", "*", ">", ">=", "<", "<=", "><", "!><"))
_KEY: Final = re.compile(r"(\W*)(.*)", re.DOTALL)
_FILTERABLE: Final = frozenset(
    [
        "ID",
        "ACTIVE",
        "NAME",
        "TAGS",
        "XML_ID",
        "EXTERNAL_ID",
        "PREVIEW_TEXT",
        "DETAIL_TEXT",
        "SEARCHABLE_CONTENT",
        "SORT",
        "TIMESTAMP_X",
        "MODIFIED_BY",
        "DATE_CREATE",
        "CREATED_USER_ID",
        "CREATED_BY",
        "SECTION_ID",
    ]
)


def _missing(name: str) -> Refusal:
    """Return the error of a missing required parameter."""
    return Refusal("ERROR_REQUIRED_PARAMETERS_MISSING", f"Required parameter `{name}` is missing")


_PARENTS: Final = (
    ParentParameter(path="IBLOCK_TYPE_ID", missing=_missing("IBLOCK_TYPE_ID")),
    ParentParameter(
        path="IBLOCK_ID",
        column="IBLOCK_ID",
        missing=_missing("IBLOCK_ID"),
        unknown=Refusal("ERROR_IBLOCK_NOT_FOUND", "Iblock not found"),
        table="universal_lists",
    ),
)


def _lists(_: Seeds) -> list[Row]:
    """Return the lists."""
    return [
        {"ID": number, "IBLOCK_TYPE_ID": kind, "NAME": name, "BIZPROC": "Y" if kind == "bitrix_processes" else "N"}
        for number, kind, name, _count in _LISTS
    ]


def _fields(_: Seeds) -> list[Row]:
    """Return the fields of all lists: the standard ones, then the properties."""
    rows = []
    for number, _kind, _name, _count in _LISTS:
        for place, (name, label, required) in enumerate(_PLAIN):
            rows.append({"IBLOCK_ID": number, "FIELD_ID": name, "NAME": label, "TYPE": name, "SORT": 10 * place + 10})
            rows[-1]["IS_REQUIRED"] = required
        for own, whose, label, kind, multiple, _value in _PROPERTIES:
            if whose == number:
                rows.append(_property(own, number, label, kind, multiple))
    return rows


def _property(number: int, whose: int, label: str, kind: str, multiple: str) -> Row:
    """Return a property as the fields method shows it, without the keys that other fields lack."""
    base, _, user_type = kind.partition(":")
    return {
        "IBLOCK_ID": whose,
        "FIELD_ID": f"PROPERTY_{number}",
        "NAME": label,
        "TYPE": kind,
        "SORT": number,
        "IS_REQUIRED": "N",
        "MULTIPLE": multiple,
        "PROPERTY_TYPE": base,
        "PROPERTY_USER_TYPE": {"USER_TYPE": user_type, "PROPERTY_TYPE": base} if user_type else False,
        "CODE": f"P{number}",
        "ID": number,
        "ROW_COUNT": 1,
        "COL_COUNT": 30,
        "DISPLAY_VALUES_FORM": _STATES if base == "L" else None,
        "DEFAULT_VALUE": {"TEXT": "", "TYPE": "HTML"} if user_type == "HTML" else "",
    }


def _by_field(request: ListRequest, _: Any, listed: Sequence[Row]) -> Any:
    """Return fields keyed by their names; a field requested by its id is keyed by its type."""
    key = "TYPE" if request.at("FIELD_ID") else "FIELD_ID"
    return {row[key]: row for row in listed}


def _strict(request: ListRequest) -> None:
    """Refuse conditions on fields that cannot be filtered by, and unknown operators."""
    given = request.spelled("filter")
    own = {f"PROPERTY_{number}" for number, whose, *_ in _PROPERTIES if str(whose) == str(request.at("IBLOCK_ID"))}
    for name in given if isinstance(given, dict) else ():
        found = _KEY.fullmatch(str(name))
        operator, rest = (found[1], found[2]) if found else ("", str(name))
        if rest not in _FILTERABLE | own:
            raise RestError(code="ERROR_ARGUMENT", text=f"Filter field not allowed: {rest}")
        if operator not in _OPERATORS:
            raise RestError(code="ERROR_ARGUMENT", text=f"Filter operation not allowed: {operator}")


def _property_value(number: int, whose: int, multiple: str, make: Value) -> Value:
    """Return the value function of a property: an object from value id to value; without a value, the key is absent."""

    def value(draft: RowDraft) -> Any:
        if draft.owner != whose or draft.bits >> 9 & 3 == 0:
            return None
        several = 1 + draft.number % 3 if multiple == "Y" else 1
        return {str(1000 * number + 3 * draft.number + place): make(draft) for place in range(several)}

    return value


def _section(draft: RowDraft) -> int | None:
    """Return the parent section: the first two are roots with a few sections each."""
    return None if draft.place <= 1 else draft.number - draft.place + draft.place % 2


ENTRIES: Final = (
    Entry(
        method="lists.get",
        table="universal_lists",
        scope="lists",
        columns="""
            ID:integer TIMESTAMP_X:datetime IBLOCK_TYPE_ID:string LID:string CODE:string API_CODE:string NAME:string
            ACTIVE:char SORT:integer PICTURE:any DESCRIPTION:string DESCRIPTION_TYPE:string RSS_TTL:integer
            RSS_ACTIVE:char RSS_FILE_LIMIT:any XML_ID:string INDEX_ELEMENT:char INDEX_SECTION:char WORKFLOW:char
            BIZPROC:char SECTION_CHOOSER:string LIST_MODE:any RIGHTS_MODE:string VERSION:integer
            LAST_CONV_ELEMENT:integer SOCNET_GROUP_ID:any SECTIONS_NAME:string ELEMENTS_NAME:string REST_ON:char
            FULLTEXT_INDEX:char LANG_DIR:string SERVER_NAME:any
        """,
        rows=_lists,
        modified="TIMESTAMP_X",
        values={
            **dict.fromkeys(("CODE", "API_CODE", "XML_ID", "SERVER_NAME"), fixed(None)),
            **dict.fromkeys(("WORKFLOW", "RSS_ACTIVE", "REST_ON", "FULLTEXT_INDEX"), fixed("N")),
            "LID": fixed("s1"),
            "ACTIVE": fixed("Y"),
            "SORT": fixed(500),
            "DESCRIPTION": one_of("", "Список\nпо годам"),
            "DESCRIPTION_TYPE": fixed("text"),
            "RSS_TTL": fixed(24),
            "SECTION_CHOOSER": fixed("L"),
            "RIGHTS_MODE": fixed("E"),
            "VERSION": fixed(2),
            "LAST_CONV_ELEMENT": fixed(0),
            "SECTIONS_NAME": fixed("Разделы"),
            "ELEMENTS_NAME": fixed("Elements"),
            "LANG_DIR": fixed("/"),
        },
        formats={"datetime": display_format},
        parents=(ParentParameter(path="IBLOCK_TYPE_ID", column="IBLOCK_TYPE_ID", missing=_missing("IBLOCK_TYPE_ID")),),
        filters="none",
        selects=False,
        order_name="IBLOCK_ORDER",
        total="some",
    ),
    Entry(
        method="lists.field.get",
        table="list_fields",
        scope="lists",
        key="",
        columns="""
            IBLOCK_ID:integer~ FIELD_ID:string SORT:any NAME:string IS_REQUIRED:char MULTIPLE:char DEFAULT_VALUE:any
            TYPE:string PROPERTY_TYPE:own PROPERTY_USER_TYPE:own CODE:own ID:own LINK_IBLOCK_ID:any ROW_COUNT:own
            COL_COUNT:own USER_TYPE_SETTINGS:any SETTINGS:any DISPLAY_VALUES_FORM:own
        """,
        rows=_fields,
        values={
            **dict.fromkeys(
                ("PROPERTY_TYPE", "PROPERTY_USER_TYPE", "CODE", "ID", "ROW_COUNT", "COL_COUNT"), fixed(None)
            ),
            "DISPLAY_VALUES_FORM": fixed(None),
            "MULTIPLE": fixed("N"),
            "SETTINGS": lambda _: {"SHOW_ADD_FORM": "Y", "SHOW_EDIT_FORM": "Y"},
        },
        formats={"own": text_or_omitted},
        parents=(*_PARENTS, ParentParameter(path="FIELD_ID", column="FIELD_ID")),
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
        envelope=_by_field,
    ),
    Entry(
        method="lists.section.get",
        table="list_sections",
        scope="lists",
        columns="""
            IBLOCK_ID:integer~ ID:integer CODE:string XML_ID:string EXTERNAL_ID:string IBLOCK_SECTION_ID:integer
            TIMESTAMP_X:datetime SORT:integer NAME:string ACTIVE:char GLOBAL_ACTIVE:char LEFT_MARGIN:integer
            RIGHT_MARGIN:integer DEPTH_LEVEL:integer SEARCHABLE_CONTENT:string MODIFIED_BY:integer>users
            DATE_CREATE:datetime CREATED_BY:integer>users
        """,
        owners=(Owner(table="universal_lists"),),
        owner_column="IBLOCK_ID",
        per=lambda _, number: 6 if number == _LISTS[0][0] else 2,
        created="DATE_CREATE",
        modified="TIMESTAMP_X",
        values={
            "IBLOCK_SECTION_ID": _section,
            "SORT": fixed(500),
            "NAME": one_of("Архив", "2026", "Marketing & PR"),
            "ACTIVE": fixed("Y"),
            "GLOBAL_ACTIVE": one_of("Y", "N"),
            "LEFT_MARGIN": lambda draft: 2 * draft.number,
            "RIGHT_MARGIN": lambda draft: 2 * draft.number + 1,
            "DEPTH_LEVEL": lambda draft: 1 if draft.row["IBLOCK_SECTION_ID"] is None else 2,
            "SEARCHABLE_CONTENT": lambda draft: f"{draft.row['NAME'].upper()}\r\n",
        },
        formats={"datetime": display_format},
        parents=_PARENTS,
        paging="unpaged",
    ),
    Entry(
        method="lists.element.get",
        table="list_elements",
        scope="lists",
        columns="""
            ID:integer IBLOCK_ID:integer CODE:string NAME:string IBLOCK_SECTION_ID:integer? CREATED_BY:integer>users
            CREATED_USER_NAME:string BP_PUBLISHED:char DATE_CREATE:datetime SORT:integer PREVIEW_TEXT:string
            DETAIL_TEXT:string
        """
        + " ".join(f"PROPERTY_{number}:property" for number, *_ in _PROPERTIES),
        owners=(Owner(table="universal_lists"),),
        owner_column="IBLOCK_ID",
        per=lambda _, number: next(count for known, _kind, _name, count in _LISTS if known == number),
        created="DATE_CREATE",
        values={
            "CODE": one_of(None, "", "code-1"),
            "NAME": lambda draft: f"{draft.one_of(PRODUCTS)} № {draft.number}",
            "IBLOCK_SECTION_ID": lambda draft: draft.pick("list_sections"),
            "CREATED_USER_NAME": lambda draft: f"(user{draft.row['CREATED_BY']}) Анна Weber",
            "BP_PUBLISHED": fixed("Y"),
            "SORT": one_of(500, 100),
            "DATE_CREATE": lambda draft: draft.created,
            "DETAIL_TEXT": one_of("", None, "<p>Текст</p>"),
            **{
                f"PROPERTY_{number}": _property_value(number, whose, multiple, make)
                for number, whose, _label, _kind, multiple, make in _PROPERTIES
            },
        },
        formats={"datetime": display_format, "property": text_or_omitted},
        parents=_PARENTS,
        check=_strict,
        filters="skipping",
        spelling="upper",
        order_name="ELEMENT_ORDER",
        total="some",
    ),
)
