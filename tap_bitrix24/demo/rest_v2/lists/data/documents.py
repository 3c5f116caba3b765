"""Generated documents, their templates, numerators, roles and regions; mail services, agreements, AI engines."""

from typing import Any, Final

from tap_bitrix24.demo.company.store import Row
from tap_bitrix24.demo.rest_v2.lists.entry import Entry
from tap_bitrix24.demo.rest_v2.lists.row_format import text, text_or_omitted
from tap_bitrix24.demo.rest_v2.lists.row_values import RowDraft, fixed, numbered, one_of

_SEQUENCE: Final = "Bitrix_Main_Numerator_Generator_SequentNumberGenerator"
_REGIONS: Final = (("de", "Germany", "de"), ("uk", "United Kingdom", "en"), ("kz", "Казахстан", "ru"))
_FORMATS: Final = ("formatDate", "formatDatetime", "formatName")


def _file(kind: str) -> str:
    """Return the beginning of a link to a document's file; the link holds the token that opens it."""
    return f"https://demo.example/bitrix/services/main/ajax.php?action=document.get{kind}&signature=s3cr3t&id="


def _machine(kind: str) -> str:
    """Return the beginning of a link to a document's file for programs; it holds a session token."""
    return f"https://demo.example/rest/documentgenerator.api.document.get{kind}.json?auth=s3cr3t&token=s3cr3t&id="


def _link(start: str) -> Any:
    """Return the value function of a link; some documents have no such file."""
    return lambda draft: None if draft.number % 5 == 0 else f"{start}{draft.number}"


def _values(draft: RowDraft) -> Any:
    """Return the values a document was filled with."""
    return (None, [], {"DocumentNumber": f"DG-{draft.number}", "Сумма": "1 000 ₽"})[draft.number % 3]


def _numerator(draft: RowDraft) -> Row:
    """Return the settings of a numerator."""
    zone = None if draft.number % 2 else "Europe/Berlin"
    return {_SEQUENCE: {"start": 1, "step": 1, "length": 0, "periodicBy": None, "timezone": zone}}


ENTRIES: Final = (
    Entry(
        method="documentgenerator.document.list",
        table="documents",
        scope="documentgenerator",
        key="id",
        wrapper="documents",
        columns="""
            id:integer title:string number:string templateId:integer>document_templates provider:string value:string
            fileId:integer imageId:integer? pdfId:integer? createTime:datetime updateTime:datetime values:any
            createdBy:integer>users updatedBy:integer?>users downloadUrl:string pdfUrl:string imageUrl:string
            stampsEnabled:bool downloadUrlMachine:string pdfUrlMachine:string imageUrlMachine:string
        """,
        count=70,
        created="createTime",
        modified="updateTime",
        values={
            "title": numbered("Договор № {} & приложение"),
            "number": numbered("DG-2026-{}"),
            "provider": fixed("bitrix\\documentgenerator\\dataprovider\\rest"),
            "values": _values,
            "downloadUrl": _link(_file("file")),
            "pdfUrl": _link(_file("pdf")),
            "imageUrl": _link(_file("image")),
            "downloadUrlMachine": _link(_machine("file")),
            "pdfUrlMachine": _link(_machine("pdf")),
            "imageUrlMachine": _link(_machine("image")),
        },
        filters="orm",
        paging="controller",
        form="typed",
        formats={"integer": text},
    ),
    Entry(
        method="documentgenerator.template.list",
        table="document_templates",
        scope="documentgenerator",
        key="id",
        wrapper="templates",
        columns="""
            id:integer active:char name:string code:string region:string sort:integer createTime:datetime
            updateTime:datetime createdBy:integer>users updatedBy:integer?>users moduleId:string fileId:integer
            bodyType:string numeratorId:integer>document_numerators withStamps:char productsTableVariant:string
            isDeleted:char isDefault:char download:string downloadMachine:string users:array providers:array
        """,
        count=6,
        created="createTime",
        modified="updateTime",
        values={
            "name": one_of("Договор поставки", "Invoice <EU>"),
            "code": one_of(None, "REST_TEMPLATE"),
            "region": one_of("ru", "de"),
            "moduleId": fixed("rest"),
            "bodyType": fixed("Bitrix\\DocumentGenerator\\Body\\Docx"),
            "productsTableVariant": fixed(""),
            "download": numbered("/bitrix/services/main/ajax.php?action=template.download&signature=s3cr3t&id={}"),
            "downloadMachine": numbered("https://demo.example/rest/template.download.json?auth=s3cr3t&id={}"),
            "users": lambda draft: ["UA"] if draft.number % 2 else [f"U{draft.pick('users')}"],
            "providers": lambda draft: ["bitrix\\documentgenerator\\dataprovider\\rest"] if draft.number % 3 else [],
        },
        filters="orm",
        paging="controller",
        shape="keyed",
        form="typed",
        formats={"integer": text},
    ),
    Entry(
        method="documentgenerator.numerator.list",
        table="document_numerators",
        scope="documentgenerator",
        key="id",
        wrapper="numerators",
        columns="id:integer name:string template:string code:string? settings:object",
        count=55,
        values={
            "name": one_of("Общий", "Invoices & offers"),
            "template": one_of("{NUMBER}", "INV-{YEAR}-{NUMBER}"),
            "settings": _numerator,
        },
        filters="none",
        selects=False,
        order="none",
        paging="controller",
        form="typed",
        formats={"integer": text},
    ),
    Entry(
        method="documentgenerator.role.list",
        table="document_roles",
        scope="documentgenerator",
        key="id",
        wrapper="roles",
        columns="id:integer name:string code:string",
        rows=lambda _: [
            {"id": 1, "name": "Administrator", "code": "ADMIN"},
            {"id": 3, "name": "Менеджер", "code": "MANAGER"},
            {"id": 7, "name": "", "code": None},
        ],
        filters="none",
        selects=False,
        order="none",
        paging="controller",
        form="typed",
    ),
    Entry(
        method="documentgenerator.region.list",
        table="document_regions",
        scope="documentgenerator",
        key="code",
        wrapper="regions",
        columns="id:own code:string title:string languageId:string formatDate:own formatDatetime:own formatName:own",
        rows=lambda _: [
            *({"code": code, "title": title, "languageId": language} for code, title, language in _REGIONS),
            {
                "id": 1,
                "code": "1",
                "title": "Germany (Custom)",
                "languageId": "de",
                "formatDate": "DD.MM.YYYY",
                "formatDatetime": "DD.MM.YYYY HH:MI:SS",
                "formatName": "#LAST_NAME# #NAME#",
            },
        ],
        values=dict.fromkeys(("id", *_FORMATS), fixed(None)),
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
        shape="keyed",
        form="typed",
        formats={"own": text_or_omitted},
    ),
    Entry(
        method="userconsent.agreement.list",
        table="user_consent_agreements",
        scope="userconsent",
        columns="ID:integer NAME:string ACTIVE:char LANGUAGE_ID:string",
        count=4,
        values={"NAME": one_of("Согласие на рассылку", "Terms & conditions"), "LANGUAGE_ID": one_of("ru", "de", "")},
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
    ),
    Entry(
        method="ai.engine.list",
        table="ai_engines",
        scope="ai_admin",
        key="id",
        columns="""
            id:integer app_code:string name:string code:string category:string completions_url:string settings:object
            date_create:integer
        """,
        count=3,
        created="date_create",
        values={
            "app_code": fixed("local.demo"),
            "name": numbered("Acme GPT «{}»"),
            "code": numbered("acme_{}"),
            "category": one_of("text", "image"),
            "completions_url": numbered("https://ai.example/v1/complete?token=s3cr3t&engine={}"),
            "settings": lambda draft: (
                {"code_alias": "ChatGPT", "model_context_limit": 15_666} if draft.number % 2 else []
            ),
            "date_create": lambda draft: draft.created,
        },
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
        form="typed",
    ),
    Entry(
        method="mailservice.list",
        table="mail_services",
        scope="mailservice",
        columns="""
            ID:integer SITE_ID:string ACTIVE:char SORT:integer NAME:string SERVER:string PORT:integer ENCRYPTION:char
            LINK:string ICON:string SMTP_SERVER:string? SMTP_PORT:integer? SMTP_LOGIN_AS_IMAP:char
            SMTP_PASSWORD_AS_IMAP:char SMTP_ENCRYPTION:char? UPLOAD_OUTGOING:char?
        """,
        count=4,
        values={
            "SITE_ID": fixed("s1"),
            "SORT": fixed(100),
            "NAME": one_of("gmail", "Почта офиса", "imap"),
            "SERVER": fixed("imap.example.com"),
            "PORT": fixed(993),
            "LINK": one_of("https://mail.example.com/", ""),
            "ICON": fixed("https://demo.example/icon.png"),
            "SMTP_SERVER": fixed("smtp.example.com"),
            "SMTP_PORT": fixed(465),
        },
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
        fields_method="mailservice.fields",
        fields_shape="labels",
        titles={"ID": "ID", "SITE_ID": "Сайт", "ACTIVE": "Активность", "NAME": "Название", "SERVER": "Server Address"},
    ),
)
