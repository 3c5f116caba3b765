"""CRM lists as data: requisites of companies and contacts, their bank accounts, links, templates."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from tap_bitrix24.demo.company.names import COMMENTS, FIRST_NAMES, LAST_NAMES
from tap_bitrix24.demo.company.seeds import Seeds
from tap_bitrix24.demo.company.store import Row
from tap_bitrix24.demo.rest_v2.lists.entry import Entry, Owner, ParentParameter, Refusal
from tap_bitrix24.demo.rest_v2.lists.presets import child_ids, unpaged_list, value_or_omitted
from tap_bitrix24.demo.rest_v2.lists.request import ListRequest
from tap_bitrix24.demo.rest_v2.lists.row_values import RowDraft, fixed, numbered, one_of

_CONTACT, _COMPANY = 3, 4
_RUSSIA, _GERMANY, _FRANCE = 1, 46, 134
_PRESETS: Final = {
    1: ("Организация", _RUSSIA),
    2: ("ИП", _RUSSIA),
    4: ("Kapitalgesellschaft", _GERMANY),
    7: ('Société "type"', _FRANCE),
}
_PRESET_FIELDS: Final = ("RQ_INN", "RQ_KPP", "RQ_COMPANY_NAME", "RQ_DIRECTOR", "RQ_VAT_ID", "UF_CRM_1700200001")
_BANKS: Final = ("ПАО «Север Банк»", "Rheintal Bank & Co", "", None, "Banque <Danube>")
_NAMES: Final = """
    RQ_NAME RQ_FIRST_NAME RQ_LAST_NAME RQ_SECOND_NAME RQ_COMPANY_ID RQ_COMPANY_NAME RQ_COMPANY_FULL_NAME
    RQ_COMPANY_REG_DATE RQ_DIRECTOR RQ_ACCOUNTANT RQ_CEO_NAME RQ_CEO_WORK_POS RQ_CONTACT RQ_EMAIL RQ_PHONE RQ_FAX
    RQ_IDENT_DOC RQ_IDENT_DOC_SER RQ_IDENT_DOC_NUM RQ_IDENT_DOC_PERS_NUM RQ_IDENT_DOC_DATE RQ_IDENT_DOC_ISSUED_BY
    RQ_IDENT_DOC_DEP_CODE RQ_INN RQ_KPP RQ_USRLE RQ_IFNS RQ_OGRN RQ_OGRNIP RQ_OKPO RQ_OKTMO RQ_OKVED RQ_EDRPOU RQ_DRFO
    RQ_KBE RQ_IIN RQ_BIN RQ_ST_CERT_SER RQ_ST_CERT_NUM RQ_ST_CERT_DATE RQ_VAT_ID RQ_VAT_CERT_SER RQ_VAT_CERT_NUM
    RQ_VAT_CERT_DATE RQ_RESIDENCE_COUNTRY RQ_BASE_DOC RQ_REGON RQ_KRS RQ_PESEL RQ_LEGAL_FORM RQ_SIRET RQ_SIREN
    RQ_CAPITAL RQ_RCS RQ_CNPJ RQ_STATE_REG RQ_MNPL_REG RQ_CPF
"""
_BANK_NAMES: Final = """
    RQ_BANK_NAME RQ_BANK_ADDR RQ_BANK_CODE RQ_BANK_ROUTE_NUM RQ_BIK RQ_CODEB RQ_CODEG RQ_RIB RQ_MFO RQ_ACC_NAME
    RQ_ACC_NUM RQ_ACC_TYPE RQ_AGENCY_NAME RQ_IIK RQ_ACC_CURRENCY RQ_COR_ACC_NUM RQ_IBAN RQ_SWIFT RQ_BIC
"""
_STAMPED: Final = "DATE_CREATE:datetime* DATE_MODIFY:datetime* CREATED_BY_ID:user* MODIFY_BY_ID:user*"


def _strings(names: str) -> str:
    """Return the declaration of text columns."""
    return " ".join(f"{name}:string" for name in names.split())


def _digits(count: int) -> Callable[[RowDraft], str]:
    """Return the value function of a number with ``count`` digits, as text; it may begin with zeros."""
    return lambda draft: str(draft.bits % 10**count).zfill(count)


def _seldom_told(names: str) -> Mapping[str, Callable[[RowDraft], Any]]:
    """Return the value functions of unused columns: null or empty text."""
    return dict.fromkeys(names.split(), one_of(None, ""))


def _of_company(make: Callable[[RowDraft], Any]) -> Callable[[RowDraft], Any]:
    """Return a value function for requisites of companies only."""
    return lambda draft: make(draft) if draft.row["ENTITY_TYPE_ID"] == _COMPANY else ""


def _needs_preset(request: ListRequest) -> None:
    """Refuse to list the fields of a template that does not exist."""
    number = request.at("preset.ID")
    if str(number) not in map(str, _PRESETS):
        raise Refusal("", f"The Preset with ID '{number or ''}' is not found").error()


def _requisite_of(draft: RowDraft) -> int:
    """Return the requisite of an item: one of its company's; 0 is none."""
    company = draft.pick("companies")
    found = child_ids(draft, "requisites", "ENTITY_ID", company)
    return found[0] if found and draft.bits % 3 else 0


def _account_of(draft: RowDraft) -> int:
    """Return the bank account of an item's requisite; 0 is none."""
    found = child_ids(draft, "requisite_bank_details", "ENTITY_ID", draft.row["REQUISITE_ID"])
    return found[-1] if found else 0


def _edited(draft: RowDraft) -> int | None:
    """Return when a row was edited: a new row, and some of the first ones, never were (docs/protocol.md §6)."""
    never = draft.modified == draft.created or (draft.modified <= draft.seeds.anchor and draft.bits & 1)
    return None if never else draft.modified


def _user_fields(_: Seeds) -> list[Row]:
    """Return the user fields of requisites."""
    kinds = {"string": ("1700200001", "Реестр"), "boolean": ("1700200002", "VAT checked")}
    kinds["enumeration"] = ("BRANCH", "Филиал")
    options = [
        {"ID": str(81 + place), "SORT": str(10 * place), "VALUE": value, "DEF": "N", "XML_ID": f"b{place}"}
        for place, value in enumerate(("Москва", "Wien & Umgebung"))
    ]
    return [
        {
            "ID": 900 + 2 * place,
            "ENTITY_ID": "CRM_REQUISITE",
            "FIELD_NAME": f"UF_CRM_{code}",
            "USER_TYPE_ID": kind,
            "XML_ID": None,
            "SORT": 100,
            **dict.fromkeys(("MULTIPLE", "MANDATORY", "IS_SEARCHABLE"), "N"),
            **dict.fromkeys(("SHOW_IN_LIST", "EDIT_IN_LIST"), "Y"),
            "SHOW_FILTER": "NEI"[place],
            "LIST": options if kind == "enumeration" else None,
            "SETTINGS": {"DEFAULT_VALUE": "", "ROWS": 1} if kind == "string" else [],
            **dict.fromkeys(("EDIT_FORM_LABEL", "LIST_COLUMN_LABEL", "LIST_FILTER_LABEL"), label),
            **dict.fromkeys(("ERROR_MESSAGE", "HELP_MESSAGE")),
        }
        for place, (kind, (code, label)) in enumerate(kinds.items())
    ]


_REQUISITE: Final = Entry(
    method="crm.requisite.list",
    table="requisites",
    columns=f"""
        ID:integer* ENTITY_TYPE_ID:integer!^ ENTITY_ID:integer!^ PRESET_ID:integer! {_STAMPED} NAME:string! CODE:string
        XML_ID:string ORIGINATOR_ID:string ACTIVE:char ADDRESS_ONLY:char SORT:integer {_strings(_NAMES)}
        RQ_IDENT_TYPE:crm_status RQ_VAT_PAYER:char UF_CRM_1700200001:string UF_CRM_1700200002:any UF_CRM_BRANCH:integer
    """,
    owners=(
        Owner(table="companies", also={"ENTITY_TYPE_ID": _COMPANY}),
        Owner(table="contacts", also={"ENTITY_TYPE_ID": _CONTACT}),
    ),
    owner_column="ENTITY_ID",
    per=(1, 0, 1, 0, 0, 2),
    created="DATE_CREATE",
    values={
        "DATE_MODIFY": _edited,
        **_seldom_told(_NAMES),
        "PRESET_ID": one_of(*_PRESETS),
        "NAME": lambda draft: _PRESETS[draft.row["PRESET_ID"]][0],
        "SORT": fixed(500),
        "ADDRESS_ONLY": fixed("N"),
        "RQ_NAME": one_of("", *(f"{last} {first}" for last, first in zip(LAST_NAMES, FIRST_NAMES, strict=False))),
        "RQ_FIRST_NAME": one_of("", *FIRST_NAMES[::3]),
        "RQ_COMPANY_NAME": _of_company(one_of("ООО «Север»", "Rheintal GmbH & Co", 'ИП "Чайка"')),
        "RQ_COMPANY_REG_DATE": one_of("", "12.04.2011", "2019-01-31", None),
        "RQ_DIRECTOR": _of_company(one_of("Zoë O'Brien", "Гончар Олег", "")),
        "RQ_INN": _of_company(_digits(10)),
        "RQ_KPP": _of_company(_digits(9)),
        "RQ_OGRN": _of_company(_digits(13)),
        "RQ_VAT_ID": one_of("", "DE129273398", None),
        "RQ_IDENT_TYPE": one_of("", None),
        "RQ_PHONE": one_of("", "+7 495 000-00-00; доб. 12"),
        "UF_CRM_1700200001": one_of("", None, "№ 77-<1>"),
        "UF_CRM_1700200002": one_of("0", "1", None),
        "UF_CRM_BRANCH": one_of(81, 82, None),
    },
    fields_method="crm.requisite.fields",
)
_BANK: Final = Entry(
    method="crm.requisite.bankdetail.list",
    table="requisite_bank_details",
    columns=f"""
        ID:integer* ENTITY_ID:integer!^ COUNTRY_ID:integer {_STAMPED} NAME:string! CODE:string XML_ID:string ACTIVE:char
        SORT:integer {_strings(_BANK_NAMES)} COMMENTS:string ORIGINATOR_ID:string
    """,
    owners=(Owner(table="requisites"),),
    owner_column="ENTITY_ID",
    per=(1, 0, 2),
    created="DATE_CREATE",
    values={
        "DATE_MODIFY": _edited,
        **_seldom_told(_BANK_NAMES),
        "COUNTRY_ID": one_of(_RUSSIA, _GERMANY, _FRANCE),
        "NAME": numbered("Реквизиты банка {}"),
        "SORT": fixed(500),
        "RQ_BANK_NAME": one_of(*_BANKS),
        "RQ_BIK": _digits(9),
        "RQ_ACC_NUM": _digits(20),
        "RQ_COR_ACC_NUM": _digits(20),
        "RQ_ACC_CURRENCY": one_of("RUB", "EUR", ""),
        "RQ_IBAN": one_of("", "DE89 3704 0044 0532 0130 00", None),
        "COMMENTS": one_of(*COMMENTS),
    },
    fields_method="crm.requisite.bankdetail.fields",
)
_LINK: Final = Entry(
    method="crm.requisite.link.list",
    table="requisite_links",
    key="",
    columns="""
        ENTITY_TYPE_ID:integer!^ ENTITY_ID:integer!^ REQUISITE_ID:integer! BANK_DETAIL_ID:integer!
        MC_REQUISITE_ID:integer! MC_BANK_DETAIL_ID:integer!
    """,
    owners=(
        Owner(table="deals", also={"ENTITY_TYPE_ID": 2}),
        Owner(table="quotes", also={"ENTITY_TYPE_ID": 7}),
        Owner(table="smart_invoices", also={"ENTITY_TYPE_ID": 31}),
    ),
    owner_column="ENTITY_ID",
    per=(0, 1, 0),
    values={
        "REQUISITE_ID": _requisite_of,
        "BANK_DETAIL_ID": _account_of,
        "MC_REQUISITE_ID": lambda draft: draft.one_of((0, draft.tables["requisites"].ids[0])),
        "MC_BANK_DETAIL_ID": fixed(0),
    },
    fields_method="crm.requisite.link.fields",
)

ENTRIES: Final[tuple[Entry, ...]] = (
    _REQUISITE,
    _BANK,
    _LINK,
    Entry(
        method="crm.requisite.preset.list",
        table="requisite_presets",
        columns=f"""
            ID:integer* ENTITY_TYPE_ID:integer!^ COUNTRY_ID:integer!^ NAME:string! {_STAMPED} ACTIVE:char SORT:integer
            XML_ID:string
        """,
        rows=lambda _: [
            {
                "ID": number,
                "ENTITY_TYPE_ID": 8,
                "COUNTRY_ID": country,
                "NAME": name,
                "ACTIVE": "N" if country == _FRANCE else "Y",
                "SORT": 500,
                "XML_ID": f"#CRM_REQUISITE_PRESET_DEF_{number}#" if country == _RUSSIA else None,
            }
            for number, (name, country) in _PRESETS.items()
        ],
        created="DATE_CREATE",
        values={"DATE_MODIFY": _edited},
        fields_method="crm.requisite.preset.fields",
    ),
    unpaged_list(
        "crm.requisite.preset.field.list",
        "requisite_preset_fields",
        "presetId:integer~ ID:integer* FIELD_NAME:string! FIELD_TITLE:string SORT:integer IN_SHORT_LIST:char",
        key="",
        form="typed",
        owners=(Owner(table="requisite_presets"),),
        owner_column="presetId",
        per=(5, 6, 0, 3),
        values={
            "ID": lambda draft: draft.place + 1,
            "FIELD_NAME": lambda draft: _PRESET_FIELDS[draft.place % len(_PRESET_FIELDS)],
            "FIELD_TITLE": one_of("", "ИНН / КПП", "Tax & <id>"),
            "SORT": lambda draft: 500 + 10 * draft.place,
        },
        check=_needs_preset,
        parents=(ParentParameter(path="preset.ID", column="presetId"),),
        fields_method="crm.requisite.preset.field.fields",
    ),
    unpaged_list(
        "crm.requisite.userfield.list",
        "requisite_userfields",
        """
        ID:integer* ENTITY_ID:string^ FIELD_NAME:string^ USER_TYPE_ID:string^ XML_ID:string SORT:integer MULTIPLE:char
        MANDATORY:char SHOW_FILTER:char SHOW_IN_LIST:char EDIT_IN_LIST:char IS_SEARCHABLE:char EDIT_FORM_LABEL:string
        LIST_COLUMN_LABEL:string LIST_FILTER_LABEL:string ERROR_MESSAGE:string HELP_MESSAGE:string
        LIST:uf_enum_element[] SETTINGS:object
        """,
        rows=_user_fields,
        filters="equal",
        total="count",
        formats={"LIST": value_or_omitted},
        fields_method="crm.userfield.fields",
    ),
)
