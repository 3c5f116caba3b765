"""CRM lists as data: generated documents with their templates and numerators, and the invoices of old portals."""

from collections.abc import Sequence
from typing import Any, Final

from tap_bitrix24.demo.company.names import COMMENTS, FIRST_NAMES, LAST_NAMES, POSTS
from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Condition, Row
from tap_bitrix24.demo.company.timestamps import DAY
from tap_bitrix24.demo.rest_v2.lists.entry import Entry
from tap_bitrix24.demo.rest_v2.lists.presets import unpaged_list
from tap_bitrix24.demo.rest_v2.lists.request import ListRequest
from tap_bitrix24.demo.rest_v2.lists.row_format import text
from tap_bitrix24.demo.rest_v2.lists.row_values import RowDraft, fixed, numbered, one_of

_GENERATOR: Final = "Bitrix_Main_Numerator_Generator_SequentNumberGenerator"
_NUMERATORS: Final = ((2, "Акт (Россия)", "{NUMBER}"), (3, "Certificate <US>", "A-{NUMBER}/{YEAR}"), (7, "", ""))
_TEMPLATES: Final = (
    (11, "Счёт", "ru"),
    (12, "Offer & terms", "de"),
    (15, "Акт", "ru"),
    (21, "Alt", ""),
    (22, "Deleted", "uk"),
)
_DELETED: Final = 22
_STATUSES: Final = (
    ("N", "Черновик", "Y"),
    ("S", "Sent to client", "N"),
    ("A", "Подтверждён", "N"),
    ("P", "Оплачен", "Y"),
    ("D", "Declined", "Y"),
)


def _link(kind: str, *, machine: bool = False) -> Any:
    """Return a link to a generated file; the key in it opens the file to anybody."""
    path = "/rest/crm.documentgenerator.document.download" if machine else "/bitrix/services/main/ajax.php"

    def value(draft: RowDraft) -> str | None:
        if kind != "doc" and draft.bits % 3 == 0:
            return None
        return f"https://demo.bitrix24.example{path}?id={draft.number}&type={kind}&auth=9f3c{draft.number:04x}&token=crm%7C{draft.number}"

    return value


def _values(draft: RowDraft) -> Any:
    """Return the values of a document: an object, an empty list or null."""
    return draft.one_of(
        (None, [], {"DocumentNumber": str(draft.number), "MyCompanyTitle": "ООО «Север» <1>", "Empty": ""})
    )


def _kept(request: ListRequest) -> Sequence[Condition]:
    """Return the condition that hides deleted templates, unless the filter names ``isDeleted``."""
    given = request.spelled("filter")
    if any(str(name).lstrip("=!@") == "isDeleted" for name in given or ()):
        return ()
    return (Condition("isDeleted", "=", "N", lambda have: have == "N"),)


def _numerators(_: Seeds) -> list[Row]:
    """Return the numerators; settings lie under the generator's name."""
    settings = {"start": 1, "step": 1, "periodicBy": None, "timezone": None, "isDirectNumeration": False}
    return [
        {"id": number, "name": name, "template": template, "settings": {_GENERATOR: settings} if template else []}
        for number, name, template in _NUMERATORS
    ]


_DOCUMENTS: Final = (
    Entry(
        method="crm.documentgenerator.document.list",
        table="crm_documents",
        key="id",
        wrapper="documents",
        columns="""
            id:integer title:string number:string templateId:integer entityTypeId:integer entityId:integer>deals
            fileId:integer imageId:integer pdfId:integer createTime:datetime updateTime:datetime createdBy:integer>users
            updatedBy:integer?>users values:any downloadUrl:string imageUrl:string pdfUrl:string
            downloadUrlMachine:string pdfUrlMachine:string imageUrlMachine:string stampsEnabled:bool
        """,
        share=0.25,
        created="createTime",
        modified="updateTime",
        values={
            "title": numbered("Счёт № {} & акт"),
            "number": lambda draft: f"{draft.number:04}" if draft.bits % 5 else "",
            "templateId": one_of(11, 12, 15),
            "entityTypeId": fixed(2),
            "imageId": one_of(None, 812),
            "pdfId": one_of(None, 813),
            "values": _values,
            "downloadUrl": _link("doc"),
            "imageUrl": _link("image"),
            "pdfUrl": _link("pdf"),
            "downloadUrlMachine": _link("doc", machine=True),
            "imageUrlMachine": _link("image", machine=True),
            "pdfUrlMachine": _link("pdf", machine=True),
        },
        filters="orm",
        paging="controller",
        form="typed",
        formats={"integer": text},
    ),
    Entry(
        method="crm.documentgenerator.template.list",
        table="crm_document_templates",
        key="id",
        wrapper="templates",
        shape="keyed",
        columns="""
            id:integer name:string region:string download:string users:any entityTypeId:any downloadMachine:string
            code:string active:char moduleId:string numeratorId:integer withStamps:char isDeleted:char sort:integer
            createTime:datetime updateTime:datetime
        """,
        rows=lambda _: [
            {"id": number, "name": name, "region": region, "isDeleted": "NY"[number == _DELETED], "moduleId": "crm"}
            for number, name, region in _TEMPLATES
        ],
        created="createTime",
        modified="updateTime",
        values={
            "users": one_of([], {"UA": "UA"}),
            "entityTypeId": one_of(["2", "1"], [], ["31", "2_category_3"]),
            "code": one_of(None, "INVOICE_RU", ""),
            "numeratorId": one_of(2, 3, None),
            "sort": fixed(500),
            "download": _link("doc"),
            "downloadMachine": _link("doc", machine=True),
        },
        filters="orm",
        extra_conditions=_kept,
        paging="controller",
        form="typed",
        formats={"integer": text},
    ),
    Entry(
        method="crm.documentgenerator.numerator.list",
        table="crm_document_numerators",
        key="id",
        wrapper="numerators",
        columns="id:integer name:string template:string settings:any",
        rows=_numerators,
        filters="none",
        selects=False,
        order="none",
        paging="controller",
        form="typed",
        formats={"integer": text},
    ),
)
_WHO: Final = {"NAME": FIRST_NAMES, "LAST_NAME": LAST_NAMES, "WORK_POSITION": POSTS, "SECOND_NAME": ("", None, "J.")}
_INVOICES: Final = (
    Entry(
        method="crm.invoice.list",
        table="invoices_old",
        columns="""
            ID:integer* ACCOUNT_NUMBER:string COMMENTS:text CREATED_BY:integer*>users CURRENCY:crm_currency*
            DATE_BILL:date DATE_INSERT:datetime* DATE_MARKED:datetime DATE_PAY_BEFORE:date PAYED:char*
            DATE_PAYED:datetime*
            DATE_STATUS:datetime* DATE_UPDATE:datetime* EMP_PAYED_ID:integer* EMP_STATUS_ID:integer*>users LID:string*
            XML_ID:string ORDER_TOPIC:string! PAY_SYSTEM_ID:integer! PAY_VOUCHER_DATE:date PAY_VOUCHER_NUM:string
            PERSON_TYPE_ID:integer! PRICE:double* REASON_MARKED:string RESPONSIBLE_EMAIL:string*
            RESPONSIBLE_ID:integer>users RESPONSIBLE_LAST_NAME:string* RESPONSIBLE_LOGIN:string*
            RESPONSIBLE_NAME:string* RESPONSIBLE_PERSONAL_PHOTO:integer* RESPONSIBLE_SECOND_NAME:string*
            RESPONSIBLE_WORK_POSITION:string* STATUS_ID:crm_status TAX_VALUE:double* UF_COMPANY_ID:integer?>companies
            UF_CONTACT_ID:integer?>contacts UF_MYCOMPANY_ID:integer UF_DEAL_ID:integer>deals USER_DESCRIPTION:string
            PR_LOCATION:integer
        """,
        share=0.25,
        created="DATE_INSERT",
        modified="DATE_UPDATE",
        values={
            "ACCOUNT_NUMBER": numbered("{}/26"),
            "COMMENTS": one_of(*COMMENTS),
            "DATE_BILL": lambda draft: draft.created // DAY,
            "DATE_MARKED": fixed(None),
            "DATE_PAY_BEFORE": lambda draft: draft.created // DAY + 14 if draft.bits % 3 else None,
            "DATE_PAYED": lambda draft: draft.modified if draft.row["PAYED"] == "Y" else None,
            "EMP_PAYED_ID": lambda draft: draft.pick("users") if draft.row["PAYED"] == "Y" else None,
            "LID": fixed("s1"),
            "ORDER_TOPIC": numbered("Счёт № {} <за услуги>"),
            "PAY_SYSTEM_ID": one_of(6, 9),
            "PAY_VOUCHER_DATE": fixed(None),
            "PAY_VOUCHER_NUM": one_of("", "7-П", None),
            "PERSON_TYPE_ID": one_of(3, 4),
            "PRICE": lambda draft: draft.bits % 9_000_000 / 100,
            "REASON_MARKED": one_of("", None),
            "RESPONSIBLE_EMAIL": one_of("a.weber@example.com", ""),
            "RESPONSIBLE_LOGIN": one_of("aweber", "o'brien"),
            "RESPONSIBLE_PERSONAL_PHOTO": one_of(None, 17),
            **{f"RESPONSIBLE_{name}": one_of(*words) for name, words in _WHO.items()},
            "STATUS_ID": one_of(*(code for code, _, _ in _STATUSES)),
            "TAX_VALUE": one_of(0, 166.67),
            "UF_MYCOMPANY_ID": one_of(0, None),
            "USER_DESCRIPTION": one_of("", "Оплатить до пятницы"),
            "PR_LOCATION": fixed(None),
        },
        fields_method="crm.invoice.fields",
    ),
    Entry(
        method="crm.invoice.recurring.list",
        table="invoice_recurring_old",
        columns="""
            ID:integer* INVOICE_ID:integer!>invoices_old ACTIVE:char NEXT_EXECUTION:date* LAST_EXECUTION:date*
            COUNTER_REPEAT:integer* START_DATE:date SEND_BILL:char EMAIL_ID:integer IS_LIMIT:char LIMIT_REPEAT:integer
            LIMIT_DATE:date PARAMS:recurring_params
        """,
        count=6,
        values={
            "IS_LIMIT": one_of("N", "D", "T"),
            "EMAIL_ID": one_of(None, 6),
            "LAST_EXECUTION": one_of(None),
            "COUNTER_REPEAT": lambda draft: draft.bits % 9,
            "LIMIT_REPEAT": lambda draft: 12 if draft.row["IS_LIMIT"] == "T" else None,
            "LIMIT_DATE": lambda draft: draft.seeds.anchor // DAY + 90 if draft.row["IS_LIMIT"] == "D" else None,
            "PARAMS": one_of({"PERIOD": "2", "DAILY_INTERVAL_DAY": 1}, [], ""),
        },
        fields_method="crm.invoice.recurring.fields",
    ),
    unpaged_list(
        "crm.invoice.status.list",
        "invoice_statuses_old",
        """
        ID:integer* ENTITY_ID:string^ STATUS_ID:string!^ NAME:string! NAME_INIT:string* SORT:integer SYSTEM:char*
        """,
        total="count",
        rows=lambda _: [
            {
                "ID": 1 + 2 * place,
                "ENTITY_ID": "INVOICE_STATUS",
                "STATUS_ID": code,
                "NAME": name,
                "NAME_INIT": name if system == "Y" else "",
                "SORT": 10 * (place + 1),
                "SYSTEM": system,
            }
            for place, (code, name, system) in enumerate(_STATUSES)
        ],
        fields_method="crm.invoice.status.fields",
    ),
)
ENTRIES: Final[tuple[Entry, ...]] = (*_DOCUMENTS, *_INVOICES)
