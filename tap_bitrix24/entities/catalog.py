"""The product catalog: products and their properties, prices, stores and their documents (scope catalog)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tap_bitrix24.dialects.pagination import StartParameter
from tap_bitrix24.entities.base import (
    ALL_TIMEZONES,
    NO_SUCH_LIST,
    POSITION,
    SINGLE_PAGE,
    Entity,
    Parent,
    camel,
    columns,
    for_each_offer_iblock,
    for_each_product_iblock,
    for_each_value,
    product_fields,
    static_parents,
)
from tap_bitrix24.model.endpoint import Endpoint, ReplicationKey
from tap_bitrix24.model.field import Field
from tap_bitrix24.schema.field_descriptions import parse_fields


def _products(method: str, rows_at: str) -> Endpoint:
    """Lists of products refuse a selection without the catalog they are asked for."""
    return replace(camel(method, rows_at, select="select"), required_select=("iblockId",))


def document_user_fields(answer: Any) -> list[Field]:
    """User fields of store documents: their values come in columns named after the field's id, not its name."""
    rows = answer.get("fields") if isinstance(answer, dict) else answer
    return [
        replace(field, name=f"field{row['id']}")
        for row in rows or []
        for field in parse_fields([row])
        if str(row.get("entityId", "")).startswith("CAT_STORE_DOCUMENT")
    ]


PRODUCTS = ("products", "product_offers", "product_skus", "product_services")

_TOUCHED = ReplicationKey("timestampX", "timestampX", timezone_margin=ALL_TIMEZONES)
_GOODS: Mapping[str, str] = columns(
    integer="id iblockId createdBy modifiedBy iblockSectionId measure sort vatId type recurSchemeLength trialPriceId",
    double="height length weight width purchasingPrice quantity quantityReserved",
    boolean="active available barcodeMulti bundle vatIncluded withoutOrder",
    datetime="dateActiveFrom dateActiveTo dateCreate timestampX",
    string="name code xmlId previewText detailText previewTextType detailTextType purchasingCurrency "
    "recurSchemeType canBuyZero subscribe quantityTrace",
    json="previewPicture detailPicture",
)
"""What products and their variations have in common."""

CATALOG: Sequence[Entity] = (
    Entity(
        stream="products",
        scope=("catalog",),
        endpoint=_products("catalog.product.list", "products"),
        fields_method="catalog.product.getFieldsByFilter",
        documented_columns=_GOODS,
        primary_key=("id",),
        replication_key=_TOUCHED,
        selected_by_default=True,
        fields_variants=product_fields(1),
        variants=for_each_product_iblock,
        select_all_fields=True,
        ignorable_errors=NO_SUCH_LIST,
    ),
    Entity(
        stream="product_offers",
        scope=("catalog",),
        endpoint=_products("catalog.product.offer.list", "offers"),
        fields_method="catalog.product.offer.getFieldsByFilter",
        documented_columns={**_GOODS, "parentId": "json"},
        primary_key=("id",),
        replication_key=_TOUCHED,
        selected_by_default=True,
        fields_variants=product_fields(4),
        variants=for_each_offer_iblock,
        select_all_fields=True,
        ignorable_errors=NO_SUCH_LIST,
    ),
    Entity(
        stream="product_skus",
        scope=("catalog",),
        endpoint=_products("catalog.product.sku.list", "units"),
        fields_method="catalog.product.sku.getFieldsByFilter",
        documented_columns=columns(
            integer="id iblockId createdBy modifiedBy iblockSectionId measure sort vatId type",
            double="height length weight width purchasingPrice quantity",
            boolean="active available bundle vatIncluded",
            datetime="dateActiveFrom dateActiveTo dateCreate timestampX",
            string="name code xmlId previewText detailText previewTextType detailTextType purchasingCurrency "
            "canBuyZero subscribe",
            json="previewPicture detailPicture",
        ),
        primary_key=("id",),
        replication_key=_TOUCHED,
        selected_by_default=True,
        fields_variants=product_fields(3),
        variants=for_each_product_iblock,
        select_all_fields=True,
        ignorable_errors=NO_SUCH_LIST,
    ),
    Entity(
        stream="product_services",
        scope=("catalog",),
        endpoint=_products("catalog.product.service.list", "services"),
        fields_method="catalog.product.service.getFieldsByFilter",
        documented_columns=columns(
            integer="id iblockId createdBy modifiedBy iblockSectionId measure sort vatId type",
            boolean="active available bundle vatIncluded",
            datetime="dateActiveFrom dateActiveTo dateCreate timestampX",
            string="name code xmlId previewText detailText previewTextType detailTextType",
            json="previewPicture detailPicture",
        ),
        primary_key=("id",),
        replication_key=_TOUCHED,
        selected_by_default=True,
        fields_variants=product_fields(7),
        variants=for_each_product_iblock,
        select_all_fields=True,
        ignorable_errors=NO_SUCH_LIST,
    ),
    Entity(
        stream="catalogs",
        scope=("catalog",),
        endpoint=camel("catalog.catalog.list", "catalogs"),
        fields_method="catalog.catalog.getFields",
        documented_columns=columns(
            integer="id iblockId productIblockId skuPropertyId vatId",
            boolean="subscription",
            string="iblockTypeId lid name",
        ),
        primary_key=("id",),
        selected_by_default=True,
    ),
    Entity(
        stream="product_sections",
        scope=("catalog",),
        endpoint=camel("catalog.section.list", "sections"),
        fields_method="catalog.section.getFields",
        documented_columns=columns(
            integer="id iblockId iblockSectionId sort",
            boolean="active",
            string="name xmlId code description descriptionType",
        ),
        primary_key=("id",),
        selected_by_default=True,
        variants=lambda portal: [*for_each_product_iblock(portal), *for_each_offer_iblock(portal)],
        ignorable_errors=NO_SUCH_LIST,
    ),
    Entity(
        stream="product_prices",
        scope=("catalog",),
        endpoint=camel("catalog.price.list", "prices"),
        fields_method="catalog.price.getFields",
        documented_columns=columns(
            integer="id productId catalogGroupId extraId",
            double="price priceScale quantityFrom quantityTo",
            datetime="timestampX",
            string="currency",
        ),
        primary_key=("id",),
        replication_key=_TOUCHED,
        selected_by_default=True,
    ),
    Entity(
        stream="price_types",
        scope=("catalog",),
        endpoint=camel("catalog.priceType.list", "priceTypes"),
        fields_method="catalog.priceType.getFields",
        documented_columns=columns(
            integer="id sort createdBy modifiedBy",
            boolean="base",
            datetime="timestampX dateCreate",
            string="name xmlId",
        ),
        primary_key=("id",),
        replication_key=_TOUCHED,
        selected_by_default=True,
    ),
    Entity(
        stream="price_type_groups",
        scope=("catalog",),
        endpoint=camel("catalog.priceTypeGroup.list", "priceTypeGroups"),
        fields_method="catalog.priceTypeGroup.getFields",
        documented_columns=columns(
            integer="id catalogGroupId groupId",
            boolean="access",
        ),
        primary_key=("id",),
    ),
    Entity(
        stream="price_type_langs",
        scope=("catalog",),
        endpoint=camel("catalog.priceTypeLang.list", "priceTypeLangs"),
        fields_method="catalog.priceTypeLang.getFields",
        documented_columns=columns(
            integer="id catalogGroupId",
            string="name lang",
        ),
        primary_key=(POSITION,),
    ),
    Entity(
        stream="stores",
        scope=("catalog",),
        endpoint=camel("catalog.store.list", "stores"),
        fields_method="catalog.store.getFields",
        documented_columns=columns(
            integer="id userId modifiedBy sort",
            double="gpsN gpsS",
            boolean="active issuingCenter",
            datetime="dateModify dateCreate",
            string="address title description phone schedule xmlId email code",
            json="imageId",
        ),
        primary_key=("id",),
        replication_key=ReplicationKey("dateModify", "dateModify", timezone_margin=ALL_TIMEZONES),
        selected_by_default=True,
    ),
    Entity(
        stream="store_products",
        scope=("catalog",),
        endpoint=camel("catalog.storeproduct.list", "storeProducts"),
        fields_method="catalog.storeproduct.getFields",
        documented_columns=columns(
            integer="id productId storeId",
            double="amount quantityReserved",
        ),
        primary_key=("id",),
        selected_by_default=True,
    ),
    Entity(
        stream="store_documents",
        scope=("catalog",),
        endpoint=camel("catalog.document.list", "documents"),
        fields_method="catalog.document.getFields",
        documented_columns=columns(
            integer="id responsibleId createdBy modifiedBy statusBy",
            double="total",
            datetime="dateStatus dateCreate dateModify dateDocument",
            string="docType docNumber title siteId currency commentary status",
        ),
        primary_key=("id",),
        replication_key=ReplicationKey("dateModify", "dateModify", timezone_margin=ALL_TIMEZONES),
        selected_by_default=True,
    ),
    Entity(
        stream="store_document_elements",
        scope=("catalog",),
        endpoint=camel("catalog.document.element.list", "documentElements"),
        fields_method="catalog.document.element.getFields",
        documented_columns=columns(
            integer="id docId elementId storeFrom storeTo",
            double="amount purchasingPrice",
        ),
        primary_key=("id",),
        selected_by_default=True,
    ),
    Entity(
        stream="store_document_contractors",
        scope=("catalog",),
        endpoint=camel("catalog.documentcontractor.list", "documentContractor"),
        fields_method="catalog.documentcontractor.getFields",
        documented_columns=columns(
            integer="id documentId entityTypeId entityId",
        ),
        primary_key=("id",),
    ),
    Entity(
        stream="store_document_userfields",
        scope=("catalog",),
        endpoint=camel("catalog.userfield.document.list", "documents", key="documentId", select="select"),
        documented_columns=columns(
            integer="documentId",
            string="documentType",
        ),
        primary_key=("documentType", "documentId"),
        fields_method="userfieldconfig.list",
        fields_params={"moduleId": "catalog"},
        describe=document_user_fields,
        variants=for_each_value("filter.documentType", "A", "S", "M", "R", "D", "W"),
        select_all_fields=True,
    ),
    Entity(
        stream="product_properties",
        scope=("catalog",),
        endpoint=camel("catalog.productProperty.list", "productProperties"),
        fields_method="catalog.productProperty.getFields",
        documented_columns=columns(
            integer="id iblockId sort rowCount colCount multipleCnt linkIblockId",
            boolean="active multiple withDescription searchable filtrable isRequired",
            datetime="timestampX",
            string="name code defaultValue propertyType listType userType xmlId fileType hint",
            json="userTypeSettings",
        ),
        primary_key=("id",),
        replication_key=_TOUCHED,
        selected_by_default=True,
    ),
    Entity(
        stream="product_property_enums",
        scope=("catalog",),
        endpoint=camel("catalog.productPropertyEnum.list", "productPropertyEnums"),
        fields_method="catalog.productPropertyEnum.getFields",
        documented_columns=columns(
            integer="id propertyId sort",
            boolean="def",
            string="value xmlId",
        ),
        primary_key=("id",),
        selected_by_default=True,
    ),
    Entity(
        stream="product_property_features",
        scope=("catalog",),
        endpoint=camel("catalog.productPropertyFeature.list", "productPropertyFeatures"),
        fields_method="catalog.productPropertyFeature.getFields",
        documented_columns=columns(
            integer="id propertyId",
            boolean="isEnabled",
            string="moduleId featureId",
        ),
        primary_key=("id",),
    ),
    Entity(
        stream="product_property_sections",
        scope=("catalog",),
        endpoint=camel(
            "catalog.productPropertySection.list",
            "productPropertySections",
            paging=StartParameter(order=None),
            key="propertyId",
        ),
        documented_columns=columns(
            integer="iblockId propertyId sectionId",
            boolean="smartFilter displayExpanded",
            string="displayType filterHint",
        ),
        primary_key=(POSITION,),
    ),
    Entity(
        stream="product_images",
        scope=("catalog",),
        endpoint=camel("catalog.productImage.list", "productImages", paging=SINGLE_PAGE),
        fields_method="catalog.productImage.getFields",
        documented_columns=columns(
            integer="id productId",
            datetime="createTime",
            string="name type downloadUrl detailUrl",
        ),
        primary_key=("id",),
        parents=static_parents(*(Parent(stream=stream, param="productId") for stream in PRODUCTS)),
    ),
    Entity(
        stream="measures",
        scope=("catalog",),
        endpoint=camel("catalog.measure.list", "measures"),
        fields_method="catalog.measure.getFields",
        documented_columns=columns(
            integer="id code",
            boolean="isDefault",
            string="measureTitle symbol symbolIntl symbolLetterIntl",
        ),
        primary_key=("id",),
        selected_by_default=True,
    ),
    Entity(
        stream="measure_ratios",
        scope=("catalog",),
        endpoint=camel("catalog.ratio.list", "ratios"),
        fields_method="catalog.ratio.getFields",
        documented_columns=columns(
            integer="id productId",
            double="ratio",
            boolean="isDefault",
        ),
        primary_key=("id",),
    ),
    Entity(
        stream="rounding_rules",
        scope=("catalog",),
        endpoint=camel("catalog.roundingRule.list", "roundingRules"),
        fields_method="catalog.roundingRule.getFields",
        documented_columns=columns(
            integer="id catalogGroupId roundType createdBy modifiedBy",
            double="price roundPrecision",
            datetime="dateCreate dateModify",
        ),
        primary_key=("id",),
        replication_key=ReplicationKey("dateModify", "dateModify", timezone_margin=ALL_TIMEZONES),
    ),
    Entity(
        stream="vat_rates",
        scope=("catalog",),
        endpoint=camel("catalog.vat.list", "vats"),
        fields_method="catalog.vat.getFields",
        documented_columns=columns(
            integer="id sort",
            double="rate",
            boolean="active",
            datetime="timestampX",
            string="name",
        ),
        primary_key=("id",),
        replication_key=_TOUCHED,
        selected_by_default=True,
    ),
    Entity(
        stream="price_extras",
        scope=("catalog",),
        endpoint=camel("catalog.extra.list", "extras"),
        fields_method="catalog.extra.getFields",
        documented_columns=columns(
            integer="id",
            double="percentage",
            string="name",
        ),
        primary_key=("id",),
    ),
)
