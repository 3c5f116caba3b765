"""Workflows with their templates and tasks, robotic process automation, what BI reads."""

from typing import Any, Final

from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Row
from tap_bitrix24.demo.company.timestamps import DAY
from tap_bitrix24.demo.rest_v2.lists.data.talk import select_is_array
from tap_bitrix24.demo.rest_v2.lists.entry import Entry, Owner, ParentParameter, Refusal
from tap_bitrix24.demo.rest_v2.lists.row_format import text, without_zone
from tap_bitrix24.demo.rest_v2.lists.row_values import RowDraft, fixed, numbered, one_of

_NO_TYPE: Final = Refusal("100", "Could not find value for parameter {typeId}")
_UNKNOWN_TYPE: Final = Refusal("RPA_NOT_FOUND_ERROR", "Type is not found")
_STAGES: Final = (("Начало", "FIRST", None), ("In progress", None, None), ("Success", "SUCCESS", "SUCCESS"))
_BI: Final = {"datetime": without_zone, "integer": text}


def _instances(seeds: Seeds) -> list[Row]:
    """Return the running workflows; their ids are text and not ascending."""
    return [
        {
            "ID": f"{seeds.mix(number, 3):012x}.{place:08d}",
            "MODIFIED": seeds.anchor - (place * 37 % 60) * DAY,
            "OWNED_UNTIL": None if place % 4 else seeds.anchor,
            "MODULE_ID": "crm",
            "ENTITY": "CCrmDocumentDeal",
            "DOCUMENT_ID": f"DEAL_{number}",
            "STARTED": seeds.anchor - (60 + place) * DAY,
            "STARTED_BY": seeds.pick("users", place),
            "TEMPLATE_ID": 1 + place % 3,
        }
        for place, number in enumerate(list(seeds.initial_ids["deals"])[:73])
    ]


def _nested(draft: RowDraft) -> Any:
    """Return a nested PHP array; an empty one is a list."""
    if draft.number % 3 == 0:
        return []
    return [{"Type": "SequentialWorkflowActivity", "Name": "Template", "Properties": {"Title": "Согласование"}}]


def _parameters(draft: RowDraft) -> Any:
    """Return the parameters of a template or task by their names."""
    return {"Comment": {"Name": "Комментарий", "Type": "text", "Required": "0"}} if draft.number % 2 else []


ENTRIES: Final = (
    Entry(
        method="bizproc.workflow.instances",
        table="workflow_instances",
        scope="bizproc",
        columns="""
            ID:string MODIFIED:datetime OWNED_UNTIL:datetime MODULE_ID:string ENTITY:string DOCUMENT_ID:string
            STARTED:datetime STARTED_BY:integer TEMPLATE_ID:integer
        """,
        rows=_instances,
        default_select=("ID", "MODIFIED", "OWNED_UNTIL"),
        spelling="upper",
    ),
    Entry(
        method="bizproc.task.list",
        table="workflow_tasks",
        scope="bizproc",
        columns="""
            ID:integer WORKFLOW_ID:string DOCUMENT_NAME:string DESCRIPTION:string NAME:string MODIFIED:datetime
            WORKFLOW_STARTED:datetime WORKFLOW_STARTED_BY:user OVERDUE_DATE:datetime?
            WORKFLOW_TEMPLATE_ID:integer>workflow_templates WORKFLOW_TEMPLATE_NAME:string WORKFLOW_STATE:string
            STATUS:integer USER_ID:user USER_STATUS:integer MODULE_ID:string ENTITY:string DOCUMENT_ID:string
            ACTIVITY:string ACTIVITY_NAME:string PARAMETERS:object DOCUMENT_URL:string
        """,
        count=60,
        created="WORKFLOW_STARTED",
        modified="MODIFIED",
        values={
            "WORKFLOW_ID": lambda draft: f"{draft.bits:012x}.{draft.number:08d}",
            "DOCUMENT_ID": lambda draft: f"DEAL_{draft.pick('deals')}",
            "DOCUMENT_NAME": lambda draft: f"Сделка {draft.row['ID']}",
            "WORKFLOW_STARTED": lambda draft: draft.created,
            "WORKFLOW_STATE": one_of("InProgress", None),
            "STATUS": one_of(0, 1),
            "USER_STATUS": fixed(0),
            "MODULE_ID": fixed("crm"),
            "ENTITY": fixed("CCrmDocumentDeal"),
            "ACTIVITY": fixed("ApproveActivity"),
            "ACTIVITY_NAME": lambda draft: f"A{draft.bits % 99_999}_{draft.number}",
            "PARAMETERS": _parameters,
            "DOCUMENT_URL": lambda draft: f"/crm/deal/details/{draft.row['ID']}/",
        },
        default_select=("ENTITY", "DOCUMENT_ID", "ID", "WORKFLOW_ID", "DOCUMENT_NAME", "NAME", "DOCUMENT_URL"),
        spelling="upper",
    ),
    Entry(
        method="bizproc.workflow.template.list",
        table="workflow_templates",
        scope="bizproc",
        columns="""
            ID:integer MODULE_ID:string ENTITY:string DOCUMENT_TYPE:array AUTO_EXECUTE:integer NAME:string
            TEMPLATE:array PARAMETERS:object VARIABLES:object CONSTANTS:any MODIFIED:datetime IS_MODIFIED:char
            USER_ID:user SYSTEM_CODE:string
        """,
        count=7,
        modified="MODIFIED",
        values={
            "MODULE_ID": fixed("crm"),
            "ENTITY": fixed("CCrmDocumentDeal"),
            "DOCUMENT_TYPE": lambda _: ["crm", "CCrmDocumentDeal", "DEAL"],
            "AUTO_EXECUTE": one_of(0, 1, 8),
            "TEMPLATE": _nested,
            "PARAMETERS": _parameters,
            "CONSTANTS": one_of(None, []),
            "SYSTEM_CODE": one_of("", None, "rest_app_5"),
        },
        default_select=("ID",),
        spelling="upper",
    ),
    Entry(
        method="rpa.type.list",
        table="rpa_types",
        scope="rpa",
        key="id",
        wrapper="types",
        columns="""
            id:integer name:string title:string image:string createdBy:integer>users settings:object permissions:array
        """,
        count=3,
        values={
            "name": numbered("Type{}"),
            "title": one_of("Заявки на отпуск", "Payments & fees"),
            "image": one_of("vacation", None),
            "settings": lambda draft: {"scenarios": []} if draft.number % 2 else [],
            "permissions": lambda draft: [{"id": draft.number, "action": "ITEMS_CREATE", "permission": "X"}],
        },
        filters="orm",
        paging="controller",
        form="typed",
    ),
    Entry(
        method="rpa.item.list",
        table="rpa_items",
        scope="rpa",
        key="id",
        wrapper="items",
        columns="""
            typeId:integer id:integer stageId:integer previousStageId:integer? name:string createdBy:integer>users
            updatedBy:integer>users movedBy:integer?>users createdTime:datetime updatedTime:datetime movedTime:datetime?
        """,
        owners=(Owner(table="rpa_types"),),
        owner_column="typeId",
        per=(60, 7, 0),
        created="createdTime",
        modified="updatedTime",
        values={
            "stageId": lambda draft: 3 * draft.owner + draft.bits % 3,
            "name": one_of("Отпуск", 'Item "3"', ""),
        },
        parents=(
            ParentParameter(path="typeId", column="typeId", missing=_NO_TYPE, unknown=_UNKNOWN_TYPE, table="rpa_types"),
        ),
        selects=False,
        filters="orm",
        paging="controller",
        form="typed",
    ),
    Entry(
        method="rpa.stage.listForType",
        table="rpa_stages",
        scope="rpa",
        key="id",
        wrapper="stages",
        columns="typeId:integer id:integer name:string code:string color:string sort:integer semantic:string",
        owners=(Owner(table="rpa_types"),),
        owner_column="typeId",
        per=(3,),
        values={
            "name": lambda draft: _STAGES[draft.place][0],
            "code": lambda draft: _STAGES[draft.place][1],
            "color": one_of("22B9FF", "7BD500"),
            "sort": lambda draft: 1000 * (draft.place + 1),
            "semantic": lambda draft: _STAGES[draft.place][2],
        },
        parents=(
            ParentParameter(path="typeId", column="typeId", missing=_NO_TYPE, unknown=_UNKNOWN_TYPE, table="rpa_types"),
        ),
        filters="none",
        selects=False,
        order="none",
        paging="controller",
        form="typed",
    ),
    Entry(
        method="biconnector.connector.list",
        table="bi_connectors",
        scope="biconnector",
        key="id",
        columns="""
            id:integer!* title:string! logo:string! description:string sort:integer urlCheck:string! urlData:string!
            urlTableList:string! urlTableDescription:string! settings:array dateCreate:datetime!*
        """,
        count=2,
        created="dateCreate",
        values={
            "logo": fixed("data:image/svg+xml;base64,PHN2Zz4="),
            **{
                name: fixed(f"https://bi.example/{name}?token=s3cr3t")
                for name in ("urlCheck", "urlData", "urlTableList", "urlTableDescription")
            },
            "settings": lambda draft: (
                [{"name": "Логин", "type": "STRING", "code": "login"}] if draft.number % 2 else []
            ),
        },
        check=select_is_array,
        filters="orm",
        spelling="lower",
        paging="page",
        form="typed",
        formats=_BI,
        fields_method="biconnector.connector.fields",
        fields_shape="listed",
    ),
    Entry(
        method="biconnector.dataset.list",
        table="bi_datasets",
        scope="biconnector",
        key="id",
        columns="""
            id:integer!* sourceId:integer!^>bi_sources name:string! type:string* description:string?
            externalName:string! externalCode:string! externalId:integer dateCreate:datetime!* dateUpdate:datetime!*
            createdById:integer*>users updatedById:integer*>users fields:array
        """,
        count=53,
        created="dateCreate",
        modified="dateUpdate",
        values={
            "name": numbered("sales_data_{}"),
            "type": fixed("rest"),
            "externalName": one_of("Продажи", "Sales <EU>"),
            "fields": lambda draft: [
                {"id": draft.number, "name": "AMOUNT", "externalCode": "amount", "type": "double"}
            ],
        },
        check=select_is_array,
        filters="orm",
        spelling="lower",
        paging="page",
        form="typed",
        formats=_BI,
        fields_method="biconnector.dataset.fields",
        fields_shape="listed",
    ),
)
