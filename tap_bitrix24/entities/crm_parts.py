"""What belongs to leads, deals and clients: product rows, timeline, requisites, documents (scope crm)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tap_bitrix24.dialects.response_shapes import keyed, with_default
from tap_bitrix24.entities.entity import Entity, Parent, Select
from tap_bitrix24.entities.known_columns import known_columns
from tap_bitrix24.entities.parents import OF_PAYMENTS, all_items, items_with_products, payable_items, timeline_items
from tap_bitrix24.entities.presets import (
    ALL_COLUMNS,
    FILTER_ORDER,
    UNORDERED,
    Scope,
    classic_list,
    controller_list,
    unpaged_list,
)
from tap_bitrix24.entities.variants import for_each_value
from tap_bitrix24.model.endpoint import ReplicationKey
from tap_bitrix24.model.field import Field
from tap_bitrix24.schema.field_descriptions import parse_fields

_COLUMNS = known_columns("crm_parts")
crm = Scope(("crm",), _COLUMNS)
_DEAL = 2
"""entityTypeId of deals."""
userfieldconfig = Scope(("userfieldconfig",), _COLUMNS)


_EDITED_OR_CREATED = ReplicationKey("DATE_MODIFY", "DATE_MODIFY", created="DATE_CREATE")
"""Requisites have no DATE_MODIFY until they are first edited."""
_LOWER_CASE = {name.upper(): name for name in ("id", "deal_id", "based_id", "category_id")}


def _recurring(answer: Any) -> list[Field]:
    """Fields of recurring deals: all are described in upper case, while rows have four of them in lower case."""
    return [replace(field, name=_LOWER_CASE.get(field.name, field.name)) for field in parse_fields(answer)]


CRM_PARTS: Sequence[Entity] = (
    crm.stream(
        "crm_activity_bindings",
        unpaged_list("crm.activity.binding.list"),
        primary_key=("activityId", "entityTypeId", "entityId"),
        parents=Parent("crm_activities", "activityId", column="activityId", name="activity"),
    ),
    crm.stream("crm_activity_badges", unpaged_list("crm.activity.badge.list", "badges", key="code")),
    crm.stream(
        "crm_timeline_comments",
        classic_list("crm.timeline.comment.list", paging=UNORDERED, fields="crm.timeline.comment.fields"),
        parents=timeline_items,
    ),
    crm.stream(
        "crm_timeline_bindings",
        unpaged_list("crm.timeline.bindings.list", fields="crm.timeline.bindings.fields"),
        primary_key=("OWNER_ID", "ENTITY_TYPE", "ENTITY_ID"),
        parents=Parent("crm_timeline_comments", "filter.OWNER_ID"),
    ),
    crm.stream(
        "crm_timeline_log_messages",
        controller_list("crm.timeline.logmessage.list", paging=UNORDERED, page_size=10),
        parents=all_items,
    ),
    crm.stream("crm_timeline_icons", unpaged_list("crm.timeline.icon.list", "icons", key="code")),
    crm.stream("crm_timeline_logos", unpaged_list("crm.timeline.logo.list", "logos", key="code")),
    crm.default_stream(
        "crm_product_rows",
        controller_list("crm.item.productrow.list", "productRows", fields="crm.item.productrow.fields"),
        parents=items_with_products,
    ),
    crm.stream(
        "recurring_deals",
        controller_list(
            "crm.deal.recurring.list", request_key="ID", fields="crm.deal.recurring.fields", parse_fields=_recurring
        ),
    ),
    crm.default_stream(
        "requisites",
        classic_list("crm.requisite.list", fields="crm.requisite.fields", user_fields="crm.requisite.userfield.list"),
        replication_key=_EDITED_OR_CREATED,
    ),
    crm.default_stream(
        "requisite_bank_details",
        classic_list("crm.requisite.bankdetail.list", fields="crm.requisite.bankdetail.fields"),
        replication_key=_EDITED_OR_CREATED,
    ),
    crm.stream(
        "requisite_links",
        classic_list("crm.requisite.link.list", paging=UNORDERED, fields="crm.requisite.link.fields"),
        primary_key=("ENTITY_TYPE_ID", "ENTITY_ID"),
    ),
    crm.stream(
        "requisite_presets",
        classic_list("crm.requisite.preset.list", fields="crm.requisite.preset.fields"),
        replication_key=_EDITED_OR_CREATED,
    ),
    crm.stream(
        "requisite_preset_fields",
        unpaged_list("crm.requisite.preset.field.list", fields="crm.requisite.preset.field.fields"),
        primary_key=("presetId", "ID"),
        parents=Parent("requisite_presets", "preset.ID", column="presetId"),
    ),
    crm.default_stream(
        "crm_addresses",
        classic_list("crm.address.list", paging=UNORDERED, reliable_total=False, fields="crm.address.fields"),
        primary_key=("TYPE_ID", "ENTITY_TYPE_ID", "ENTITY_ID"),
    ),
    crm.default_stream(
        "crm_order_entities",
        unpaged_list(
            "crm.orderentity.list",
            "orderEntity",
            key="orderId",
            fields="crm.orderentity.getFields",
            shape=with_default("ownerTypeId", _DEAL),  # a part of the key, which the documented answer leaves out
        ),
        primary_key=("orderId", "ownerId", "ownerTypeId"),
        variants=for_each_value("start", -1),  # all bindings in one answer; any other start counts them
    ),
    crm.stream("crm_item_payments", unpaged_list("crm.item.payment.list", key="id"), parents=payable_items),
    crm.stream("crm_item_deliveries", unpaged_list("crm.item.delivery.list", key="id"), parents=payable_items),
    crm.stream(
        "crm_payment_products",
        unpaged_list("crm.item.payment.product.list", key="id"),
        parents=OF_PAYMENTS,
    ),
    crm.stream(
        "crm_payment_deliveries",
        unpaged_list("crm.item.payment.delivery.list", key="id"),
        parents=OF_PAYMENTS,
    ),
    userfieldconfig.default_stream(
        "userfield_config",
        controller_list("userfieldconfig.list", "fields", paging=UNORDERED),
        variants=for_each_value("moduleId", "crm", "rpa", "catalog", "tasks", "user"),
        absent_codes=frozenset({"INVALID_ARG_VALUE"}),
    ),
    crm.stream(
        "automated_solutions",
        controller_list("crm.automatedsolution.list", "automatedSolutions", fields="crm.automatedsolution.fields"),
    ),
    crm.stream("call_lists", classic_list("crm.calllist.list", paging=FILTER_ORDER)),
    crm.stream(
        "call_list_items",
        unpaged_list("crm.calllist.items.get"),
        primary_key=("LIST_ID", "ENTITY_TYPE", "ID"),
        parents=Parent("call_lists", "LIST_ID", column="LIST_ID"),
    ),
    crm.stream("call_list_statuses", unpaged_list("crm.calllist.statuslist")),
    crm.default_stream("crm_enum_owner_types", unpaged_list("crm.enum.ownertype", fields="crm.enum.fields")),
    crm.stream("crm_enum_address_types", unpaged_list("crm.enum.addresstype", fields="crm.enum.fields")),
    crm.stream("crm_enum_activity_types", unpaged_list("crm.enum.activitytype", fields="crm.enum.fields")),
    crm.stream("crm_duplicate_volatile_types", unpaged_list("crm.duplicate.volatileType.list", key="id")),
    crm.default_stream(
        "crm_documents",
        controller_list("crm.documentgenerator.document.list", "documents"),
        replication_key="updateTime",
        select=ALL_COLUMNS,
    ),
    crm.stream(
        "crm_document_templates",
        controller_list("crm.documentgenerator.template.list", "templates", shape=keyed("id")),
        replication_key="updateTime",
        select=ALL_COLUMNS,
    ),
    crm.stream(
        "crm_document_numerators",
        controller_list("crm.documentgenerator.numerator.list", "numerators", paging=UNORDERED),
    ),
    crm.stream(
        "invoices_old",
        classic_list("crm.invoice.list", fields="crm.invoice.fields"),
        replication_key="DATE_UPDATE",
        select=Select(names=("*", "UF_*")),
    ),
    crm.stream(
        "invoice_recurring_old",
        classic_list("crm.invoice.recurring.list", fields="crm.invoice.recurring.fields"),
        select=ALL_COLUMNS,
    ),
    crm.stream("invoice_statuses_old", unpaged_list("crm.invoice.status.list", fields="crm.invoice.status.fields")),
)
