"""Settings of all user fields by module (``userfieldconfig.list``); those of the CRM follow its tables."""

from collections.abc import Callable
from typing import Final

from tap_bitrix24.demo.company.fields import Field
from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Row, Table, Tables
from tap_bitrix24.demo.rest_v2.lists.data import stock
from tap_bitrix24.demo.rest_v2.lists.entry import Entry, ParentParameter, Refusal
from tap_bitrix24.demo.rest_v2.lists.presets import value_or_omitted
from tap_bitrix24.demo.rest_v2.lists.row_format import text
from tap_bitrix24.demo.rest_v2.lists.row_values import fixed

_ENTITIES: Final = {
    "deals": "CRM_DEAL",
    "leads": "CRM_LEAD",
    "contacts": "CRM_CONTACT",
    "companies": "CRM_COMPANY",
    "quotes": "CRM_QUOTE",
    "smart_invoices": "CRM_SMART_INVOICE",
}
_OTHERS: Final = (
    ("tasks", 211, "TASKS_TASK", "UF_CRM_TASK", "crm", "CRM", True),
    ("tasks", 212, "TASKS_TASK", "UF_TASK_WEBDAV_FILES", "disk_file", "Load files", True),
    ("tasks", 213, "TASKS_TASK", "UF_MAIL_MESSAGE", "mail_message", "", False),
    ("tasks", 230, "TASKS_TASK", "UF_AUTO_683150216402", "string", "Регион", False),
    ("user", 41, "USER", "UF_DEPARTMENT", "iblock_section", "Подразделения", True),
    ("user", 42, "USER", "UF_EMPLOYMENT_DATE", "date", "Eintritt & Probezeit", False),
    ("rpa", 310, "RPA_1", "UF_RPA_1_NAME", "string", "Name", False),
)
_NO_MODULE: Final = Refusal("100", "Could not find value for parameter {moduleId}")


def _row(module: str, entity: str, described: Field) -> Row:
    """Return the settings of one field; labels by language, or none."""
    labels = {"ru": described.title, "en": described.title} if described.title else None
    options = [
        {"id": str(number), "value": value, "def": "N", "sort": str(10 * place), "xmlId": f"x{number}"}
        for place, (number, value) in enumerate(described.options, 1)
    ]
    return {
        "module": module,
        "entityId": entity,
        "fieldName": described.name,
        "userTypeId": described.type,
        "multiple": "Y" if described.multiple else "N",
        "settings": described.settings or [],
        "languageId": {"ru": "ru", "en": "en"} if labels else None,
        "editFormLabel": labels,
        "listColumnLabel": labels,
        "enum": options or None,
    }


def _fixed(_: Seeds) -> list[Row]:
    """Return the fields of modules other than the CRM."""
    documents = [
        ("catalog", number, f"CAT_STORE_DOCUMENT_{kind}", name, type_, label, several)
        for number, kind, name, type_, label, several in stock.USER_FIELDS
    ]
    return [
        {"id": number, **_row(module, entity, Field(name=name, type=kind, title=label, item=name, multiple=several))}
        for module, number, entity, name, kind, label, several in (*_OTHERS, *documents)
    ]


def _entities(tables: Tables) -> dict[str, str]:
    """Return the entity names of the CRM by table; those of smart processes contain the id of their type."""
    types = map(tables["types"].row, tables["types"].ids)
    return _ENTITIES | {f"smart_process_{row['ENTITY_TYPE_ID']}": f"CRM_{row['ID']}" for row in types}


def _follow_crm_fields(tables: Tables, settings: Table) -> None:
    """Fill the table with the user fields of the CRM, and follow their changes."""
    for name, entity in _entities(tables).items():
        fields_changed = _updater(settings, entity, tables[name])
        fields_changed(None)
        tables[name].on_change.append(fields_changed)


def _updater(settings: Table, entity: str, owner: Table) -> Callable[[int | None], None]:
    """Return the function that updates the settings to an entity's present fields."""
    known: dict[str, tuple[int, Field]] = {}

    def fields_changed(number: int | None) -> None:
        if number is not None:
            return
        there = {one.name: one for one in owner.user_fields if one.name in owner.fields}
        for name, described in there.items():
            place, before = known.get(name) or (settings.insert(0), None)
            if described is not before:
                settings.patch(place, _row("crm", entity, described))
                known[name] = (place, described)
        for name in known.keys() - there.keys():
            settings.delete(known.pop(name)[0])

    return fields_changed


ENTRIES: Final[tuple[Entry, ...]] = (
    Entry(
        method="userfieldconfig.list",
        table="userfield_config",
        scope="userfieldconfig",
        key="id",
        wrapper="fields",
        columns="""
            module:string~ id:integer entityId:string fieldName:string userTypeId:string xmlId:string sort:integer
            multiple:char mandatory:char showFilter:char showInList:char editInList:char isSearchable:char settings:any
            languageId:any editFormLabel:any listColumnLabel:any listFilterLabel:any errorMessage:any helpMessage:any
            enum:any
        """,
        rows=_fixed,
        values={
            "xmlId": fixed(None),
            "sort": fixed(100),
            "showFilter": lambda draft: "NIES"[draft.bits % 4],
            **dict.fromkeys(("mandatory", "isSearchable"), fixed("N")),
            **dict.fromkeys(("showInList", "editInList"), fixed("Y")),
            **dict.fromkeys(("listFilterLabel", "errorMessage", "helpMessage"), fixed(None)),
        },
        on_created=_follow_crm_fields,
        parents=(ParentParameter(path="moduleId", column="module", missing=_NO_MODULE),),
        filters="equal",
        paging="controller",
        form="typed",
        formats={"integer": text, "enum": value_or_omitted},
    ),
)
