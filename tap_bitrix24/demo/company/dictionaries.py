"""Statuses, stages, pipelines, currencies and smart process types: the small tables of the demo company."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from tap_bitrix24.demo.company.names import SMART_PROCESSES

Row = dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """A stage: code, name, semantics (None while in work, S won, F lost), colour."""

    code: str
    name: str
    semantics: str | None
    color: str


@dataclass(frozen=True)
class Pipeline:
    """A category of an entity type; ``default`` ones have no origin keys."""

    id: int
    entity_type_id: int
    name: str
    sort: int
    default: bool


DEAL_STAGES: Final = (
    Stage("NEW", "Новая", None, "#39A8EF"),
    Stage("PREPARATION", "Document preparation", None, "#2FC6F6"),
    Stage("EXECUTING", "В работе", None, "#47E4C2"),
    Stage("FINAL_INVOICE", "Final invoice", None, "#FFA900"),
    Stage("WON", "Сделка успешна", "S", "#7BD500"),
    Stage("LOSE", "Deal lost", "F", "#FF5752"),
    Stage("APOLOGY", "Анализ причины провала", "F", "#FF5752"),
)
LEAD_STAGES: Final = (
    Stage("NEW", "Не обработан", None, "#39A8EF"),
    Stage("IN_PROCESS", "In progress", None, "#2FC6F6"),
    Stage("PROCESSED", "Обработан", None, "#55D0E0"),
    Stage("CONVERTED", "Converted", "S", "#7BD500"),
    Stage("JUNK", "Некачественный лид", "F", "#FF5752"),
)
QUOTE_STAGES: Final = (
    Stage("DRAFT", "Черновик", None, "#39A8EF"),
    Stage("SENT", "Sent to client", None, "#2FC6F6"),
    Stage("APPROVED", "Принято", "S", "#7BD500"),
    Stage("DECLAINED", "Declined", "F", "#FF5752"),
)
INVOICE_STAGES: Final = (
    Stage("N", "Новый", None, "#39A8EF"),
    Stage("S", "Sent", None, "#2FC6F6"),
    Stage("P", "Оплачен", "S", "#7BD500"),
    Stage("D", "Not paid", "F", "#FF5752"),
)
SMART_STAGES: Final = (
    Stage("NEW", "Начало", None, "#22B9FF"),
    Stage("PREPARATION", "Preparation", None, "#88B9FF"),
    Stage("CLIENT", "Согласование", None, "#10E5FC"),
    Stage("SUCCESS", "Success", "S", "#00FF00"),
    Stage("FAIL", "Провал", "F", "#FF0000"),
)
DEAL_PIPELINES: Final = (
    Pipeline(0, 2, "Общая", 100, default=True),
    Pipeline(3, 2, "Partner sales", 200, default=False),
    Pipeline(5, 2, "Тендеры", 300, default=False),
)
CLIENT_PIPELINES: Final = (
    Pipeline(0, 3, "Contacts", 100, default=True),
    Pipeline(7, 3, "Контакты поставщиков", 200, default=False),
    Pipeline(0, 4, "Companies", 100, default=True),
    Pipeline(8, 4, "Поставщики", 200, default=False),
)
DEAL_TYPE: Final = 2
INVOICE_TYPE: Final = 31
FIRST_SMART_TYPE: Final = 128
INVOICE_CATEGORY: Final = 9
_DICTIONARIES: Final = {
    "SOURCE": {
        "CALL": "Звонок",
        "EMAIL": "E-mail",
        "WEB": "Website",
        "ADVERTISING": "Реклама",
        "PARTNER": "Partner",
    },
    "DEAL_TYPE": {"SALE": "Продажа", "COMPLEX": "Complex sale", "GOODS": "Товары", "SERVICES": "Services"},
    "CONTACT_TYPE": {"CLIENT": "Клиенты", "SUPPLIER": "Suppliers", "PARTNER": "Партнёры", "OTHER": "Other"},
    "COMPANY_TYPE": {"CUSTOMER": "Клиент", "SUPPLIER": "Supplier", "COMPETITOR": "Конкурент", "PARTNER": "Partner"},
    "INDUSTRY": {"IT": "Информационные технологии", "TELECOM": "Telecom", "FINANCE": "Финансы", "OTHER": "Other"},
    "EMPLOYEES": {"EMPLOYEES_1": "менее 50", "EMPLOYEES_2": "50-250", "EMPLOYEES_3": "250-500"},
    "HONORIFIC": {"HNR_1": "г-н", "HNR_2": "г-жа"},
}
_FLAGS: Final = (
    "IS_STAGES_ENABLED",
    "IS_BEGIN_CLOSE_DATES_ENABLED",
    "IS_CLIENT_ENABLED",
    "IS_USE_IN_USERFIELD_ENABLED",
    "IS_LINK_WITH_PRODUCTS_ENABLED",
    "IS_MYCOMPANY_ENABLED",
    "IS_SOURCE_ENABLED",
    "IS_OBSERVERS_ENABLED",
    "IS_RECYCLEBIN_ENABLED",
    "IS_SET_OPEN_PERMISSIONS",
)
_PROCESS: Final = {None: "process", "S": "success", "F": "failure"}


def smart_type(index: int, instant: int) -> Row:
    """Return the ``index``-th smart process type; every second one has no pipelines of its own."""
    entity_type_id = (156, 177, *range(1038, 1038 + 4 * index, 4))[index]
    flags = dict.fromkeys(_FLAGS, "Y")
    name = SMART_PROCESSES[index % len(SMART_PROCESSES)]
    return {
        "ID": 5 + index,
        "TITLE": name if index < len(SMART_PROCESSES) else f"{name} {index}",
        "CODE": "",
        "CREATED_BY": 1,
        "ENTITY_TYPE_ID": entity_type_id,
        "CUSTOM_SECTION_ID": None,
        **flags,
        "IS_CATEGORIES_ENABLED": "NY"[index % 2],
        "IS_DOCUMENTS_ENABLED": "N",
        "IS_AUTOMATION_ENABLED": "N",
        "IS_BIZ_PROC_ENABLED": "N",
        "CREATED_TIME": instant,
        "UPDATED_TIME": instant,
        "UPDATED_BY": 1,
    }


def smart_category(index: int) -> int:
    """Return the id of the one pipeline of a smart process."""
    return 21 + 2 * index


def pipelines(types: list[Row]) -> list[Pipeline]:
    """Return the pipelines of all entity types."""
    smart = [
        Pipeline(smart_category(index), row["ENTITY_TYPE_ID"], "Общая", 500, default=True)
        for index, row in enumerate(types)
    ]
    invoices = Pipeline(INVOICE_CATEGORY, 31, "General", 500, default=True)
    return [*DEAL_PIPELINES, *CLIENT_PIPELINES, invoices, *smart]


def stage_prefix(entity_type_id: int, category: int) -> str:
    """Return the prefix of stage codes in a pipeline, such as ``C2:``."""
    if entity_type_id == DEAL_TYPE:
        return f"C{category}:" if category else ""
    if entity_type_id == INVOICE_TYPE:
        return f"DT31_{category}:"
    return f"DT{entity_type_id}_{category}:" if entity_type_id >= FIRST_SMART_TYPE else ""


def stage_dictionary(entity_type_id: int, category: int) -> str:
    """Return the ENTITY_ID of a pipeline's stages."""
    if entity_type_id == DEAL_TYPE:
        return f"DEAL_STAGE_{category}" if category else "DEAL_STAGE"
    if entity_type_id == INVOICE_TYPE:
        return f"SMART_INVOICE_STAGE_{category}"
    return f"DYNAMIC_{entity_type_id}_STAGE_{category}"


def statuses(types: list[Row]) -> Iterator[Row]:
    """Return the rows of ``crm.status.list``; EXTRA stands on stages of leads, quotes and deals only."""
    number = 100
    category: int | None
    sets: list[tuple[str, str, int | None, tuple[Stage, ...]]] = [
        ("STATUS", "", None, LEAD_STAGES),
        ("QUOTE_STATUS", "", None, QUOTE_STAGES),
        *((stage_dictionary(2, p.id), stage_prefix(2, p.id), p.id or None, DEAL_STAGES) for p in DEAL_PIPELINES),
        (stage_dictionary(31, INVOICE_CATEGORY), stage_prefix(31, INVOICE_CATEGORY), INVOICE_CATEGORY, INVOICE_STAGES),
    ]
    for index, row in enumerate(types):
        kind, category = row["ENTITY_TYPE_ID"], smart_category(index)
        sets.append((stage_dictionary(kind, category), stage_prefix(kind, category), category, SMART_STAGES))
    for entity, prefix, category, stages in sets:
        for place, stage in enumerate(stages):
            number += 2
            base = _status(number, entity, prefix + stage.code, stage.name, place)
            extra = {"SEMANTICS": _PROCESS[stage.semantics], "COLOR": stage.color}
            yield base | {
                "CATEGORY_ID": category,
                "COLOR": stage.color,
                "SEMANTICS": stage.semantics,
                **({"EXTRA": extra} if entity.startswith(("STATUS", "QUOTE", "DEAL_STAGE")) else {}),
                "SYSTEM": "Y" if place == 0 or stage.semantics else "N",
            }
    for entity, entries in _DICTIONARIES.items():
        for place, (code, name) in enumerate(entries.items()):
            number += 2
            yield _status(number, entity, code, name, place)


def _status(number: int, entity: str, code: str, name: str, place: int) -> Row:
    """Return the columns that the rows of all dictionaries have."""
    return {
        "ID": number,
        "ENTITY_ID": entity,
        "STATUS_ID": code,
        "NAME": name,
        "NAME_INIT": name if place == 0 else "",
        "SORT": 10 * (place + 1),
        "SYSTEM": "N",
        "CATEGORY_ID": None,
        "COLOR": None,
        "SEMANTICS": None,
    }


def currencies(instant: int) -> list[Row]:
    """Return the currencies."""
    facts = (
        ("RUB", "Российский рубль", 1, 1.0, "# ₽"),
        ("EUR", "Euro", 1, 98.5, "€#"),
        ("USD", "US Dollar", 1, 90.25, "$#"),
        ("KZT", "Тенге", 100, 18.4, "# ₸"),
    )
    return [
        {
            "ID": place + 1,
            "CURRENCY": code,
            "AMOUNT_CNT": count,
            "AMOUNT": rate,
            "BASE": "Y" if place == 0 else "N",
            "SORT": 100 * (place + 1),
            "DATE_UPDATE": instant - (place + 1) * 86_400,
            "LID": "ru",
            "FORMAT_STRING": template,
            "FULL_NAME": name,
            "DEC_POINT": "." if place else ",",
            "THOUSANDS_SEP": "&nbsp;" if place else None,
            "DECIMALS": 2,
        }
        for place, (code, name, count, rate, template) in enumerate(facts)
    ]


def category_row(one: Pipeline) -> Row:
    """Return a row of ``crm.category.list``; default pipelines have no origin keys."""
    row = {
        "id": one.id,
        "name": one.name,
        "sort": one.sort,
        "entityTypeId": one.entity_type_id,
        "isDefault": "Y" if one.default else "N",
    }
    return row if one.default else row | {"originId": "", "originatorId": ""}


def stage_ranks(table: str) -> dict[str, dict[str, int]]:
    """Return the sort order of a table's stages: by place in the pipeline, as the portal sorts them, not by code."""
    if table == "deals":
        ranks = {
            stage_prefix(DEAL_TYPE, pipeline.id) + stage.code: place
            for pipeline in DEAL_PIPELINES
            for place, stage in enumerate(DEAL_STAGES)
        }
        return {"STAGE_ID": ranks}
    stages = {"leads": LEAD_STAGES, "quotes": QUOTE_STAGES}.get(table)
    return {"STATUS_ID": {stage.code: place for place, stage in enumerate(stages)}} if stages else {}
