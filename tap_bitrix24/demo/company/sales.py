"""Rows of deals, leads, quotes, smart invoices and smart process items."""

from typing import Any, Final

from tap_bitrix24.demo.company import dictionaries
from tap_bitrix24.demo.company.dictionaries import DEAL_PIPELINES, DEAL_STAGES, LEAD_STAGES, QUOTE_STAGES, Stage
from tap_bitrix24.demo.company.fields import Field
from tap_bitrix24.demo.company.names import CITIES, COMMENTS, COMPANY_FORMS, COMPANY_WORDS, POSTS, PRODUCTS
from tap_bitrix24.demo.company.people import address, multifields, person_name
from tap_bitrix24.demo.company.seeds import Seeds, moved_at
from tap_bitrix24.demo.company.store import Row, RowFactory
from tap_bitrix24.demo.company.timestamps import DAY
from tap_bitrix24.demo.company.user_fields import values as user_values

CURRENCIES: Final = ("RUB", "RUB", "RUB", "RUB", "EUR", "EUR", "USD")
_SOURCES: Final = ("CALL", "EMAIL", "WEB", "ADVERTISING", "PARTNER", "")
_PROBABILITY: Final = (10, 30, 50, 80, 100, 0, 0)


def amount(number: int) -> float:
    """Return a sum of money: many small ones, few large ones, some with cents."""
    base = (number % 83 + 5) * (1, 10, 10, 100, 100, 1000)[number // 83 % 6] * 12
    return base + (0.0, 0.0, 0.5, 0.99)[number // 498 % 4]


def utm(number: int) -> Row:
    """Return the UTM fields; four rows of five have none."""
    if number % 5:
        return {}
    return {
        "UTM_SOURCE": ("yandex", "google", "telegram")[number // 5 % 3],
        "UTM_MEDIUM": "cpc",
        "UTM_CAMPAIGN": f"осень-{number // 15 % 9}",
        "UTM_CONTENT": None,
        "UTM_TERM": "crm & erp" if number % 10 else None,
    }


def audit_fields(seeds: Seeds, number: int, created: int, modified: int, drawn: int) -> Row:
    """Return who created, changed and moved a row, and when, under the classic names."""
    return {
        "DATE_CREATE": created,
        "DATE_MODIFY": modified,
        "ASSIGNED_BY_ID": seeds.pick("users", drawn),
        "CREATED_BY_ID": seeds.pick("users", drawn >> 9),
        "MODIFY_BY_ID": seeds.pick("users", drawn >> 18),
        "MOVED_BY_ID": seeds.pick("users", drawn >> 12),
        "MOVED_TIME": moved_at(number, created, modified),
        "LAST_ACTIVITY_TIME": modified,
        "LAST_ACTIVITY_BY": seeds.pick("users", drawn >> 6),
    }


def deal_stage(seeds: Seeds, number: int) -> tuple[int, str, Stage]:
    """Return pipeline, full stage code and stage of a deal."""
    pipeline = DEAL_PIPELINES[(0, 0, 0, 1, 1, 2)[number * 31 % 6]].id
    stage = DEAL_STAGES[seeds.stage("deals", DEAL_STAGES, number)]
    return pipeline, dictionaries.stage_prefix(2, pipeline) + stage.code, stage


def deal(seeds: Seeds, own_fields: list[Field]) -> RowFactory:
    """Return the row factory of deals: won ones are closed and have a sum."""
    sources = seeds.sources()

    def make(number: int, created: int, modified: int) -> Row:
        drawn, other = seeds.mix(number, 1), seeds.mix(number, 2)
        pipeline, code, stage = deal_stage(seeds, number)
        moved = moved_at(number, created, modified)
        return {
            "ID": number,
            "TITLE": f"{PRODUCTS[drawn % 12]} #{number}",
            "TYPE_ID": ("SALE", "COMPLEX", "GOODS", "SERVICES")[drawn >> 5 & 3],
            "CATEGORY_ID": pipeline,
            "STAGE_ID": code,
            "STAGE_SEMANTIC_ID": stage.semantics or "P",
            "IS_NEW": "Y" if stage.code == "NEW" else "N",
            "IS_RECURRING": "N",
            "IS_RETURN_CUSTOMER": "NNY"[drawn % 3],
            "IS_REPEATED_APPROACH": "NNNY"[drawn >> 3 & 3],
            "PROBABILITY": _PROBABILITY[DEAL_STAGES.index(stage)] if drawn % 4 else None,
            "CURRENCY_ID": CURRENCIES[other % 7],
            "OPPORTUNITY": amount(other) if stage.semantics == "S" or drawn % 9 else 0.0,
            "IS_MANUAL_OPPORTUNITY": "NY"[other >> 3 & 1],
            "TAX_VALUE": 0.0 if drawn % 3 else 20.0,
            "BEGINDATE": created // DAY,
            "CLOSEDATE": (moved if stage.semantics else created + (30 + drawn % 60) * DAY) // DAY,
            **_deal_links(seeds, number, drawn),
            "OPENED": "YN"[drawn >> 6 & 1],
            "CLOSED": "Y" if stage.semantics else "N",
            "COMMENTS": COMMENTS[other % 9],
            "SOURCE_ID": _SOURCES[other >> 4 & 3],
            "SOURCE_DESCRIPTION": "" if drawn % 3 else "Выставка / booth 12",
            "ADDITIONAL_INFO": None,
            "LOCATION_ID": None,
            **audit_fields(seeds, number, created, modified, drawn),
            **utm(other),
            **user_values(own_fields, sources, drawn ^ other << 16),
        }

    return make


def deal_contacts(seeds: Seeds, number: int) -> list[int]:
    """Return the contacts of a deal, the main one first: none, one or several."""
    other = seeds.mix(number, 2)
    if other % 4 == 0:
        return []
    others = [seeds.pick("contacts", other >> shift) for shift in (11, 15, 19)[: other % 4]]
    return list(dict.fromkeys((seeds.pick("contacts", other >> 7), *others)))[: other % 3 + 1]


def lead_contacts(seeds: Seeds, number: int) -> list[int]:
    """Return the contacts of a lead; most have none."""
    drawn = seeds.mix(number, 11)
    return [seeds.pick("contacts", drawn)] if drawn % 3 == 0 else []


def quote_contacts(seeds: Seeds, number: int) -> list[int]:
    """Return the contacts of a quote."""
    drawn = seeds.mix(number, 21)
    return list(dict.fromkeys((seeds.pick("contacts", drawn), seeds.pick("contacts", drawn >> 6))))[: drawn % 2 + 1]


def _deal_links(seeds: Seeds, number: int, drawn: int) -> Row:
    """Return the references of a deal; one in fifty was imported from another system."""
    contacts = deal_contacts(seeds, number)
    return {
        "COMPANY_ID": seeds.pick("companies", drawn >> 7) if drawn % 5 else 0,
        "CONTACT_ID": contacts[0] if contacts else None,
        "CONTACT_IDS": contacts,
        "QUOTE_ID": seeds.pick("quotes", drawn >> 4) if drawn % 8 == 0 else None,
        "LEAD_ID": seeds.pick("leads", drawn >> 5) if drawn % 3 == 0 else None,
        "ORIGINATOR_ID": "1C" if drawn % 50 == 0 else None,
        "ORIGIN_ID": str(number * 7) if drawn % 50 == 0 else None,
    }


def lead_stage(seeds: Seeds, number: int) -> Stage:
    """Return the stage of a lead."""
    return LEAD_STAGES[seeds.stage("leads", LEAD_STAGES, number)]


def lead(seeds: Seeds, own_fields: list[Field]) -> RowFactory:
    """Return the row factory of leads."""
    sources = seeds.sources()

    def make(number: int, created: int, modified: int) -> Row:
        drawn, other = seeds.mix(number, 11), seeds.mix(number, 12)
        stage = lead_stage(seeds, number)
        reach = multifields(number, drawn)
        return {
            "ID": number,
            "TITLE": f"{PRODUCTS[drawn % 12]} / лид {number}",
            **person_name(drawn),
            "BIRTHDATE": 3000 + other % 12_000 if other % 5 == 0 else None,
            "COMPANY_TITLE": COMPANY_FORMS[drawn % 8].format(COMPANY_WORDS[drawn >> 4 & 15]),
            "SOURCE_ID": _SOURCES[other % 6],
            "SOURCE_DESCRIPTION": "",
            "STATUS_ID": stage.code,
            "STATUS_DESCRIPTION": None,
            "STATUS_SEMANTIC_ID": stage.semantics or "P",
            "POST": POSTS[other % 8],
            **address("ADDRESS", other),
            "CURRENCY_ID": CURRENCIES[other % 7],
            "OPPORTUNITY": amount(drawn),
            "IS_MANUAL_OPPORTUNITY": "N",
            "OPENED": "Y",
            "COMMENTS": COMMENTS[other % 9],
            **reach,
            **audit_fields(seeds, number, created, modified, drawn),
            "COMPANY_ID": seeds.pick("companies", drawn) if drawn % 4 == 0 else None,
            "CONTACT_ID": seeds.pick("contacts", drawn) if drawn % 3 == 0 else 0,
            "CONTACT_IDS": lead_contacts(seeds, number),
            "IS_RETURN_CUSTOMER": "NNNY"[drawn >> 2 & 3],
            "DATE_CLOSED": moved_at(number, created, modified) if stage.semantics else None,
            **utm(other),
            **user_values(own_fields, sources, drawn ^ other << 16),
        }

    return make


def quote(seeds: Seeds, own_fields: list[Field]) -> RowFactory:
    """Return the row factory of quotes."""
    sources = seeds.sources()

    def make(number: int, created: int, modified: int) -> Row:
        drawn, other = seeds.mix(number, 21), seeds.mix(number, 22)
        stage = QUOTE_STAGES[seeds.stage("quotes", QUOTE_STAGES, number)]
        return {
            "ID": number,
            "QUOTE_NUMBER": str(number),
            "TITLE": f"КП {number}: {PRODUCTS[drawn % 12]}",
            "STATUS_ID": stage.code,
            "CURRENCY_ID": CURRENCIES[other % 7],
            "OPPORTUNITY": amount(other),
            "TAX_VALUE": 0.0,
            "COMPANY_ID": seeds.pick("companies", drawn),
            "MYCOMPANY_ID": 0,
            "CONTACT_ID": seeds.pick("contacts", drawn),
            "CONTACT_IDS": quote_contacts(seeds, number),
            "BEGINDATE": created // DAY,
            "CLOSEDATE": created // DAY + 14,
            "ACTUAL_DATE": None,
            "OPENED": "Y",
            "CLOSED": "Y" if stage.semantics else "N",
            "COMMENTS": COMMENTS[other % 9],
            "CONTENT": "",
            "TERMS": "50 % предоплата",
            "CLIENT_ADDR": CITIES[drawn % 10],
            "DEAL_ID": seeds.pick("deals", drawn >> 3) if drawn % 3 else None,
            "LEAD_ID": None,
            "PERSON_TYPE_ID": 1,
            **audit_fields(seeds, number, created, modified, drawn),
            **utm(other),
            **user_values(own_fields, sources, drawn ^ other << 16),
        }

    return make


def smart_stages(kind: int) -> tuple[Stage, ...]:
    """Return the stages of invoices or of a smart process."""
    return dictionaries.INVOICE_STAGES if kind == dictionaries.INVOICE_TYPE else dictionaries.SMART_STAGES


def smart_stage(seeds: Seeds, table: str, kind: int, number: int) -> tuple[int, Stage]:
    """Return the stage of an invoice or smart process item, and its place in the pipeline."""
    stages = smart_stages(kind)
    place = seeds.stage(table, stages, number)
    return place, stages[place]


def smart_item(seeds: Seeds, own_fields: list[Field], table: str, kind: int, category: int) -> RowFactory:
    """Return the row factory of smart invoices (entity type 31) or of one smart process."""
    sources = seeds.sources()
    prefix = dictionaries.stage_prefix(kind, category)
    first = smart_stages(kind)[0].code

    def make(number: int, created: int, modified: int) -> Row:
        drawn, other = seeds.mix(number, 31 + kind), seeds.mix(number, 32 + kind)
        place, stage = smart_stage(seeds, table, kind, number)
        return {
            "ID": number,
            "TITLE": f"{PRODUCTS[drawn % 12]} #{number}",
            "ENTITY_TYPE_ID": kind,
            "XML_ID": None,
            "CATEGORY_ID": category,
            "STAGE_ID": prefix + stage.code,
            "PREVIOUS_STAGE_ID": f"{prefix}{first}" if place else "",
            "BEGINDATE": created // DAY,
            "CLOSEDATE": created // DAY + 7 + drawn % 30,
            "OPENED": "YN"[drawn & 1],
            **_smart_links(seeds, drawn, other),
            "SOURCE_ID": _SOURCES[other % 5],
            "SOURCE_DESCRIPTION": "",
            "COMMENTS": COMMENTS[other % 9],
            "ACCOUNT_NUMBER": f"{number:06}",
            "WEBFORM_ID": None,
            **_universal_audit_fields(audit_fields(seeds, number, created, modified, drawn)),
            **utm(other),
            **user_values(own_fields, sources, drawn ^ other << 16),
        }

    return make


def _smart_links(seeds: Seeds, drawn: int, other: int) -> Row:
    """Return clients, observers and money of an item."""
    return {
        "COMPANY_ID": seeds.pick("companies", drawn) if drawn % 3 else 0,
        "CONTACT_ID": seeds.pick("contacts", drawn) if drawn % 4 else None,
        "CONTACT_IDS": [seeds.pick("contacts", drawn)] if drawn % 4 else [],
        "OBSERVERS": [seeds.pick("users", other)] if drawn % 5 == 0 else [],
        "MYCOMPANY_ID": None,
        "OPPORTUNITY": amount(other),
        "IS_MANUAL_OPPORTUNITY": "YN"[drawn >> 1 & 1],
        "TAX_VALUE": 0.0,
        "CURRENCY_ID": CURRENCIES[other % 7],
        "OPPORTUNITY_ACCOUNT": amount(other),
        "TAX_VALUE_ACCOUNT": 0.0,
        "ACCOUNT_CURRENCY_ID": "RUB",
    }


def _universal_audit_fields(fields: Row) -> dict[str, Any]:
    """Return the audit fields of a classic row under the names that universal items have."""
    renamed = {
        "DATE_CREATE": "CREATED_TIME",
        "DATE_MODIFY": "UPDATED_TIME",
        "CREATED_BY_ID": "CREATED_BY",
        "MODIFY_BY_ID": "UPDATED_BY",
        "MOVED_BY_ID": "MOVED_BY",
    }
    return {renamed.get(name, name): value for name, value in fields.items()}
