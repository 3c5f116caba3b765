"""Tasks, users, departments and the methods about the portal itself."""

from typing import Any, Final

from tap_bitrix24.demo.company.store import Order
from tap_bitrix24.demo.company.timestamps import server_iso
from tap_bitrix24.demo.company.work import TASK_USER_FIELDS
from tap_bitrix24.demo.portal.errors import RestError
from tap_bitrix24.demo.rest_v2 import filters_strict, paging, php
from tap_bitrix24.demo.rest_v2.calls import Answer, Call, Method, legacy_order, names, paged
from tap_bitrix24.demo.rest_v2.work_rows import describe_tasks

_ALWAYS_BESIDE: Final = {
    "GROUP_ID": ("group",),
    "CREATED_BY": ("creator",),
    "RESPONSIBLE_ID": ("responsible",),
    "ACCOMPLICES": ("accomplicesData",),
    "AUDITORS": ("auditorsData",),
    "STATUS": ("subStatus",),
    "DESCRIPTION": ("descriptionInBbcode",),
}
_FILES_TRIO: Final = TASK_USER_FIELDS[:3]
_LABELLED: Final = {"user.fields": "users", "department.fields": "departments"}
_BRIEF_NAMES: Final = """
    ID XML_ID ACTIVE NAME LAST_NAME SECOND_NAME TITLE IS_ONLINE TIME_ZONE TIMESTAMP_X LAST_ACTIVITY_DATE
    PERSONAL_GENDER PERSONAL_PHOTO WORK_POSITION UF_DEPARTMENT USER_TYPE
"""
_BASIC_NAMES: Final = """
    EMAIL DATE_REGISTER LAST_LOGIN PERSONAL_BIRTHDAY PERSONAL_CITY PERSONAL_PHONE PERSONAL_MOBILE WORK_PHONE
    UF_PHONE_INNER UF_EMPLOYMENT_DATE
"""
_BRIEF: Final = frozenset(_BRIEF_NAMES.split())
_BASIC: Final = _BRIEF | frozenset(_BASIC_NAMES.split())
_DEPARTMENT_SERVICE: Final = frozenset(("ORDER", "FILTER", "START", "order", "sort", "filter", "start"))
_DEPARTMENT_KEYS: Final = ("ID", "NAME", "SORT", "PARENT", "UF_HEAD")


def _tasks(call: Call) -> Answer:
    """Return the answer of ``tasks.task.list``: paged by a controller over rows of a classic list."""
    table = call.table("tasks")
    given = call.given_filter(call.spelled("filter"))
    conditions = call.conditions(filters_strict.tasks(table.fields, given))
    find = call.ordered(table, conditions, _task_order(call))
    page = paging.controller(find, call.start, outer_start=call.outer_start, wraps=True)
    rows = call.rows(call.api.view("tasks", "tasks"), page, _task_select(call))
    return paged({"tasks": rows}, rows, page)


def _task_order(call: Call) -> Order:
    """Return the order: known names in any case; an unknown one is an error."""
    given = call.spelled("order")
    known = call.table("tasks").fields
    order = []
    for name, direction in given.items() if isinstance(given, dict) else ():
        upper = {"REAL_STATUS": "STATUS"}.get(str(name).upper(), str(name).upper())
        if upper not in known:
            raise RestError(code="0", text=f"Order field {name} is not allowed")
        order.append((upper, str(direction).upper().startswith("DESC")))
    return tuple(order)


def _task_select(call: Call) -> frozenset[str] | None:
    """Return the selected fields: by default all but user fields; one of the three file fields selects all three."""
    fields = call.table("tasks").fields
    given = list(names(call.spelled("select")) or ())
    if any(not isinstance(name, str) for name in given):
        raise RestError(code="0", text="Invalid select data")
    wanted = {str(name).upper() for name in given} or {"*"}
    if "UF_*" in wanted:
        wanted.update(TASK_USER_FIELDS)
    if "*" in wanted:
        wanted.update(name for name in fields if not name.startswith("UF_"))
        wanted.add("TAGS")
    if wanted & set(_FILES_TRIO):
        wanted.update(_FILES_TRIO)
    beside = [key for name, keys in _ALWAYS_BESIDE.items() if name in wanted for key in keys]
    tags = ["tags"] if "TAGS" in wanted else []
    return frozenset(("id", *beside, *tags, *(one.item for name, one in fields.items() if name in wanted)))


def _task(call: Call) -> Answer:
    """Return the answer of ``tasks.task.get``; an unknown task gives an empty list, not an error."""
    number = php.intval(call.parameter("taskId", "id"))
    if not call.table("tasks").holds(number):
        return Answer([])
    return Answer({"task": call.api.view("tasks", "tasks").row(number)})


def _task_fields(call: Call) -> Answer:
    """Return the answer of ``tasks.task.getFields``."""
    return Answer(describe_tasks(call.table("tasks").fields))


def _users(call: Call) -> Answer:
    """Return the answer of ``user.get``; without rows it has no ``total``."""
    table, switches = call.table("users"), call.portal.switches
    folded = {str(name).upper(): value for name, value in call.params.items()}
    given = folded.get("FILTER")
    if not isinstance(given, dict):
        service = {"FILTER", "SORT", "ORDER", "START", "SELECT", "ADMIN_MODE", "NAV_PARAMS"}
        given = {name: value for name, value in folded.items() if name not in service}
    given = call.given_filter(given)
    prefixes = switches["user_get_prefixes"] == "new"
    conditions = call.conditions(filters_strict.users(table.fields, given, prefixes=prefixes))
    find = call.ordered(table, conditions, _user_order(call, folded))
    page = paging.offset(find, call.start, can_skip_count=switches["user_get_no_count"] == "new")
    rows = call.rows(call.api.view("users", "users"), page, _user_select(call, folded.get("SELECT")))
    answer = paged(rows, rows, page)
    if not len(rows):
        answer.total = None
    return answer


def _user_order(call: Call, folded: dict[str, Any]) -> Order:
    """Return the order of SORT and ORDER, two strings of which one alone is ignored."""
    sort, order = folded.get("SORT"), folded.get("ORDER")
    if isinstance(sort, str) and isinstance(order, str) and sort.upper() in call.table("users").fields:
        return ((sort.upper(), order.upper() == "DESC"),)
    return ()


def _user_select(call: Call, given: Any) -> frozenset[str] | None:
    """Return the columns of SELECT (newest servers); unknown names, and those outside the scope, are ignored."""
    wanted = {str(name).upper() for name in names(given) or ()}
    allowed = _user_columns(call)
    if not wanted or "*" in wanted:
        return allowed
    return frozenset({*wanted, "ID"} if allowed is None else {*wanted, "ID"} & allowed)


def _user_columns(call: Call) -> frozenset[str] | None:
    """Return the columns that the webhook's widest user scope allows; None is all."""
    scopes = call.portal.scopes
    if "user" in scopes:
        return None
    return _BASIC if "user_basic" in scopes else _BRIEF


def _departments(call: Call) -> Answer:
    """Return the answer of ``department.get``: exact keys only, at the top level or in FILTER."""
    table = call.table("departments")
    inside = call.params.get("FILTER")
    source = inside if isinstance(inside, dict) else call.params
    wanted = {name: value for name, value in source.items() if str(name) not in _DEPARTMENT_SERVICE}
    folded = {str(name).upper(): value for name, value in source.items() if str(name).upper() in {"SORT", "ORDER"}}
    sort = str(folded.get("SORT", ""))
    if sort in _DEPARTMENT_KEYS:
        wanted.pop("SORT", None)
    conditions = call.conditions(filters_strict.departments(table.fields, call.given_filter(wanted)))
    order = legacy_order(table, {sort: folded.get("ORDER", "ASC")} if sort in _DEPARTMENT_KEYS else None)
    find = call.ordered(table, conditions, order or (("LEFT_MARGIN", False),))
    page = paging.legacy(find, call.start)
    rows = call.rows(call.api.view("departments", "departments"), page, None)
    return paged(rows, rows, page)


def _labels(call: Call) -> Answer:
    """Return the answer of ``user.fields`` or ``department.fields``: names and labels, no types."""
    table = call.table(_LABELLED[call.method])
    allowed = _user_columns(call) if table.name == "users" else None
    return Answer({name: one.title for name, one in table.fields.items() if allowed is None or name in allowed})


def _current_user(call: Call) -> Answer:
    """Return the answer of ``user.current``: some times come in the portal's display format."""
    row = call.api.view("users", "users").row(1)
    return Answer(row | {"LAST_ACTIVITY_DATE": "2026-11-02 08:59:00", "TIMESTAMP_X": "02.11.2026 08:59:00"})


def _profile(call: Call) -> Answer:
    """Return the answer of ``profile``."""
    row = call.api.view("users", "users").row(1)
    picked = {name: row[name] for name in ("ID", "NAME", "LAST_NAME", "PERSONAL_GENDER")}
    return Answer({**picked, "ADMIN": True, "TIME_ZONE": ""})


def _server_time(call: Call) -> Answer:
    """Return the answer of ``server.time``."""
    return Answer(server_iso(int(call.portal.now())))


def _scope(call: Call) -> Answer:
    """Return the answer of ``scope``."""
    return Answer(list(call.portal.scopes))


def _methods(call: Call) -> Answer:
    """Return the answer of ``methods``."""
    return Answer(call.api.known_methods())


def _method_get(call: Call) -> Answer:
    """Return the answer of ``method.get``."""
    known = str(call.parameter("name") or "").lower() in {name.lower() for name in call.api.known_methods()}
    return Answer({"isExisting": known, "isAvailable": known})


def _app_info(_: Call) -> Answer:
    """Return the answer of ``app.info``."""
    return Answer({"SCOPE": [], "LICENSE": "demo", "LANGUAGE_ID": "en", "INSTALLED": True})


def methods() -> list[Method]:
    """Return all these methods."""
    return [
        Method("tasks.task.list", "task", _tasks),
        Method("tasks.task.get", "task", _task),
        Method("tasks.task.getFields", "task", _task_fields),
        Method("user.get", "user", _users),
        Method("user.fields", "user", _labels),
        Method("user.current", "user", _current_user, typed=False),
        Method("profile", None, _profile, typed=False),
        Method("department.get", "department", _departments, typed=False),
        Method("department.fields", "department", _labels, typed=False),
        Method("server.time", None, _server_time, typed=False),
        Method("scope", None, _scope, typed=False),
        Method("methods", None, _methods, typed=False),
        Method("method.get", None, _method_get, typed=False),
        Method("app.info", None, _app_info, typed=False),
    ]
