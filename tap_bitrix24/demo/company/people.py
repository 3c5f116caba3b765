"""Rows of contacts, companies, users and departments."""

from collections.abc import Callable
from typing import Any, Final

from tap_bitrix24.demo.company.fields import Field
from tap_bitrix24.demo.company.names import (
    CITIES,
    COMMENTS,
    COMPANY_FORMS,
    COMPANY_WORDS,
    COUNTRIES,
    COUNTRY_CODES,
    DEPARTMENTS,
    FIRST_NAMES,
    LAST_NAMES,
    MIDDLE_NAMES,
    POSTS,
    STREETS,
)
from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Row, RowFactory
from tap_bitrix24.demo.company.timestamps import DAY
from tap_bitrix24.demo.company.user_fields import values as user_values

_SUPPLIERS: Final = {"contacts": 7, "companies": 8}
_SUPPLIER_REST: Final = 5


def person_name(drawn: int) -> Row:
    """Return the names of a person."""
    return {
        "HONORIFIC": ("HNR_1", "HNR_2", "", None)[drawn >> 2 & 3],
        "NAME": FIRST_NAMES[drawn % len(FIRST_NAMES)],
        "SECOND_NAME": MIDDLE_NAMES[drawn >> 6 & 7],
        "LAST_NAME": LAST_NAMES[(drawn >> 9) % len(LAST_NAMES)],
    }


def address(prefix: str, drawn: int) -> Row:
    """Return an address; one in three rows has none."""
    if drawn % 3 == 0:
        return {}
    place = drawn % 10
    return {
        prefix: f"{STREETS[drawn >> 3 & 3]}, {drawn % 120 + 1}",
        f"{prefix}_2": "" if drawn % 2 else "оф. 4",
        f"{prefix}_CITY": CITIES[place],
        f"{prefix}_POSTAL_CODE": f"{100_000 + drawn % 90_000}",
        f"{prefix}_COUNTRY": COUNTRIES[place],
        f"{prefix}_COUNTRY_CODE": COUNTRY_CODES[place],
        f"{prefix}_LOC_ADDR_ID": drawn % 9000 + 1 if drawn % 4 else None,
    }


def multifields(number: int, drawn: int) -> Row:
    """Return phones, e-mail addresses, sites and messengers, and the flags HAS_PHONE, HAS_EMAIL, HAS_IMOL."""
    phones = [
        _multi("PHONE", number * 9 + i, "WORK", f"+7{9_000_000_000 + (drawn >> i) % 999_999_999}")
        for i in range(drawn % 3)
    ]
    mails = [
        _multi("EMAIL", number * 9 + 3 + place, "WORK", f"p{number}{'ab'[place]}@example.com")
        for place in range((0, 1, 1, 2)[drawn >> 2 & 3])
    ]
    sites = (
        [_multi("WEB", number * 9 + 5, "WORK", f"https://site{number % 400}.example/a?b=1&c=2")]
        if drawn % 7 == 0
        else []
    )
    messengers = [_multi("IM", number * 9 + 6, "TELEGRAM", f"@user{number}")] if drawn % 5 == 0 else []
    return {
        "PHONE": phones,
        "EMAIL": mails,
        "WEB": sites,
        "IM": messengers,
        "HAS_PHONE": "Y" if phones else "N",
        "HAS_EMAIL": "Y" if mails else "N",
        "HAS_IMOL": "N",
    }


def _multi(kind: str, ident: int, value_type: str, value: str) -> dict[str, str]:
    """Return one entry of a multifield."""
    return {"ID": str(ident), "VALUE_TYPE": value_type, "VALUE": value, "TYPE_ID": kind}


def category(table: str, number: int) -> int:
    """Return the category of a contact or company: one in nine is a supplier, hidden from the classic lists."""
    return _SUPPLIERS[table] if number % 9 == _SUPPLIER_REST else 0


def category_column(table: str) -> dict[str, Callable[[int], Any]]:
    """Return the column CATEGORY_ID as a function of the id, which needs no row."""
    return {"CATEGORY_ID": lambda number: category(table, number)}


def _client_audit_fields(seeds: Seeds, created: int, modified: int, drawn: int) -> Row:
    """Return who created and changed a contact or company, and when; these have no stages to move through."""
    return {
        "DATE_CREATE": created,
        "DATE_MODIFY": modified,
        "ASSIGNED_BY_ID": seeds.pick("users", drawn),
        "CREATED_BY_ID": seeds.pick("users", drawn >> 9),
        "MODIFY_BY_ID": seeds.pick("users", drawn >> 18),
        "LAST_ACTIVITY_TIME": modified,
        "LAST_ACTIVITY_BY": seeds.pick("users", drawn >> 6),
    }


def contact_companies(seeds: Seeds, number: int) -> list[int]:
    """Return the companies of a contact, the main one first: none, one or two."""
    drawn = seeds.mix(number, 41)
    if drawn % 4 == 0:
        return []
    both = (seeds.pick("companies", drawn >> 3), seeds.pick("companies", drawn >> 9))
    return list(dict.fromkeys(both))[: 1 + (drawn % 5 == 0)]


def contact(seeds: Seeds, own_fields: list[Field]) -> RowFactory:
    """Return the row factory of contacts."""
    sources = seeds.sources()

    def make(number: int, created: int, modified: int) -> Row:
        drawn, other = seeds.mix(number, 41), seeds.mix(number, 42)
        companies = contact_companies(seeds, number)
        return {
            "ID": number,
            **person_name(drawn),
            "PHOTO": _picture(number) if drawn % 11 == 0 else None,
            "BIRTHDATE": 2000 + other % 12_000 if other % 3 == 0 else None,
            "TYPE_ID": ("CLIENT", "SUPPLIER", "PARTNER", "OTHER")[other >> 3 & 3],
            "SOURCE_ID": ("CALL", "EMAIL", "WEB", "PARTNER")[other >> 5 & 3],
            "SOURCE_DESCRIPTION": None,
            "POST": POSTS[other % 8],
            **address("ADDRESS", other),
            "COMMENTS": COMMENTS[other % 9],
            "OPENED": "Y",
            "EXPORT": "YN"[drawn >> 4 & 1],
            **multifields(number, drawn),
            **_client_audit_fields(seeds, created, modified, drawn),
            "CATEGORY_ID": category("contacts", number),
            "COMPANY_ID": companies[0] if companies else None,
            "COMPANY_IDS": companies,
            "LEAD_ID": seeds.pick("leads", drawn) if drawn % 6 == 0 else None,
            **user_values(own_fields, sources, drawn ^ other << 16),
        }

    return make


def company(seeds: Seeds, own_fields: list[Field]) -> RowFactory:
    """Return the row factory of companies; the first one is the portal's own."""
    sources = seeds.sources()

    def make(number: int, created: int, modified: int) -> Row:
        drawn, other = seeds.mix(number, 51), seeds.mix(number, 52)
        return {
            "ID": number,
            "TITLE": COMPANY_FORMS[drawn % 8].format(f"{COMPANY_WORDS[(drawn >> 5) % 20]} {number}"),
            "COMPANY_TYPE": ("CUSTOMER", "SUPPLIER", "COMPETITOR", "PARTNER")[other >> 3 & 3],
            "LOGO": _picture(number) if drawn % 9 == 0 else None,
            **address("ADDRESS", other),
            **address("REG_ADDRESS", drawn),
            "BANKING_DETAILS": "" if drawn % 3 else "р/с 40702810",
            "INDUSTRY": ("IT", "TELECOM", "FINANCE", "OTHER")[other >> 5 & 3],
            "EMPLOYEES": f"EMPLOYEES_{other % 3 + 1}",
            "CURRENCY_ID": ("RUB", "EUR")[drawn >> 8 & 1],
            "REVENUE": float(other % 9_000_000) if drawn % 3 else 0.0,
            "OPENED": "Y",
            "COMMENTS": COMMENTS[other % 9],
            **multifields(number, drawn),
            "IS_MY_COMPANY": "Y" if number == 1 else "N",
            **_client_audit_fields(seeds, created, modified, drawn),
            "CATEGORY_ID": category("companies", number),
            "CONTACT_ID": [seeds.pick("contacts", drawn)] if drawn % 3 else [],
            "LEAD_ID": None,
            "PARENT_ID_156": None,
            "LAST_COMMUNICATION_TIME": "",
            **user_values(own_fields, sources, drawn ^ other << 16),
        }

    return make


def _picture(number: int) -> dict[str, Any]:
    """Return a picture field."""
    link = f"/bitrix/components/bitrix/crm.contact.show/show_file.php?auth=&ownerId={number}&fieldName=PHOTO"
    return {"id": number * 3 + 1, "showUrl": link, "downloadUrl": f"{link}&download=1"}


def user(seeds: Seeds) -> RowFactory:
    """Return the row factory of users; about one in twelve was dismissed."""

    def make(number: int, created: int, modified: int) -> Row:
        drawn = seeds.mix(number, 61)
        department = seeds.pick("departments", drawn >> 5)
        return {
            "ID": number,
            "ACTIVE": number == 1 or drawn % 12 != 0,
            "NAME": FIRST_NAMES[drawn % len(FIRST_NAMES)],
            "LAST_NAME": LAST_NAMES[(drawn >> 9) % len(LAST_NAMES)],
            "SECOND_NAME": MIDDLE_NAMES[drawn >> 6 & 7],
            "EMAIL": f"user{number}@demo.example",
            "LAST_LOGIN": modified - drawn % DAY,
            "DATE_REGISTER": created,
            "TIMESTAMP_X": modified,
            "LAST_ACTIVITY_DATE": modified,
            "TIME_ZONE": "",
            "IS_ONLINE": "NY"[drawn >> 3 & 1],
            "PERSONAL_GENDER": ("", "M", "F")[drawn % 3],
            "PERSONAL_BIRTHDAY": 4000 + drawn % 8000 if drawn % 3 else None,
            "PERSONAL_MOBILE": f"+7{9_100_000_000 + drawn % 99_999_999}" if drawn % 4 else "",
            "PERSONAL_CITY": CITIES[drawn % 10] if drawn % 2 else "",
            "PERSONAL_PHOTO": f"https://demo.example/upload/{number}.png" if drawn % 5 == 0 else None,
            "WORK_PHONE": "",
            "WORK_POSITION": POSTS[drawn >> 4 & 7],
            "UF_EMPLOYMENT_DATE": created // DAY if drawn % 2 else None,
            "UF_DEPARTMENT": [department] if drawn % 15 else [],
            "UF_PHONE_INNER": str(100 + number) if drawn % 3 else None,
            "USER_TYPE": "employee",
        }

    return make


def departments(seeds: Seeds, count: int) -> list[Row]:
    """Return the tree of departments, depth first by LEFT_MARGIN; the root has no parent, some have no head."""
    parents = {number: number // 3 or 1 for number in range(2, count + 1)}
    walk: list[int] = []
    waiting = [1]
    while waiting:
        number = waiting.pop()
        walk.append(number)
        waiting += sorted((child for child, parent in parents.items() if parent == number), reverse=True)
    return [
        {
            "ID": number,
            "NAME": "Демо-компания" if number == 1 else f"{DEPARTMENTS[number % 10]} {number}",
            "SORT": 100 + seeds.mix(number, 71) % 5 * 100,
            "PARENT": parents.get(number),
            "UF_HEAD": seeds.pick("users", seeds.mix(number, 72)) if number % 4 else None,
            "LEFT_MARGIN": walk.index(number),
        }
        for number in range(1, count + 1)
    ]
