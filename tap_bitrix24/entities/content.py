"""Files, universal lists, sites, generated documents, BI connector, workflows, RPA, and small modules."""

from __future__ import annotations

from collections.abc import Sequence

from tap_bitrix24.dialects.pagination import LimitOffset, OrderedPageNumber, StartParameter
from tap_bitrix24.dialects.response_shapes import keyed
from tap_bitrix24.entities.entity import Entity, Parent, Select, StreamTemplate
from tap_bitrix24.entities.known_columns import known_columns
from tap_bitrix24.entities.parents import LIST_ELEMENTS, folder_id, is_file, is_folder
from tap_bitrix24.entities.presets import (
    ALL_COLUMNS,
    FILTER_ORDER,
    UNORDERED,
    Scope,
    classic_list,
    controller_list,
    unpaged_list,
)
from tap_bitrix24.entities.variants import (
    for_each_universal_list,
    for_each_universal_list_type,
    universal_list_variant,
)

_COLUMNS = known_columns("content")
disk = Scope(("disk",), _COLUMNS)
lists = Scope(("lists",), _COLUMNS)
documentgenerator = Scope(("documentgenerator",), _COLUMNS)
landing = Scope(("landing",), _COLUMNS)
biconnector = Scope(("biconnector",), _COLUMNS)
bizproc = Scope(("bizproc",), _COLUMNS)
rpa = Scope(("rpa",), _COLUMNS)
userconsent = Scope(("userconsent",), _COLUMNS)
ai_admin = Scope(("ai_admin",), _COLUMNS)
mailservice = Scope(("mailservice",), _COLUMNS)


IN_PARAMS = LimitOffset("params.limit", "params.offset", "params.filter", "params.order")
"""How pages of sites are requested."""
FOLDERS = ("disk_storage_children", "disk_folder_children")
UNIVERSAL_LISTS = StreamTemplate(
    lambda portal: {number: known.title for number, known in portal.universal_lists.items()}, universal_list_variant
)
CONTENT: Sequence[Entity] = (
    disk.default_stream("disk_storages", classic_list("disk.storage.getList", fields="disk.storage.getFields")),
    disk.stream(
        "disk_storage_children",
        classic_list("disk.storage.getChildren", fields="disk.folder.getFields", user_fields="disk.file.getFields"),
        parents=Parent("disk_storages", "id"),
    ),
    disk.stream(
        "disk_folder_children",
        classic_list("disk.folder.getChildren", fields="disk.folder.getFields", user_fields="disk.file.getFields"),
        parents=Parent("disk_storage_children", "id", has_children=is_folder, recurse_into=folder_id),
    ),
    disk.stream(
        "disk_file_versions",
        classic_list("disk.file.getVersions", paging=UNORDERED),
        parents=[Parent(stream, "id", has_children=is_file) for stream in FOLDERS],
    ),
    lists.default_stream(
        "lists",
        classic_list("lists.get", paging=UNORDERED),
        variants=for_each_universal_list_type,
        absent_codes=frozenset({"ERROR_IBLOCK_TYPE_NOT_FOUND"}),
    ),
    lists.stream(
        "list_fields",
        unpaged_list("lists.field.get", key="FIELD_ID", shape=keyed("FIELD_ID")),
        primary_key=("IBLOCK_ID", "FIELD_ID"),
        variants=for_each_universal_list,
    ),
    lists.stream(
        "list_sections",
        unpaged_list("lists.section.get"),
        primary_key=("IBLOCK_ID", "ID"),
        variants=for_each_universal_list,
    ),
    lists.stream(
        LIST_ELEMENTS,
        classic_list("lists.element.get", paging=StartParameter("FILTER", "ELEMENT_ORDER"), fields="lists.field.get"),
        template=UNIVERSAL_LISTS,
    ),
    documentgenerator.stream(
        "documents",
        controller_list("documentgenerator.document.list", "documents"),
        replication_key="updateTime",
        select=ALL_COLUMNS,
    ),
    documentgenerator.stream(
        "document_templates",
        controller_list("documentgenerator.template.list", "templates", shape=keyed("id")),
        replication_key="updateTime",
        select=Select(names=("*", "users", "providers")),
    ),
    documentgenerator.stream(
        "document_numerators", controller_list("documentgenerator.numerator.list", "numerators", paging=UNORDERED)
    ),
    documentgenerator.stream(
        "document_roles", controller_list("documentgenerator.role.list", "roles", paging=UNORDERED)
    ),
    documentgenerator.stream(
        "document_regions", unpaged_list("documentgenerator.region.list", "regions", key="code", shape=keyed("code"))
    ),
    landing.stream(
        "sites",
        classic_list("landing.site.getList", paging=IN_PARAMS, select_param="params.select"),
        select=ALL_COLUMNS,
    ),
    landing.stream(
        "site_pages",
        classic_list("landing.landing.getList", paging=IN_PARAMS, select_param="params.select"),
        select=ALL_COLUMNS,
    ),
    landing.stream("site_templates", classic_list("landing.template.getlist", paging=IN_PARAMS)),
    landing.stream(
        "site_blocks",
        unpaged_list("landing.block.getlist", key="id"),
        parents=Parent("site_pages", "lid", group_size=50, owner_key="lid"),
    ),
    landing.stream("site_roles", unpaged_list("landing.role.getList")),
    landing.stream("site_repo_blocks", classic_list("landing.repo.getList", paging=IN_PARAMS)),
    biconnector.stream(
        "bi_sources",
        controller_list("biconnector.source.list", paging=OrderedPageNumber(), fields="biconnector.source.fields"),
    ),
    biconnector.stream(
        "bi_connectors",
        controller_list(
            "biconnector.connector.list", paging=OrderedPageNumber(), fields="biconnector.connector.fields"
        ),
    ),
    biconnector.stream(
        "bi_datasets",
        controller_list("biconnector.dataset.list", paging=OrderedPageNumber(), fields="biconnector.dataset.fields"),
    ),
    bizproc.stream(
        "bizproc_workflow_instances",
        classic_list("bizproc.workflow.instances", paging=UNORDERED, select_param="SELECT"),
        select=Select(names=_COLUMNS["bizproc_workflow_instances"].select),
    ),
    bizproc.stream(
        "bizproc_tasks",
        classic_list("bizproc.task.list", paging=FILTER_ORDER, select_param="SELECT"),
        replication_key="MODIFIED",
        select=Select(names=_COLUMNS["bizproc_tasks"].select),
    ),
    bizproc.stream(
        "bizproc_workflow_templates",
        classic_list("bizproc.workflow.template.list", paging=FILTER_ORDER, select_param="SELECT"),
        replication_key="MODIFIED",
        select=Select(names=_COLUMNS["bizproc_workflow_templates"].select),
    ),
    rpa.stream("rpa_types", controller_list("rpa.type.list", "types")),
    rpa.stream(
        "rpa_items",
        controller_list("rpa.item.list", "items"),
        primary_key=("typeId", "id"),
        parents=Parent("rpa_types", "typeId", column="typeId"),
    ),
    rpa.stream(
        "rpa_stages",
        controller_list("rpa.stage.listForType", "stages", paging=UNORDERED),
        parents=Parent("rpa_types", "typeId"),
    ),
    userconsent.stream("user_consent_agreements", unpaged_list("userconsent.agreement.list")),
    ai_admin.stream("ai_engines", unpaged_list("ai.engine.list", key="id")),
    mailservice.stream("mail_services", unpaged_list("mailservice.list", fields="mailservice.fields")),
)
