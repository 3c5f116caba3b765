"""Tasks, users, departments and stage history as the methods of classic REST write them (docs/protocol.md §6)."""

from collections.abc import Callable
from typing import Any

from tap_bitrix24.demo.company.fields import Field, documented
from tap_bitrix24.demo.company.names import FIRST_NAMES, LAST_NAMES
from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Row
from tap_bitrix24.demo.company.timestamps import DAY, date_iso, server_iso, user_iso
from tap_bitrix24.demo.rest_v2 import php


def show_task(seeds: Seeds, fields: dict[str, Field]) -> Any:
    """Return the function that writes a task: camel case, text, the API user's zone, users as objects."""

    def show(row: Row) -> Row:
        shown: Row = {}
        for name, described in fields.items():
            value = row.get(name)
            if described.type == "datetime":
                value = user_iso(value) if type(value) is int else None
            elif type(value) is int:
                value = str(value)
            elif name in {"ACCOMPLICES", "AUDITORS"}:
                value = [str(one) for one in value or ()]
            elif value is None and described.type == "enum":
                value = None if name == "FORKED_BY_TEMPLATE_ID" else "N"
            shown[described.item] = value
        shown["subStatus"] = shown["status"]
        shown["descriptionInBbcode"] = "Y"
        shown["group"] = _group(row["GROUP_ID"])
        shown["creator"], shown["responsible"] = (
            _person(seeds, row["CREATED_BY"]),
            _person(seeds, row["RESPONSIBLE_ID"]),
        )
        shown["accomplicesData"] = {str(one): _person(seeds, one) for one in row["ACCOMPLICES"]} or []
        shown["auditorsData"] = {str(one): _person(seeds, one) for one in row["AUDITORS"]} or []
        shown["tags"] = {str(key): {"id": key, "title": title} for key, title in row["TAGS"]} or []
        return shown

    return show


def _group(number: int) -> Any:
    """Return the project of a task: an object, or an empty list."""
    if not number:
        return []
    return {
        "id": str(number),
        "name": f"Проект {number}",
        "opened": True,
        "membersCount": 3,
        "image": "",
        "additionalData": [],
    }


def _person(seeds: Seeds, number: int) -> Row:
    """Return the short form of a user within a task."""
    drawn = seeds.mix(number, 61)
    name = f"{FIRST_NAMES[drawn % len(FIRST_NAMES)]} {LAST_NAMES[(drawn >> 9) % len(LAST_NAMES)]}"
    link = f"/company/personal/user/{number}/"
    return {
        "id": str(number),
        "name": name,
        "link": link,
        "icon": "/bitrix/images/tasks/default_avatar.png",
        "workPosition": "",
    }


def user_show(switches: dict[str, str]) -> Callable[[Row], Row]:
    """Return the function that writes a user: no keys without a value, two times are empty objects."""

    def show(row: Row) -> Row:
        shown = {name: value for name, value in row.items() if value is not None}
        shown["ID"] = str(row["ID"])
        login = row["LAST_LOGIN"]
        shown["LAST_LOGIN"] = server_iso(login) if switches["last_login"] == "datetime" else date_iso(login // DAY)
        shown["DATE_REGISTER"] = date_iso(row["DATE_REGISTER"] // DAY)
        shown["TIMESTAMP_X"], shown["LAST_ACTIVITY_DATE"] = {}, {}
        for name in ("PERSONAL_BIRTHDAY", "UF_EMPLOYMENT_DATE"):
            shown[name] = "" if row.get(name) is None else date_iso(row[name])
        shown["UF_DEPARTMENT"] = row["UF_DEPARTMENT"] or False
        return shown

    return show


def show_department(row: Row) -> Row:
    """Return a department as answers have it: ids as text, SORT as a number, parent and head only where set."""
    shown = {"ID": str(row["ID"]), "NAME": row["NAME"], "SORT": row["SORT"]}
    return shown | {name: str(row[name]) for name in ("PARENT", "UF_HEAD") if row[name] is not None}


def show_history(row: Row) -> Row:
    """Return a row of stage history as answers have it: numbers stay numbers."""
    return row | {"CREATED_TIME": server_iso(row["CREATED_TIME"])}


def describe_tasks(fields: dict[str, Field]) -> php.Array:
    """Return the answer of ``tasks.task.getFields``; ``values`` may be a map or a list."""
    listed = documented()["task"]
    return {
        "fields": {name: listed.get(name) or {"title": one.title, "type": one.type} for name, one in fields.items()}
    }
