"""``/v1/userfields/{entity}``: settings of user fields, unpaged."""

from collections.abc import Iterator
from typing import Any, Final

from tap_bitrix24.demo.company.fields import Field
from tap_bitrix24.demo.portal.state import Portal
from tap_bitrix24.demo.rest_v2.api import classic_rest
from tap_bitrix24.demo.vibecode.entity import Row

OWNERS: Final = ("deals", "leads", "contacts", "companies", "quotes", "requisites")


def user_fields(portal: Portal, owner: str, wanted: dict[str, Any]) -> list[Row]:
    """Return the settings, filtered by ``userTypeId`` and ``fieldName``."""
    rows = _requisites(portal) if owner == "requisites" else _of(portal, owner)
    tests = {name: wanted[name] for name in ("userTypeId", "fieldName") if wanted.get(name)}
    return [row for row in rows if all(row[name] == value for name, value in tests.items())]


def _of(portal: Portal, owner: str) -> Iterator[Row]:
    listed = [one for one in portal.company.tables[owner].fields.values() if one.user_field]
    for place, one in enumerate(listed):
        yield _row(500 + 2 * place, f"CRM_{owner.removesuffix('s').upper()}", place, one)


def _row(number: int, owner: str, place: int, one: Field) -> Row:
    """Return one field's settings."""
    row: Row = {
        "id": number, "entityId": owner.replace("COMPANIE", "COMPANY"), "fieldName": one.name, "userTypeId": one.type,
        "multiple": "Y" if one.multiple else "N", "mandatory": "N", "sort": str(100 + 10 * place),
        "editFormLabel": {"ru": one.title, "en": one.title},
    }  # fmt: skip
    if one.options:
        row["list"] = [
            {"ID": str(key), "SORT": str(10 * index), "VALUE": text, "DEF": "N"}
            for index, (key, text) in enumerate(one.options, 1)
        ]
    return row


def _requisites(portal: Portal) -> Iterator[Row]:
    view = classic_rest(portal).view("list requisite_userfields", "requisite_userfields")
    for number in view.table.ids:
        row = view.table.row(number)
        yield {
            "id": number, "entityId": row["ENTITY_ID"], "fieldName": row["FIELD_NAME"],
            "userTypeId": row["USER_TYPE_ID"], "multiple": row["MULTIPLE"], "mandatory": row["MANDATORY"],
            "sort": str(row["SORT"]), "editFormLabel": {"ru": row["EDIT_FORM_LABEL"]},
        }  # fmt: skip
