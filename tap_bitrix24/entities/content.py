"""Files, universal lists, sites, generated documents, and the rest of a portal's furniture."""

from __future__ import annotations

from collections.abc import Sequence

from tap_bitrix24.dialects.pagination import LimitOffset, OrderedPageNumber, StartParameter
from tap_bitrix24.dialects.response_shapes import keyed
from tap_bitrix24.entities.base import (
    ALL_TIMEZONES,
    NO_SUCH_MODULE,
    SINGLE_PAGE,
    Entity,
    Parent,
    StreamTemplate,
    camel,
    columns,
    for_each_universal_list,
    for_each_value,
    static_parents,
    universal_list_variant,
    upper,
)
from tap_bitrix24.entities.owners import LIST_ELEMENTS, folder_id, is_file, is_folder
from tap_bitrix24.model.endpoint import ReplicationKey

IN_PARAMS = LimitOffset("params.limit", "params.offset", "params.filter", "params.order")
"""How the methods of sites want their pages."""
FOLDERS = ("disk_storage_children", "disk_folder_children")
LISTS_OF = StreamTemplate(
    lambda portal: {number: known.title for number, known in portal.universal_lists.items()}, universal_list_variant
)
NAIVE = {"dateCreate": "string", "dateUpdate": "string"}
"""Date-times without a zone: what moment they mean is not told."""
WORKFLOW_TASK_FIELDS = (
    "ID",
    "WORKFLOW_ID",
    "DOCUMENT_NAME",
    "DESCRIPTION",
    "NAME",
    "MODIFIED",
    "WORKFLOW_STARTED",
    "WORKFLOW_STARTED_BY",
    "OVERDUE_DATE",
    "WORKFLOW_TEMPLATE_ID",
    "WORKFLOW_TEMPLATE_NAME",
    "WORKFLOW_STATE",
    "STATUS",
    "USER_ID",
    "USER_STATUS",
    "MODULE_ID",
    "ENTITY",
    "DOCUMENT_ID",
    "ACTIVITY",
    "ACTIVITY_NAME",
    "PARAMETERS",
    "DOCUMENT_URL",
)
"""The list gives seven columns, without a stamp, unless it is asked for more."""

CONTENT: Sequence[Entity] = (
    Entity(
        stream="disk_storages",
        scope=("disk",),
        endpoint=upper("disk.storage.getList"),
        fields_method="disk.storage.getFields",
        documented_columns=columns(
            integer="ID ENTITY_ID ROOT_OBJECT_ID",
            string="NAME CODE MODULE_ID ENTITY_TYPE",
        ),
        selected_by_default=True,
    ),
    Entity(
        stream="disk_storage_children",
        scope=("disk",),
        endpoint=upper("disk.storage.getChildren"),
        fields_method="disk.folder.getFields",
        user_fields_method="disk.file.getFields",
        documented_columns=columns(
            integer="ID STORAGE_ID REAL_OBJECT_ID PARENT_ID GLOBAL_CONTENT_VERSION FILE_ID SIZE CREATED_BY UPDATED_BY "
            "DELETED_BY",
            datetime="CREATE_TIME UPDATE_TIME DELETE_TIME",
            string="NAME CODE TYPE DELETED_TYPE",
            link="DOWNLOAD_URL DETAIL_URL",
        ),
        parents=static_parents(Parent(stream="disk_storages", param="id")),
    ),
    Entity(
        stream="disk_folder_children",
        scope=("disk",),
        endpoint=upper("disk.folder.getChildren"),
        fields_method="disk.folder.getFields",
        user_fields_method="disk.file.getFields",
        documented_columns=columns(
            integer="ID STORAGE_ID REAL_OBJECT_ID PARENT_ID GLOBAL_CONTENT_VERSION FILE_ID SIZE CREATED_BY UPDATED_BY "
            "DELETED_BY",
            datetime="CREATE_TIME UPDATE_TIME DELETE_TIME",
            string="NAME CODE TYPE DELETED_TYPE",
            link="DOWNLOAD_URL DETAIL_URL",
        ),
        parents=static_parents(
            Parent(stream="disk_storage_children", param="id", has_children=is_folder, recurse_into=folder_id)
        ),
    ),
    Entity(
        stream="disk_file_versions",
        scope=("disk",),
        endpoint=upper("disk.file.getVersions", paging=StartParameter(order=None)),
        documented_columns=columns(
            integer="ID OBJECT_ID SIZE GLOBAL_CONTENT_VERSION CREATED_BY",
            datetime="CREATE_TIME",
            string="NAME",
            link="DOWNLOAD_URL",
        ),
        parents=static_parents(*(Parent(stream=stream, param="id", has_children=is_file) for stream in FOLDERS)),
    ),
    Entity(
        stream="lists",
        scope=("lists",),
        endpoint=upper("lists.get", paging=StartParameter(order=None)),
        documented_columns=columns(
            integer="ID RSS_FILE_LIMIT SORT RSS_TTL VERSION LAST_CONV_ELEMENT SOCNET_GROUP_ID",
            boolean="ACTIVE RSS_ACTIVE RSS_FILE_ACTIVE RSS_YANDEX_ACTIVE INDEX_ELEMENT INDEX_SECTION WORKFLOW BIZPROC "
            "REST_ON FULLTEXT_INDEX",
            string="XML_ID TMP_ID EXTERNAL_ID TIMESTAMP_X IBLOCK_TYPE_ID LID CODE API_CODE NAME LIST_PAGE_URL "
            "DETAIL_PAGE_URL SECTION_PAGE_URL CANONICAL_PAGE_URL DESCRIPTION DESCRIPTION_TYPE RSS_FILE_DAYS "
            "SECTION_CHOOSER LIST_MODE RIGHTS_MODE SECTION_PROPERTY PROPERTY_INDEX EDIT_FILE_BEFORE "
            "EDIT_FILE_AFTER SECTIONS_NAME SECTION_NAME ELEMENTS_NAME ELEMENT_NAME LANG_DIR SERVER_NAME",
            json="PICTURE",
        ),
        selected_by_default=True,
        variants=for_each_value("IBLOCK_TYPE_ID", "lists", "bitrix_processes", "lists_socnet"),
        ignorable_errors=NO_SUCH_MODULE,
    ),
    Entity(
        stream="list_fields",
        scope=("lists",),
        endpoint=upper("lists.field.get", paging=SINGLE_PAGE, shape=keyed("FIELD_ID"), key="FIELD_ID"),
        documented_columns=columns(
            integer="SORT ID LINK_IBLOCK_ID ROW_COUNT COL_COUNT IBLOCK_ID",
            boolean="IS_REQUIRED MULTIPLE",
            string="FIELD_ID NAME TYPE PROPERTY_TYPE CODE",
            json="USER_TYPE_SETTINGS PROPERTY_USER_TYPE SETTINGS DISPLAY_VALUES_FORM",
            mixed="DEFAULT_VALUE",
        ),
        primary_key=("IBLOCK_ID", "FIELD_ID"),
        variants=for_each_universal_list,
    ),
    Entity(
        stream="list_sections",
        scope=("lists",),
        endpoint=upper("lists.section.get", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="ID IBLOCK_SECTION_ID SORT LEFT_MARGIN RIGHT_MARGIN DEPTH_LEVEL MODIFIED_BY CREATED_BY IBLOCK_ID",
            boolean="ACTIVE GLOBAL_ACTIVE",
            string="CODE XML_ID EXTERNAL_ID TIMESTAMP_X NAME SEARCHABLE_CONTENT DATE_CREATE",
        ),
        primary_key=("IBLOCK_ID", "ID"),
        variants=for_each_universal_list,
    ),
    Entity(
        stream=LIST_ELEMENTS,
        scope=("lists",),
        endpoint=upper("lists.element.get", paging=StartParameter("FILTER", "ELEMENT_ORDER")),
        fields_method="lists.field.get",
        documented_columns=columns(
            integer="ID IBLOCK_SECTION_ID CREATED_BY SORT IBLOCK_ID",
            boolean="BP_PUBLISHED",
            string="CODE NAME PREVIEW_TEXT DETAIL_TEXT DATE_CREATE CREATED_USER_NAME",
        ),
        primary_key=("ID",),
        template=LISTS_OF,
    ),
    Entity(
        stream="documents",
        scope=("documentgenerator",),
        endpoint=camel("documentgenerator.document.list", "documents", select="select"),
        documented_columns=columns(
            integer="id templateId fileId imageId pdfId createdBy updatedBy",
            boolean="stampsEnabled",
            datetime="createTime updateTime",
            string="title number provider value downloadUrl pdfUrl imageUrl downloadUrlMachine pdfUrlMachine "
            "imageUrlMachine",
            json="values",
        ),
        primary_key=("id",),
        replication_key=ReplicationKey("updateTime", "updateTime", timezone_margin=ALL_TIMEZONES),
        select=("*",),
    ),
    Entity(
        stream="document_templates",
        scope=("documentgenerator",),
        endpoint=camel("documentgenerator.template.list", "templates", select="select", shape=keyed("id")),
        documented_columns=columns(
            integer="id sort createdBy updatedBy fileId numeratorId",
            boolean="active withStamps isDeleted isDefault",
            datetime="createTime updateTime",
            string="name code region moduleId bodyType productsTableVariant",
            string_list="users providers",
            link="download downloadMachine",
        ),
        primary_key=("id",),
        replication_key=ReplicationKey("updateTime", "updateTime", timezone_margin=ALL_TIMEZONES),
        select=("*", "users", "providers"),
    ),
    Entity(
        stream="document_numerators",
        scope=("documentgenerator",),
        endpoint=camel("documentgenerator.numerator.list", "numerators", paging=StartParameter(order=None)),
        documented_columns=columns(
            integer="id",
            string="name template code",
            json="settings",
        ),
        primary_key=("id",),
    ),
    Entity(
        stream="document_roles",
        scope=("documentgenerator",),
        endpoint=camel("documentgenerator.role.list", "roles", paging=StartParameter(order=None)),
        documented_columns=columns(
            integer="id",
            string="name code",
        ),
        primary_key=("id",),
    ),
    Entity(
        stream="document_regions",
        scope=("documentgenerator",),
        endpoint=camel("documentgenerator.region.list", "regions", paging=SINGLE_PAGE, shape=keyed("code"), key="code"),
        documented_columns=columns(
            integer="id",
            string="code title languageId formatDate formatDatetime formatName",
        ),
        primary_key=("code",),
    ),
    Entity(
        stream="sites",
        scope=("landing",),
        endpoint=upper("landing.site.getList", paging=IN_PARAMS, select="params.select"),
        documented_columns=columns(
            integer="ID DOMAIN_ID TPL_ID LANDING_ID_INDEX LANDING_ID_404 LANDING_ID_503 CREATED_BY_ID MODIFIED_BY_ID",
            boolean="ACTIVE DELETED",
            string="TITLE CODE TYPE DESCRIPTION XML_ID LANG DATE_CREATE DATE_MODIFY",
        ),
        select=("*",),
    ),
    Entity(
        stream="site_pages",
        scope=("landing",),
        endpoint=upper("landing.landing.getList", paging=IN_PARAMS, select="params.select"),
        documented_columns=columns(
            integer="ID SITE_ID FOLDER_ID TPL_ID CREATED_BY_ID MODIFIED_BY_ID",
            boolean="ACTIVE DELETED SITEMAP FOLDER",
            string="TITLE CODE DESCRIPTION XML_ID RULE DATE_CREATE DATE_MODIFY DATE_PUBLIC",
        ),
        select=("*",),
    ),
    Entity(
        stream="site_templates",
        scope=("landing",),
        endpoint=upper("landing.template.getlist", paging=IN_PARAMS),
        documented_columns=columns(
            integer="ID AREA_COUNT SORT CREATED_BY_ID MODIFIED_BY_ID",
            boolean="ACTIVE",
            string="TITLE XML_ID CONTENT DATE_CREATE DATE_MODIFY",
        ),
    ),
    Entity(
        stream="site_blocks",
        scope=("landing",),
        endpoint=camel("landing.block.getlist", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="id lid",
            boolean="active",
            string="code name content",
            json="meta",
            string_list="css js",
        ),
        primary_key=("id",),
        parents=static_parents(Parent(stream="site_pages", param="lid", group_size=50, owner_key="lid")),
    ),
    Entity(
        stream="site_roles",
        scope=("landing",),
        endpoint=upper("landing.role.getList", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="ID",
            string="TITLE XML_ID",
        ),
    ),
    Entity(
        stream="site_repo_blocks",
        scope=("landing",),
        endpoint=upper("landing.repo.getList", paging=IN_PARAMS),
        documented_columns=columns(
            integer="ID CREATED_BY_ID MODIFIED_BY_ID",
            boolean="ACTIVE",
            string="SITE_TEMPLATE_ID XML_ID APP_CODE NAME DESCRIPTION SECTIONS PREVIEW CONTENT DATE_CREATE DATE_MODIFY",
            json="MANIFEST",
        ),
    ),
    Entity(
        stream="bi_sources",
        scope=("biconnector",),
        endpoint=camel("biconnector.source.list", paging=OrderedPageNumber()),
        fields_method="biconnector.source.fields",
        documented_columns=columns(
            integer="id createdById updatedById connectorId",
            boolean="active",
            string="title type code description dateCreate dateUpdate",
            json="settings",
        ),
        primary_key=("id",),
        type_overrides=NAIVE,
    ),
    Entity(
        stream="bi_connectors",
        scope=("biconnector",),
        endpoint=camel("biconnector.connector.list", paging=OrderedPageNumber()),
        fields_method="biconnector.connector.fields",
        documented_columns=columns(
            integer="id sort",
            string="title logo description urlCheck urlData urlTableList urlTableDescription dateCreate",
            json="settings",
        ),
        primary_key=("id",),
        type_overrides=NAIVE,
    ),
    Entity(
        stream="bi_datasets",
        scope=("biconnector",),
        endpoint=camel("biconnector.dataset.list", paging=OrderedPageNumber()),
        fields_method="biconnector.dataset.fields",
        documented_columns=columns(
            integer="id sourceId externalId createdById updatedById",
            string="name type description externalName externalCode dateCreate dateUpdate",
            json="fields",
        ),
        primary_key=("id",),
        type_overrides=NAIVE,
    ),
    Entity(
        stream="bizproc_workflow_instances",
        scope=("bizproc",),
        endpoint=upper("bizproc.workflow.instances", paging=StartParameter(order=None), select="SELECT"),
        documented_columns=columns(
            integer="TEMPLATE_ID STARTED_BY",
            datetime="OWNED_UNTIL STARTED MODIFIED",
            string="DOCUMENT_ID ENTITY ID MODULE_ID",
        ),
        select=(
            "ID",
            "MODIFIED",
            "OWNED_UNTIL",
            "MODULE_ID",
            "ENTITY",
            "DOCUMENT_ID",
            "STARTED",
            "STARTED_BY",
            "TEMPLATE_ID",
        ),
    ),
    Entity(
        stream="bizproc_tasks",
        scope=("bizproc",),
        endpoint=upper("bizproc.task.list", paging=StartParameter("FILTER", "ORDER"), select="SELECT"),
        documented_columns=columns(
            integer="ID WORKFLOW_TEMPLATE_ID STATUS USER_STATUS",
            user="WORKFLOW_STARTED_BY USER_ID",
            datetime="MODIFIED WORKFLOW_STARTED OVERDUE_DATE",
            string="DOCUMENT_ID WORKFLOW_ID DOCUMENT_NAME DESCRIPTION NAME WORKFLOW_TEMPLATE_NAME WORKFLOW_STATE "
            "MODULE_ID ENTITY ACTIVITY ACTIVITY_NAME",
            json="PARAMETERS",
            link="DOCUMENT_URL",
        ),
        replication_key=ReplicationKey("MODIFIED", "MODIFIED"),
        select=WORKFLOW_TASK_FIELDS,
    ),
    Entity(
        stream="bizproc_workflow_templates",
        scope=("bizproc",),
        endpoint=upper("bizproc.workflow.template.list", paging=StartParameter("FILTER", "ORDER"), select="SELECT"),
        documented_columns=columns(
            integer="ID AUTO_EXECUTE USER_ID",
            boolean="IS_MODIFIED",
            datetime="MODIFIED",
            string="MODULE_ID ENTITY NAME SYSTEM_CODE",
            json="DOCUMENT_TYPE TEMPLATE PARAMETERS VARIABLES CONSTANTS",
        ),
        replication_key=ReplicationKey("MODIFIED", "MODIFIED"),
        select=(
            "ID",
            "MODULE_ID",
            "ENTITY",
            "DOCUMENT_TYPE",
            "AUTO_EXECUTE",
            "NAME",
            "TEMPLATE",
            "PARAMETERS",
            "VARIABLES",
            "CONSTANTS",
            "MODIFIED",
            "IS_MODIFIED",
            "USER_ID",
            "SYSTEM_CODE",
        ),
    ),
    Entity(
        stream="rpa_types",
        scope=("rpa",),
        endpoint=camel("rpa.type.list", "types"),
        documented_columns=columns(
            integer="id createdBy",
            string="name title image",
            json="permissions settings",
        ),
        primary_key=("id",),
    ),
    Entity(
        stream="rpa_items",
        scope=("rpa",),
        endpoint=camel("rpa.item.list", "items"),
        documented_columns=columns(
            integer="id stageId previousStageId createdBy updatedBy movedBy typeId",
            datetime="createdTime updatedTime movedTime",
            string="name",
        ),
        primary_key=("typeId", "id"),
        parents=static_parents(Parent(stream="rpa_types", param="typeId", column="typeId")),
    ),
    Entity(
        stream="rpa_stages",
        scope=("rpa",),
        endpoint=camel("rpa.stage.listForType", "stages", paging=StartParameter(order=None)),
        documented_columns=columns(
            integer="id sort typeId",
            string="name code color semantic",
        ),
        primary_key=("id",),
        parents=static_parents(Parent(stream="rpa_types", param="typeId")),
    ),
    Entity(
        stream="user_consent_agreements",
        scope=("userconsent",),
        endpoint=upper("userconsent.agreement.list", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="ID",
            boolean="ACTIVE",
            string="NAME LANGUAGE_ID",
        ),
    ),
    Entity(
        stream="ai_engines",
        scope=("ai_admin",),
        endpoint=camel("ai.engine.list", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="id date_create",
            string="app_code name code category",
            json="settings",
            link="completions_url",
        ),
        primary_key=("id",),
    ),
    Entity(
        stream="mail_services",
        scope=("mailservice",),
        endpoint=upper("mailservice.list", paging=SINGLE_PAGE),
        fields_method="mailservice.fields",
        documented_columns=columns(
            integer="ID SORT PORT SMTP_PORT",
            boolean="ACTIVE ENCRYPTION SMTP_LOGIN_AS_IMAP SMTP_PASSWORD_AS_IMAP SMTP_ENCRYPTION UPLOAD_OUTGOING",
            string="SITE_ID NAME SERVER ICON SMTP_SERVER",
            link="LINK",
        ),
    ),
)
