"""The product catalog: products and their properties, prices, stores and their documents (scope catalog)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tap_bitrix24.dialects.pagination import ByStart
from tap_bitrix24.entities.base import (
    NO_SUCH_LIST,
    POSITION,
    WHOLE,
    ZONES,
    Entity,
    Parent,
    camel,
    columns,
    each_block,
    each_offer_block,
    each_value,
    every,
    product_fields,
)
from tap_bitrix24.model.endpoint import Endpoint, Stamp
from tap_bitrix24.model.field import Field
from tap_bitrix24.schema.field_descriptions import parse_fields


def _products(method: str, rows_at: str) -> Endpoint:
    """Lists of products refuse a selection without the catalog they are asked for."""
    return replace(camel(method, rows_at, select="select"), selects=("iblockId",))


def document_user_fields(answer: Any) -> list[Field]:
    """User fields of store documents: their values come in columns named after the field's id, not its name."""
    rows = answer.get("fields") if isinstance(answer, dict) else answer
    return [replace(field, name=f"field{row['id']}") for row in rows or [] for field in parse_fields([row])
            if str(row.get("entityId", "")).startswith("CAT_STORE_DOCUMENT")]  # fmt: skip


PRODUCTS = ("products", "product_offers", "product_skus", "product_services")

_TOUCHED = Stamp("timestampX", "timestampX", margin=ZONES)
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
        documented=_GOODS,
        key=("id",),
        stamp=_TOUCHED,
        default=True,
        fields_each=product_fields(1),
        each=each_block,
        select_fields=True,
        tolerated=NO_SUCH_LIST,
    ),
    Entity(
        stream="product_offers",
        scope=("catalog",),
        endpoint=_products("catalog.product.offer.list", "offers"),
        fields_method="catalog.product.offer.getFieldsByFilter",
        documented={**_GOODS, "parentId": "json"},
        key=("id",),
        stamp=_TOUCHED,
        default=True,
        fields_each=product_fields(4),
        each=each_offer_block,
        select_fields=True,
        tolerated=NO_SUCH_LIST,
    ),
    Entity(
        stream="product_skus",
        scope=("catalog",),
        endpoint=_products("catalog.product.sku.list", "units"),
        fields_method="catalog.product.sku.getFieldsByFilter",
        documented=columns(
            integer="id iblockId createdBy modifiedBy iblockSectionId measure sort vatId type",
            double="height length weight width purchasingPrice quantity",
            boolean="active available bundle vatIncluded",
            datetime="dateActiveFrom dateActiveTo dateCreate timestampX",
            string="name code xmlId previewText detailText previewTextType detailTextType purchasingCurrency "
            "canBuyZero subscribe",
            json="previewPicture detailPicture",
        ),
        key=("id",),
        stamp=_TOUCHED,
        default=True,
        fields_each=product_fields(3),
        each=each_block,
        select_fields=True,
        tolerated=NO_SUCH_LIST,
    ),
    Entity(
        stream="product_services",
        scope=("catalog",),
        endpoint=_products("catalog.product.service.list", "services"),
        fields_method="catalog.product.service.getFieldsByFilter",
        documented=columns(
            integer="id iblockId createdBy modifiedBy iblockSectionId measure sort vatId type",
            boolean="active available bundle vatIncluded",
            datetime="dateActiveFrom dateActiveTo dateCreate timestampX",
            string="name code xmlId previewText detailText previewTextType detailTextType",
            json="previewPicture detailPicture",
        ),
        key=("id",),
        stamp=_TOUCHED,
        default=True,
        fields_each=product_fields(7),
        each=each_block,
        select_fields=True,
        tolerated=NO_SUCH_LIST,
    ),
    Entity(
        stream="catalogs",
        scope=("catalog",),
        endpoint=camel("catalog.catalog.list", "catalogs"),
        fields_method="catalog.catalog.getFields",
        documented=columns(
            integer="id iblockId productIblockId skuPropertyId vatId",
            boolean="subscription",
            string="iblockTypeId lid name",
        ),
        key=("id",),
        default=True,
    ),
    Entity(
        stream="product_sections",
        scope=("catalog",),
        endpoint=camel("catalog.section.list", "sections"),
        fields_method="catalog.section.getFields",
        documented=columns(
            integer="id iblockId iblockSectionId sort",
            boolean="active",
            string="name xmlId code description descriptionType",
        ),
        key=("id",),
        default=True,
        each=lambda portal: [*each_block(portal), *each_offer_block(portal)],
        tolerated=NO_SUCH_LIST,
    ),
    Entity(
        stream="product_prices",
        scope=("catalog",),
        endpoint=camel("catalog.price.list", "prices"),
        fields_method="catalog.price.getFields",
        documented=columns(
            integer="id productId catalogGroupId extraId",
            double="price priceScale quantityFrom quantityTo",
            datetime="timestampX",
            string="currency",
        ),
        key=("id",),
        stamp=_TOUCHED,
        default=True,
    ),
    Entity(
        stream="price_types",
        scope=("catalog",),
        endpoint=camel("catalog.priceType.list", "priceTypes"),
        fields_method="catalog.priceType.getFields",
        documented=columns(
            integer="id sort createdBy modifiedBy",
            boolean="base",
            datetime="timestampX dateCreate",
            string="name xmlId",
        ),
        key=("id",),
        stamp=_TOUCHED,
        default=True,
    ),
    Entity(
        stream="price_type_groups",
        scope=("catalog",),
        endpoint=camel("catalog.priceTypeGroup.list", "priceTypeGroups"),
        fields_method="catalog.priceTypeGroup.getFields",
        documented=columns(
            integer="id catalogGroupId groupId",
            boolean="access",
        ),
        key=("id",),
    ),
    Entity(
        stream="price_type_langs",
        scope=("catalog",),
        endpoint=camel("catalog.priceTypeLang.list", "priceTypeLangs"),
        fields_method="catalog.priceTypeLang.getFields",
        documented=columns(
            integer="id catalogGroupId",
            string="name lang",
        ),
        key=(POSITION,),
    ),
    Entity(
        stream="stores",
        scope=("catalog",),
        endpoint=camel("catalog.store.list", "stores"),
        fields_method="catalog.store.getFields",
        documented=columns(
            integer="id userId modifiedBy sort",
            double="gpsN gpsS",
            boolean="active issuingCenter",
            datetime="dateModify dateCreate",
            string="address title description phone schedule xmlId email code",
            json="imageId",
        ),
        key=("id",),
        stamp=Stamp("dateModify", "dateModify", margin=ZONES),
        default=True,
    ),
    Entity(
        stream="store_products",
        scope=("catalog",),
        endpoint=camel("catalog.storeproduct.list", "storeProducts"),
        fields_method="catalog.storeproduct.getFields",
        documented=columns(
            integer="id productId storeId",
            double="amount quantityReserved",
        ),
        key=("id",),
        default=True,
    ),
    Entity(
        stream="store_documents",
        scope=("catalog",),
        endpoint=camel("catalog.document.list", "documents"),
        fields_method="catalog.document.getFields",
        documented=columns(
            integer="id responsibleId createdBy modifiedBy statusBy",
            double="total",
            datetime="dateStatus dateCreate dateModify dateDocument",
            string="docType docNumber title siteId currency commentary status",
        ),
        key=("id",),
        stamp=Stamp("dateModify", "dateModify", margin=ZONES),
        default=True,
    ),
    Entity(
        stream="store_document_elements",
        scope=("catalog",),
        endpoint=camel("catalog.document.element.list", "documentElements"),
        fields_method="catalog.document.element.getFields",
        documented=columns(
            integer="id docId elementId storeFrom storeTo",
            double="amount purchasingPrice",
        ),
        key=("id",),
        default=True,
    ),
    Entity(
        stream="store_document_contractors",
        scope=("catalog",),
        endpoint=camel("catalog.documentcontractor.list", "documentContractor"),
        fields_method="catalog.documentcontractor.getFields",
        documented=columns(
            integer="id documentId entityTypeId entityId",
        ),
        key=("id",),
    ),
    Entity(
        stream="store_document_userfields",
        scope=("catalog",),
        endpoint=camel("catalog.userfield.document.list", "documents", key="documentId", select="select"),
        documented=columns(
            integer="documentId",
            string="documentType",
        ),
        key=("documentType", "documentId"),
        fields_method="userfieldconfig.list",
        fields_params={"moduleId": "catalog"},
        describe=document_user_fields,
        each=each_value("filter.documentType", "A", "S", "M", "R", "D", "W"),
        select_fields=True,
    ),
    Entity(
        stream="product_properties",
        scope=("catalog",),
        endpoint=camel("catalog.productProperty.list", "productProperties"),
        fields_method="catalog.productProperty.getFields",
        documented=columns(
            integer="id iblockId sort rowCount colCount multipleCnt linkIblockId",
            boolean="active multiple withDescription searchable filtrable isRequired",
            datetime="timestampX",
            string="name code defaultValue propertyType listType userType xmlId fileType hint",
            json="userTypeSettings",
        ),
        key=("id",),
        stamp=_TOUCHED,
        default=True,
    ),
    Entity(
        stream="product_property_enums",
        scope=("catalog",),
        endpoint=camel("catalog.productPropertyEnum.list", "productPropertyEnums"),
        fields_method="catalog.productPropertyEnum.getFields",
        documented=columns(
            integer="id propertyId sort",
            boolean="def",
            string="value xmlId",
        ),
        key=("id",),
        default=True,
    ),
    Entity(
        stream="product_property_features",
        scope=("catalog",),
        endpoint=camel("catalog.productPropertyFeature.list", "productPropertyFeatures"),
        fields_method="catalog.productPropertyFeature.getFields",
        documented=columns(
            integer="id propertyId",
            boolean="isEnabled",
            string="moduleId featureId",
        ),
        key=("id",),
    ),
    Entity(
        stream="product_property_sections",
        scope=("catalog",),
        endpoint=camel(
            "catalog.productPropertySection.list",
            "productPropertySections",
            paging=ByStart(order=None),
            key="propertyId",
        ),
        documented=columns(
            integer="iblockId propertyId sectionId",
            boolean="smartFilter displayExpanded",
            string="displayType filterHint",
        ),
        key=(POSITION,),
    ),
    Entity(
        stream="product_images",
        scope=("catalog",),
        endpoint=camel("catalog.productImage.list", "productImages", paging=WHOLE),
        fields_method="catalog.productImage.getFields",
        documented=columns(
            integer="id productId",
            datetime="createTime",
            string="name type downloadUrl detailUrl",
        ),
        key=("id",),
        parents=every(*(Parent(stream=stream, param="productId") for stream in PRODUCTS)),
    ),
    Entity(
        stream="measures",
        scope=("catalog",),
        endpoint=camel("catalog.measure.list", "measures"),
        fields_method="catalog.measure.getFields",
        documented=columns(
            integer="id code",
            boolean="isDefault",
            string="measureTitle symbol symbolIntl symbolLetterIntl",
        ),
        key=("id",),
        default=True,
    ),
    Entity(
        stream="measure_ratios",
        scope=("catalog",),
        endpoint=camel("catalog.ratio.list", "ratios"),
        fields_method="catalog.ratio.getFields",
        documented=columns(
            integer="id productId",
            double="ratio",
            boolean="isDefault",
        ),
        key=("id",),
    ),
    Entity(
        stream="rounding_rules",
        scope=("catalog",),
        endpoint=camel("catalog.roundingRule.list", "roundingRules"),
        fields_method="catalog.roundingRule.getFields",
        documented=columns(
            integer="id catalogGroupId roundType createdBy modifiedBy",
            double="price roundPrecision",
            datetime="dateCreate dateModify",
        ),
        key=("id",),
        stamp=Stamp("dateModify", "dateModify", margin=ZONES),
    ),
    Entity(
        stream="vat_rates",
        scope=("catalog",),
        endpoint=camel("catalog.vat.list", "vats"),
        fields_method="catalog.vat.getFields",
        documented=columns(
            integer="id sort",
            double="rate",
            boolean="active",
            datetime="timestampX",
            string="name",
        ),
        key=("id",),
        stamp=_TOUCHED,
        default=True,
    ),
    Entity(
        stream="price_extras",
        scope=("catalog",),
        endpoint=camel("catalog.extra.list", "extras"),
        fields_method="catalog.extra.getFields",
        documented=columns(
            integer="id",
            double="percentage",
            string="name",
        ),
        key=("id",),
    ),
)
