"""CRM lists as data: bindings of activities and comments, timeline icons, recurring deals, call lists."""

from typing import Any, Final

from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Row
from tap_bitrix24.demo.rest_v2.lists.entry import Entry, Owner, ParentParameter, Refusal
from tap_bitrix24.demo.rest_v2.lists.presets import unpaged_list
from tap_bitrix24.demo.rest_v2.lists.request import ListRequest
from tap_bitrix24.demo.rest_v2.lists.row_values import RowDraft, one_of

_LEAD, _CONTACT, _COMPANY = 1, 3, 4
_NO_ACTIVITY: Final = Refusal("100", "Could not find value for parameter {activityId}")
_UNKNOWN: Final = Refusal("NOT_FOUND", "Element not found")
_NO_OWNER: Final = Refusal("", "OWNER_ID is not defined or invalid.")
_NO_LIST: Final = Refusal("LIST_ID_ERROR", "List id should be positive")
_BADGES: Final = (
    ("call_missed", "Пропущен", "звонок", "failure"),
    ("paid", "Оплата", "Paid <in full>", "success"),
    ("plain", "", "Без подписи", "secondary"),
)
_ADDRESS_TYPES: Final = {11: "Shipping address", 1: "Фактический адрес", 6: "Юридический адрес", 9: "Billing & VAT"}


def _binding(name: str) -> Any:
    """Return type or id of an activity's binding: the first leads to its owner, further ones to clients."""

    def value(draft: RowDraft) -> int:
        if draft.place == 0:
            activity = draft.tables["activities"].row(draft.owner)
            return int(activity["OWNER_TYPE_ID" if name == "entityTypeId" else "OWNER_ID"])
        kind, table = ((_CONTACT, "contacts"), (_COMPANY, "companies"))[draft.place % 2]
        return kind if name == "entityTypeId" else draft.pick(table)

    return value


def _bound(name: str) -> Any:
    """Return type or id of a comment's binding: to the item it was written on, or to a contact."""

    def value(draft: RowDraft) -> Any:
        if draft.place == 0:
            return draft.tables["timeline_comments"].row(draft.owner)[name]
        return "contact" if name == "ENTITY_TYPE" else draft.pick("contacts")

    return value


def _icons(*own: str) -> Any:
    """Return icons: system ones have no file, own ones a link with a token."""

    def rows(_: Seeds) -> list[Row]:
        listed = [(code, True, "") for code in ("call", "info", "mail-outcome")]
        link = "https://demo.bitrix24.example/bitrix/services/main/ajax.php?action=crm.icon.get&code={}&token=aWM6{}"
        listed += [(code, False, link.format(code, place)) for place, code in enumerate(own, 41)]
        return [{"code": code, "isSystem": system, "fileUri": uri} for code, system, uri in listed]

    return rows


def _call_list_items(draft: RowDraft) -> int:
    """Return the item to be called; no item occurs twice in one call list."""
    ids = draft.tables["contacts" if draft.row["ENTITY_TYPE"] == _CONTACT else "companies"].ids
    return ids[(draft.owner * 7 + draft.place) % len(ids)]


def _needs_call_list(request: ListRequest) -> None:
    """Refuse a request without a call list."""
    if not str(request.at("LIST_ID") or "").isdigit():
        raise _NO_LIST.error()


_RECURRING: Final = Entry(
    method="crm.deal.recurring.list",
    table="recurring_deals",
    key="id",
    request_names="upper",
    columns="""
        id:integer* deal_id:integer!>deals based_id:integer>deals ACTIVE:char category_id:integer IS_LIMIT:char
        COUNTER_REPEAT:integer LIMIT_REPEAT:integer LIMIT_DATE:date START_DATE:date NEXT_EXECUTION:date
        LAST_EXECUTION:date PARAMS:recurring_params
    """,
    count=14,
    values={
        "category_id": one_of(0, 3, 5),
        "IS_LIMIT": one_of("N", "D", "T"),
        "COUNTER_REPEAT": lambda draft: draft.bits % 30,
        "LIMIT_REPEAT": lambda draft: 12 if draft.row["IS_LIMIT"] == "T" else None,
        "LIMIT_DATE": lambda draft: draft.seeds.anchor // 86_400 + 90 if draft.row["IS_LIMIT"] == "D" else None,
        "LAST_EXECUTION": lambda draft: None if draft.number % 3 else draft.created // 86_400,
        "PARAMS": lambda draft: [] if draft.number % 4 == 0 else {"MODE": "1", "MULTIPLE_TYPE": 2, "PERIOD": "<7>"},
    },
    fields_method="crm.deal.recurring.fields",
    describe=lambda _, shown: {name.upper(): one for name, one in shown.items()},
)
_CALLS: Final = (
    Entry(
        method="crm.calllist.list",
        table="call_lists",
        columns="""
            ID:integer DATE_CREATE:datetime CREATED_BY_ID:integer>users WEBFORM_ID:integer ENTITY_TYPE_ID:integer
        """,
        count=12,
        created="DATE_CREATE",
        values={"WEBFORM_ID": one_of(None, None, 4), "ENTITY_TYPE_ID": one_of(_CONTACT, _COMPANY)},
        filters="orm",
        filter_error="100",
        spelling="upper",
        paging="unpaged",
        total="absent",
    ),
    unpaged_list(
        "crm.calllist.items.get",
        "call_list_items",
        "LIST_ID:integer~ ENTITY_TYPE:integer ID:integer STATUS:string",
        key="",
        form="typed",
        owners=(Owner(table="call_lists"),),
        owner_column="LIST_ID",
        per=(3, 0, 7),
        values={
            "ENTITY_TYPE": lambda draft: draft.tables["call_lists"].row(draft.owner)["ENTITY_TYPE_ID"],
            "ID": _call_list_items,
            "STATUS": one_of("IN_WORK", "SUCCESS", "WRONG_NUMBER", ""),
        },
        check=_needs_call_list,
        parents=(ParentParameter(path="LIST_ID", column="LIST_ID"),),
    ),
    unpaged_list(
        "crm.calllist.statuslist",
        "call_list_statuses",
        "ID:integer NAME:string SORT:integer STATUS_ID:string",
        rows=lambda _: [
            {"ID": 5 + place, "NAME": name, "SORT": 10 * place, "STATUS_ID": code}
            for place, (code, name) in enumerate(
                (("IN_WORK", "В работе"), ("SUCCESS", "Success"), ("WRONG_NUMBER", "Номер не тот"), ("STOP", ""))
            )
        ],
    ),
)

ENTRIES: Final[tuple[Entry, ...]] = (
    _RECURRING,
    *_CALLS,
    unpaged_list(
        "crm.activity.binding.list",
        "crm_activity_bindings",
        "activityId:integer~ entityTypeId:integer entityId:integer",
        key="",
        form="typed",
        owners=(Owner(table="activities"),),
        owner_column="activityId",
        per=(1, 1, 2, 0, 3),
        values={name: _binding(name) for name in ("entityTypeId", "entityId")},
        parents=(
            ParentParameter(
                path="activityId", column="activityId", missing=_NO_ACTIVITY, unknown=_UNKNOWN, table="activities"
            ),
        ),
    ),
    unpaged_list(
        "crm.activity.badge.list",
        "crm_activity_badges",
        "code:string title:string value:string type:string",
        key="code",
        form="typed",
        wrapper="badges",
        rows=lambda _: [dict(zip(("code", "title", "value", "type"), one, strict=True)) for one in _BADGES],
    ),
    unpaged_list(
        "crm.timeline.bindings.list",
        "crm_timeline_bindings",
        "OWNER_ID:integer!^ ENTITY_ID:integer!^ ENTITY_TYPE:string!^",
        key="",
        total="count",
        owners=(Owner(table="timeline_comments"),),
        owner_column="OWNER_ID",
        per=(1, 2, 1),
        values={name: _bound(name) for name in ("ENTITY_ID", "ENTITY_TYPE")},
        parents=(ParentParameter(path="filter.OWNER_ID", column="OWNER_ID", missing=_NO_OWNER),),
        fields_method="crm.timeline.bindings.fields",
    ),
    unpaged_list(
        "crm.timeline.icon.list",
        "crm_timeline_icons",
        "code:string isSystem:bool fileUri:string",
        key="code",
        form="typed",
        wrapper="icons",
        total="count",
        rows=_icons("own_truck", "свой-значок"),
    ),
    unpaged_list(
        "crm.timeline.logo.list",
        "crm_timeline_logos",
        "code:string isSystem:bool fileUri:string",
        key="code",
        form="typed",
        wrapper="logos",
        total="count",
        rows=_icons("own_logo"),
    ),
    unpaged_list(
        "crm.enum.addresstype",
        "crm_enum_address_types",
        "ID:int* NAME:string* SYMBOL_CODE:string* SYMBOL_CODE_SHORT:string*",
        form="typed",
        rows=lambda _: [
            {"ID": number, "NAME": name, "SYMBOL_CODE": None, "SYMBOL_CODE_SHORT": None}
            for number, name in _ADDRESS_TYPES.items()
        ],
        fields_method="crm.enum.fields",
    ),
    unpaged_list(
        "crm.enum.activitytype",
        "crm_enum_activity_types",
        "ID:int* NAME:string*",
        form="typed",
        rows=lambda _: [{"ID": 1, "NAME": "Встреча"}, {"ID": 2, "NAME": "Звонок"}, {"ID": 6, "NAME": "Custom"}],
    ),
    unpaged_list(
        "crm.duplicate.volatileType.list",
        "crm_duplicate_volatile_types",
        "id:integer entityTypeId:integer fieldCode:string",
        key="id",
        form="typed",
        rows=lambda _: [
            {"id": number, "entityTypeId": kind, "fieldCode": code}
            for number, kind, code in (
                (3355, _LEAD, "TITLE"),
                (3356, _CONTACT, "UF_CRM_1708963001"),
                (3360, _COMPANY, "RQ.RQ_INN|1"),
            )
        ],
    ),
    Entry(
        method="crm.automatedsolution.list",
        table="automated_solutions",
        key="id",
        wrapper="automatedSolutions",
        columns="id:integer* title:string! typeIds:crm_dynamic_type[]",
        rows=lambda _: [{"id": 238, "title": "HR"}, {"id": 240, "title": "Логистика <2>"}, {"id": 251, "title": ""}],
        values={"typeIds": lambda draft: list(draft.tables["types"].ids[: draft.number % 3])},
        filters="orm",
        paging="controller",
        form="typed",
        fields_method="crm.automatedsolution.fields",
    ),
)
