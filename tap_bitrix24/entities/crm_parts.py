"""What belongs to leads, deals and clients: product rows, timeline, requisites, documents (scope crm)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tap_bitrix24.dialects.pagination import StartParameter
from tap_bitrix24.dialects.response_shapes import keyed
from tap_bitrix24.entities.base import (
    ALL_TIMEZONES,
    NO_SUCH_MODULE,
    SINGLE_PAGE,
    Entity,
    Parent,
    camel,
    columns,
    for_each_value,
    static_parents,
    upper,
)
from tap_bitrix24.entities.owners import item_owners, payment_owners, product_row_owners, timeline_owners
from tap_bitrix24.model.endpoint import ReplicationKey
from tap_bitrix24.model.field import Field
from tap_bitrix24.schema.field_descriptions import parse_fields

_SMALL = {name.upper(): name for name in ("id", "deal_id", "based_id", "category_id")}


def recurring_fields(answer: Any) -> list[Field]:
    """Fields of recurring deals: described in capitals throughout, while rows spell four of them small."""
    return [replace(field, name=_SMALL.get(field.name, field.name)) for field in parse_fields(answer)]


CRM_PARTS: Sequence[Entity] = (
    Entity(
        stream="crm_activity_bindings",
        scope=("crm",),
        endpoint=upper("crm.activity.binding.list", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="entityTypeId entityId activityId",
        ),
        primary_key=("activityId", "entityTypeId", "entityId"),
        parents=static_parents(
            Parent(stream="crm_activities", param="activityId", column="activityId", name="activity")
        ),
    ),
    Entity(
        stream="crm_activity_badges",
        scope=("crm",),
        endpoint=camel("crm.activity.badge.list", "badges", paging=SINGLE_PAGE, key="code"),
        documented_columns=columns(
            string="code title value type",
        ),
        primary_key=("code",),
    ),
    Entity(
        stream="crm_timeline_comments",
        scope=("crm",),
        endpoint=upper("crm.timeline.comment.list", paging=StartParameter(order=None)),
        fields_method="crm.timeline.comment.fields",
        documented_columns=columns(
            integer="ID ENTITY_ID AUTHOR_ID",
            datetime="CREATED",
            string="ENTITY_TYPE COMMENT",
            json="FILES",
        ),
        type_overrides={"FILES": "json"},  # keyed by file id
        parents=timeline_owners,
    ),
    Entity(
        stream="crm_timeline_bindings",
        scope=("crm",),
        endpoint=upper("crm.timeline.bindings.list", paging=SINGLE_PAGE),
        fields_method="crm.timeline.bindings.fields",
        documented_columns=columns(
            integer="OWNER_ID ENTITY_ID",
            string="ENTITY_TYPE",
        ),
        primary_key=("OWNER_ID", "ENTITY_TYPE", "ENTITY_ID"),
        parents=static_parents(Parent(stream="crm_timeline_comments", param="filter.OWNER_ID")),
    ),
    Entity(
        stream="crm_timeline_log_messages",
        scope=("crm",),
        endpoint=replace(camel("crm.timeline.logmessage.list", paging=StartParameter(order=None)), page_size=10),
        documented_columns=columns(
            integer="id authorId entityTypeId entityId",
            datetime="created",
            string="title text iconCode",
        ),
        primary_key=("id",),
        parents=item_owners,
    ),
    Entity(
        stream="crm_timeline_icons",
        scope=("crm",),
        endpoint=camel("crm.timeline.icon.list", "icons", paging=SINGLE_PAGE, key="code"),
        documented_columns=columns(
            boolean="isSystem",
            string="code",
            link="fileUri",
        ),
        primary_key=("code",),
    ),
    Entity(
        stream="crm_timeline_logos",
        scope=("crm",),
        endpoint=camel("crm.timeline.logo.list", "logos", paging=SINGLE_PAGE, key="code"),
        documented_columns=columns(
            boolean="isSystem",
            string="code",
            link="fileUri",
        ),
        primary_key=("code",),
    ),
    Entity(
        stream="crm_product_rows",
        scope=("crm",),
        endpoint=camel("crm.item.productrow.list", "productRows"),
        fields_method="crm.item.productrow.fields",
        documented_columns=columns(
            integer="id ownerId productId discountTypeId measureCode sort type storeId",
            double="price priceAccount priceExclusive priceNetto priceBrutto quantity discountRate discountSum taxRate",
            boolean="taxIncluded customized",
            string="ownerType productName measureName xmlId",
        ),
        primary_key=("id",),
        selected_by_default=True,
        parents=product_row_owners,
    ),
    Entity(
        stream="recurring_deals",
        scope=("crm",),
        endpoint=camel("crm.deal.recurring.list", request_key="ID"),
        fields_method="crm.deal.recurring.fields",
        describe=recurring_fields,
        documented_columns=columns(
            integer="id deal_id based_id category_id COUNTER_REPEAT LIMIT_REPEAT",
            boolean="ACTIVE",
            datetime="LIMIT_DATE NEXT_EXECUTION START_DATE LAST_EXECUTION",
            json="PARAMS",
            text="IS_LIMIT",
        ),
        primary_key=("id",),
        type_overrides={"IS_LIMIT": "text"},  # N, D or T
    ),
    Entity(
        stream="requisites",
        scope=("crm",),
        endpoint=upper("crm.requisite.list"),
        fields_method="crm.requisite.fields",
        user_fields_method="crm.requisite.userfield.list",
        documented_columns=columns(
            integer="ID ENTITY_TYPE_ID ENTITY_ID PRESET_ID SORT",
            user="CREATED_BY_ID MODIFY_BY_ID",
            boolean="ACTIVE ADDRESS_ONLY RQ_VAT_PAYER",
            datetime="DATE_CREATE DATE_MODIFY",
            string="NAME CODE XML_ID ORIGINATOR_ID RQ_NAME RQ_FIRST_NAME RQ_LAST_NAME RQ_SECOND_NAME RQ_COMPANY_ID "
            "RQ_COMPANY_NAME RQ_COMPANY_FULL_NAME RQ_COMPANY_REG_DATE RQ_DIRECTOR RQ_ACCOUNTANT RQ_CEO_NAME "
            "RQ_CEO_WORK_POS RQ_CONTACT RQ_EMAIL RQ_PHONE RQ_FAX RQ_IDENT_DOC RQ_IDENT_DOC_SER RQ_IDENT_DOC_NUM "
            "RQ_IDENT_DOC_PERS_NUM RQ_IDENT_DOC_DATE RQ_IDENT_DOC_ISSUED_BY RQ_IDENT_DOC_DEP_CODE RQ_INN RQ_KPP "
            "RQ_USRLE RQ_IFNS RQ_OGRN RQ_OGRNIP RQ_OKPO RQ_OKTMO RQ_OKVED RQ_EDRPOU RQ_DRFO RQ_KBE RQ_IIN RQ_BIN "
            "RQ_ST_CERT_SER RQ_ST_CERT_NUM RQ_ST_CERT_DATE RQ_VAT_ID RQ_VAT_CERT_SER RQ_VAT_CERT_NUM "
            "RQ_VAT_CERT_DATE RQ_RESIDENCE_COUNTRY RQ_BASE_DOC RQ_REGON RQ_KRS RQ_PESEL RQ_LEGAL_FORM RQ_SIRET "
            "RQ_SIREN RQ_CAPITAL RQ_RCS RQ_CNPJ RQ_STATE_REG RQ_MNPL_REG RQ_CPF",
            crm_status="RQ_IDENT_TYPE",
        ),
        replication_key=ReplicationKey("DATE_MODIFY", "DATE_MODIFY"),
        selected_by_default=True,
    ),
    Entity(
        stream="requisite_bank_details",
        scope=("crm",),
        endpoint=upper("crm.requisite.bankdetail.list"),
        fields_method="crm.requisite.bankdetail.fields",
        documented_columns=columns(
            integer="ID ENTITY_ID COUNTRY_ID SORT",
            user="CREATED_BY_ID MODIFY_BY_ID",
            boolean="ACTIVE",
            datetime="DATE_CREATE DATE_MODIFY",
            string="NAME CODE XML_ID RQ_BANK_NAME RQ_BANK_ADDR RQ_BANK_CODE RQ_BANK_ROUTE_NUM RQ_BIK RQ_CODEB RQ_CODEG "
            "RQ_RIB RQ_MFO RQ_ACC_NAME RQ_ACC_NUM RQ_ACC_TYPE RQ_AGENCY_NAME RQ_IIK RQ_ACC_CURRENCY "
            "RQ_COR_ACC_NUM RQ_IBAN RQ_SWIFT RQ_BIC COMMENTS ORIGINATOR_ID",
        ),
        replication_key=ReplicationKey("DATE_MODIFY", "DATE_MODIFY"),
        selected_by_default=True,
    ),
    Entity(
        stream="requisite_links",
        scope=("crm",),
        endpoint=upper("crm.requisite.link.list", paging=StartParameter(order=None)),
        fields_method="crm.requisite.link.fields",
        documented_columns=columns(
            integer="ENTITY_TYPE_ID ENTITY_ID REQUISITE_ID BANK_DETAIL_ID MC_REQUISITE_ID MC_BANK_DETAIL_ID",
        ),
        primary_key=("ENTITY_TYPE_ID", "ENTITY_ID"),
    ),
    Entity(
        stream="requisite_presets",
        scope=("crm",),
        endpoint=upper("crm.requisite.preset.list"),
        fields_method="crm.requisite.preset.fields",
        documented_columns=columns(
            integer="ID ENTITY_TYPE_ID COUNTRY_ID SORT",
            user="CREATED_BY_ID MODIFY_BY_ID",
            boolean="ACTIVE",
            datetime="DATE_CREATE DATE_MODIFY",
            string="NAME XML_ID",
        ),
        replication_key=ReplicationKey("DATE_MODIFY", "DATE_MODIFY"),
    ),
    Entity(
        stream="requisite_preset_fields",
        scope=("crm",),
        endpoint=upper("crm.requisite.preset.field.list", paging=SINGLE_PAGE),
        fields_method="crm.requisite.preset.field.fields",
        documented_columns=columns(
            integer="ID SORT presetId",
            boolean="IN_SHORT_LIST",
            string="FIELD_NAME FIELD_TITLE",
        ),
        primary_key=("presetId", "ID"),
        parents=static_parents(Parent(stream="requisite_presets", param="preset.ID", column="presetId")),
    ),
    Entity(
        stream="crm_addresses",
        scope=("crm",),
        endpoint=replace(upper("crm.address.list", paging=StartParameter(order=None)), reliable_total=False),
        fields_method="crm.address.fields",
        documented_columns=columns(
            integer="TYPE_ID ENTITY_TYPE_ID ENTITY_ID LOC_ADDR_ID ANCHOR_TYPE_ID ANCHOR_ID",
            string="ADDRESS_1 ADDRESS_2 CITY POSTAL_CODE REGION PROVINCE COUNTRY COUNTRY_CODE",
        ),
        primary_key=("TYPE_ID", "ENTITY_TYPE_ID", "ENTITY_ID"),
        selected_by_default=True,
    ),
    Entity(
        stream="crm_order_entities",
        scope=("crm",),
        endpoint=camel("crm.orderentity.list", "orderEntity", paging=SINGLE_PAGE, key="orderId"),
        fields_method="crm.orderentity.getFields",
        documented_columns=columns(
            integer="orderId ownerId ownerTypeId",
        ),
        primary_key=("orderId", "ownerId"),
        selected_by_default=True,
        variants=for_each_value("start", -1),  # all bindings in one answer; any other start counts them
    ),
    Entity(
        stream="crm_item_payments",
        scope=("crm",),
        endpoint=camel("crm.item.payment.list", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="id empPaidId paySystemId entityTypeId entityId",
            double="sum",
            boolean="paid",
            datetime="datePaid",
            string="accountNumber currency paySystemName",
        ),
        primary_key=("id",),
        parents=payment_owners,
    ),
    Entity(
        stream="crm_item_deliveries",
        scope=("crm",),
        endpoint=camel("crm.item.delivery.list", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="id deliveryId entityTypeId entityId",
            double="priceDelivery",
            boolean="deducted",
            datetime="dateDeducted",
            string="accountNumber currency deliveryName",
        ),
        primary_key=("id",),
        parents=payment_owners,
    ),
    Entity(
        stream="crm_payment_products",
        scope=("crm",),
        endpoint=camel("crm.item.payment.product.list", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="id paymentId rowId",
            double="quantity",
        ),
        primary_key=("id",),
        parents=static_parents(Parent(stream="order_payments", param="paymentId", fixed_params={"filter": {}})),
    ),
    Entity(
        stream="crm_payment_deliveries",
        scope=("crm",),
        endpoint=camel("crm.item.payment.delivery.list", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="id paymentId deliveryId",
            double="quantity",
        ),
        primary_key=("id",),
        parents=static_parents(Parent(stream="order_payments", param="paymentId", fixed_params={"filter": {}})),
    ),
    Entity(
        stream="userfield_config",
        scope=("userfieldconfig",),
        endpoint=camel("userfieldconfig.list", "fields", paging=StartParameter(order=None)),
        documented_columns=columns(
            integer="id sort",
            boolean="multiple mandatory showInList editInList isSearchable",
            string="entityId fieldName userTypeId xmlId showFilter ",
            json="settings languageId enum",
            lang_map="editFormLabel listColumnLabel listFilterLabel errorMessage helpMessage",
        ),
        primary_key=("id",),
        selected_by_default=True,
        variants=for_each_value("moduleId", "crm", "rpa", "catalog", "tasks", "user"),
        ignorable_errors=NO_SUCH_MODULE,
    ),
    Entity(
        stream="automated_solutions",
        scope=("crm",),
        endpoint=camel("crm.automatedsolution.list", "automatedSolutions"),
        fields_method="crm.automatedsolution.fields",
        documented_columns=columns(
            integer="id",
            string="title",
            integer_list="typeIds",
        ),
        primary_key=("id",),
    ),
    Entity(
        stream="call_lists",
        scope=("crm",),
        endpoint=upper("crm.calllist.list", paging=StartParameter("FILTER", "ORDER")),
        documented_columns=columns(
            integer="ID CREATED_BY_ID WEBFORM_ID ENTITY_TYPE_ID",
            datetime="DATE_CREATE",
        ),
    ),
    Entity(
        stream="call_list_items",
        scope=("crm",),
        endpoint=upper("crm.calllist.items.get", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="ID ENTITY_TYPE LIST_ID",
            string="STATUS",
        ),
        primary_key=("LIST_ID", "ENTITY_TYPE", "ID"),
        parents=static_parents(Parent(stream="call_lists", param="LIST_ID", column="LIST_ID")),
    ),
    Entity(
        stream="call_list_statuses",
        scope=("crm",),
        endpoint=upper("crm.calllist.statuslist", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="ID SORT",
            string="NAME STATUS_ID",
        ),
    ),
    Entity(
        stream="crm_enum_owner_types",
        scope=("crm",),
        endpoint=upper("crm.enum.ownertype", paging=SINGLE_PAGE),
        fields_method="crm.enum.fields",
        documented_columns=columns(
            integer="ID",
            string="NAME SYMBOL_CODE SYMBOL_CODE_SHORT",
        ),
        selected_by_default=True,
    ),
    Entity(
        stream="crm_enum_address_types",
        scope=("crm",),
        endpoint=upper("crm.enum.addresstype", paging=SINGLE_PAGE),
        fields_method="crm.enum.fields",
        documented_columns=columns(
            integer="ID",
            string="NAME SYMBOL_CODE SYMBOL_CODE_SHORT",
        ),
    ),
    Entity(
        stream="crm_enum_activity_types",
        scope=("crm",),
        endpoint=upper("crm.enum.activitytype", paging=SINGLE_PAGE),
        fields_method="crm.enum.fields",
        documented_columns=columns(integer="ID", string="NAME SYMBOL_CODE SYMBOL_CODE_SHORT"),
    ),
    Entity(
        stream="crm_duplicate_volatile_types",
        scope=("crm",),
        endpoint=camel("crm.duplicate.volatileType.list", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="id entityTypeId",
            string="fieldCode",
        ),
        primary_key=("id",),
    ),
    Entity(
        stream="crm_documents",
        scope=("crm",),
        endpoint=camel("crm.documentgenerator.document.list", "documents", select="select"),
        documented_columns=columns(
            integer="id templateId entityTypeId entityId fileId imageId pdfId createdBy updatedBy",
            boolean="stampsEnabled",
            datetime="createTime updateTime",
            string="title number downloadUrl imageUrl pdfUrl downloadUrlMachine pdfUrlMachine imageUrlMachine",
            json="values",
        ),
        primary_key=("id",),
        replication_key=ReplicationKey("updateTime", "updateTime", timezone_margin=ALL_TIMEZONES),
        select=("*",),
        selected_by_default=True,
    ),
    Entity(
        stream="crm_document_templates",
        scope=("crm",),
        endpoint=camel("crm.documentgenerator.template.list", "templates", select="select", shape=keyed("id")),
        documented_columns=columns(
            integer="id numeratorId sort",
            boolean="active withStamps isDeleted",
            datetime="createTime updateTime",
            string="name region code moduleId",
            json="users entityTypeId",
            link="download downloadMachine",
        ),
        primary_key=("id",),
        replication_key=ReplicationKey("updateTime", "updateTime", timezone_margin=ALL_TIMEZONES),
        select=("*",),
    ),
    Entity(
        stream="crm_document_numerators",
        scope=("crm",),
        endpoint=camel("crm.documentgenerator.numerator.list", "numerators", paging=StartParameter(order=None)),
        documented_columns=columns(
            integer="id",
            string="name template",
            json="settings",
        ),
        primary_key=("id",),
    ),
    Entity(
        stream="invoices_old",
        scope=("crm",),
        endpoint=upper("crm.invoice.list", select="select"),
        fields_method="crm.invoice.fields",
        documented_columns=columns(
            integer="ID CREATED_BY EMP_PAYED_ID EMP_STATUS_ID PAY_SYSTEM_ID PERSON_TYPE_ID RESPONSIBLE_ID "
            "UF_COMPANY_ID UF_CONTACT_ID UF_MYCOMPANY_ID UF_DEAL_ID PR_LOCATION",
            double="PRICE TAX_VALUE",
            boolean="PAYED",
            date="DATE_BILL DATE_PAY_BEFORE PAY_VOUCHER_DATE",
            datetime="DATE_INSERT DATE_MARKED DATE_PAYED DATE_STATUS DATE_UPDATE",
            string="LID RESPONSIBLE_PERSONAL_PHOTO ACCOUNT_NUMBER COMMENTS XML_ID ORDER_TOPIC PAY_VOUCHER_NUM "
            "REASON_MARKED RESPONSIBLE_EMAIL RESPONSIBLE_LAST_NAME RESPONSIBLE_LOGIN RESPONSIBLE_NAME "
            "RESPONSIBLE_SECOND_NAME RESPONSIBLE_WORK_POSITION USER_DESCRIPTION",
            crm_currency="CURRENCY",
            crm_status="STATUS_ID",
            json="INVOICE_PROPERTIES PRODUCT_ROWS",
        ),
        replication_key=ReplicationKey("DATE_UPDATE", "DATE_UPDATE"),
        select=("*", "UF_*"),
        type_overrides={
            "DATE_BILL": "datetime",
            "DATE_PAY_BEFORE": "datetime",
        },  # described as dates, sent with a time of day
    ),
    Entity(
        stream="invoice_recurring_old",
        scope=("crm",),
        endpoint=upper("crm.invoice.recurring.list", select="select"),
        fields_method="crm.invoice.recurring.fields",
        documented_columns=columns(
            integer="ID INVOICE_ID COUNTER_REPEAT EMAIL_ID LIMIT_REPEAT",
            boolean="ACTIVE SEND_BILL",
            date="NEXT_EXECUTION LAST_EXECUTION START_DATE LIMIT_DATE",
            recurring_params="PARAMS",
            text="IS_LIMIT",
        ),
        select=("*",),
        type_overrides={"IS_LIMIT": "text", "PARAMS": "mixed"},  # IS_LIMIT: N, D or T
    ),
    Entity(
        stream="invoice_statuses_old",
        scope=("crm",),
        endpoint=upper("crm.invoice.status.list", paging=SINGLE_PAGE),
        fields_method="crm.invoice.status.fields",
        documented_columns=columns(
            integer="ID SORT",
            boolean="SYSTEM",
            string="ENTITY_ID NAME NAME_INIT STATUS_ID",
        ),
    ),
)
