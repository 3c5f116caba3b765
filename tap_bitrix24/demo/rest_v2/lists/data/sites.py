"""Sites, pages, templates, blocks on pages, roles, blocks of partners. All arguments lie in ``params``."""

from typing import Any, Final

from tap_bitrix24.demo.rest_v2.lists.entry import Entry, Owner, ParentParameter, Refusal
from tap_bitrix24.demo.rest_v2.lists.row_format import display_format
from tap_bitrix24.demo.rest_v2.lists.row_values import RowDraft, fixed, numbered, one_of

_EVERYTHING: Final = 1_000_000
_STAMPS: Final = "CREATED_BY_ID:integer>users MODIFIED_BY_ID:integer>users DATE_CREATE:datetime DATE_MODIFY:datetime"
_DATES: Final = {"datetime": display_format}


def _listed(method: str, table: str, columns: str, **more: Any) -> Entry:
    """Return a list of the module landing: an ORM query in ``params``, without page size and total."""
    return Entry(
        method=method,
        table=table,
        scope="landing",
        columns=f"{columns} {_STAMPS}",
        created="DATE_CREATE",
        modified="DATE_MODIFY",
        inside="params",
        spelling="lower",
        filters="orm",
        paging="limit",
        size=_EVERYTHING,
        max_size=_EVERYTHING,
        formats=_DATES,
        **more,
    )


def _meta(draft: RowDraft) -> dict[str, Any]:
    """Return the facts of a block, all of them as text."""
    return {
        "LID": str(draft.owner),
        "FAVORITE_META": "Array",
        "CREATED_BY_ID": str(draft.pick("users")),
        "DATE_CREATE": display_format(draft.created),
        "MODIFIED_BY_ID": "",
        "SITE_TYPE": "PAGE",
        "LANDING_TITLE": "",
    }


ENTRIES: Final = (
    _listed(
        "landing.site.getList",
        "sites",
        """
        ID:integer TITLE:string CODE:string TYPE:string ACTIVE:char DELETED:char DESCRIPTION:string XML_ID:string
        DOMAIN_ID:integer LANG:string TPL_ID:integer LANDING_ID_INDEX:integer LANDING_ID_404:integer
        LANDING_ID_503:integer
        """,
        count=5,
        values={
            "TITLE": one_of("Магазин «Север»", "Landing & promo", ""),
            "CODE": numbered("/site{}/"),
            "TYPE": one_of("PAGE", "STORE"),
            "DELETED": fixed("N"),
            "XML_ID": one_of("", None),
            "DOMAIN_ID": lambda draft: draft.number + 3,
            "LANG": one_of("ru", "de", None),
            "TPL_ID": fixed(0),
            "LANDING_ID_404": fixed(None),
            "LANDING_ID_503": fixed(0),
        },
    ),
    _listed(
        "landing.landing.getList",
        "site_pages",
        """
        SITE_ID:integer ID:integer TITLE:string CODE:string FOLDER_ID:integer? TPL_ID:integer ACTIVE:char
        DELETED:char DESCRIPTION:string XML_ID:string SITEMAP:char FOLDER:char RULE:string DATE_PUBLIC:datetime?
        """,
        owners=(Owner(table="sites"),),
        owner_column="SITE_ID",
        per=(14, 30, 1),
        values={
            "CODE": numbered("page{}"),
            "TPL_ID": lambda draft: draft.pick("site_templates"),
            "DELETED": fixed("N"),
            "FOLDER": fixed("N"),
            "XML_ID": fixed(""),
            "RULE": one_of("", None, "(item)/([\\d]+)"),
        },
    ),
    _listed(
        "landing.template.getlist",
        "site_templates",
        "ID:integer ACTIVE:char AREA_COUNT:integer SORT:integer TITLE:string XML_ID:string CONTENT:string",
        count=6,
        values={
            "AREA_COUNT": one_of(0, 2),
            "SORT": fixed(100),
            "TITLE": one_of("Empty", "Шапка и подвал"),
            "XML_ID": numbered("tpl_{}"),
            "CONTENT": one_of('<div class="landing-main">#CONTENT#</div>', ""),
        },
    ),
    _listed(
        "landing.repo.getList",
        "site_repo_blocks",
        """
        ID:integer XML_ID:string APP_CODE:string ACTIVE:char NAME:string DESCRIPTION:string SECTIONS:string
        SITE_TEMPLATE_ID:any PREVIEW:string MANIFEST:object CONTENT:string
        """,
        count=3,
        values={
            "XML_ID": numbered("block_{}"),
            "APP_CODE": fixed("local.demo"),
            "SECTIONS": one_of("cover,about", ""),
            "PREVIEW": fixed("https://demo.example/preview.png"),
            "MANIFEST": lambda draft: (
                {"nodes": {".text": {"name": "Текст", "type": "text"}}} if draft.number % 2 else []
            ),
            "CONTENT": fixed("<section>\n</section>"),
        },
    ),
    Entry(
        method="landing.block.getlist",
        table="site_blocks",
        scope="landing",
        key="id",
        columns="""
            id:integer lid:integer code:string name:string active:bool meta:object content:string css:array js:array
        """,
        owners=(Owner(table="site_pages"),),
        owner_column="lid",
        per=(3, 0, 6),
        values={
            "code": one_of("0.menu_02", "27.one_col_fix_title"),
            "name": one_of("Меню с логотипом", "Title & text", ""),
            "meta": _meta,
            "content": lambda draft: (
                f'<div id="b{draft.number}" class="block-wrapper">Привет</div>' * (1 + draft.number % 5)
            ),
            "css": lambda draft: [f"/bitrix/css/{draft.number}.css"] if draft.number % 2 else [],
        },
        parents=(
            ParentParameter(
                path="lid",
                column="lid",
                many=True,
                missing=Refusal("MISSING_PARAMS", "Invalid parameters: lid"),
                unknown=Refusal("LANDING_NOT_EXIST", "Landing not found"),
                table="site_pages",
            ),
        ),
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
        form="typed",
    ),
    Entry(
        method="landing.role.getList",
        table="site_roles",
        scope="landing",
        columns="ID:integer TITLE:string XML_ID:string",
        rows=lambda _: [
            {"ID": 3, "TITLE": "Administrator", "XML_ID": "ADMIN"},
            {"ID": 5, "TITLE": "Менеджер", "XML_ID": "MANAGER"},
            {"ID": 6, "TITLE": "", "XML_ID": None},
        ],
        filters="none",
        selects=False,
        paging="unpaged",
        total="absent",
    ),
)
