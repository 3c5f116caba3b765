"""The product catalog: products and their properties, prices, stores and their documents (scope catalog)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tap_bitrix24.entities.entity import POSITION, Entity, Parent
from tap_bitrix24.entities.known_columns import known_columns
from tap_bitrix24.entities.portal_info import PortalInfo
from tap_bitrix24.entities.presets import ALL_FIELDS, UNORDERED, Scope, controller_list, unpaged_list
from tap_bitrix24.entities.variants import (
    ListVariant,
    for_each_offer_iblock,
    for_each_product_iblock,
    for_each_value,
    product_fields,
)
from tap_bitrix24.model.field import Field
from tap_bitrix24.schema.field_descriptions import parse_fields

_COLUMNS = known_columns("catalog")
catalog = Scope(("catalog",), _COLUMNS)


def document_user_fields(answer: Any) -> list[Field]:
    """User fields of store documents: their values come in columns named after the field's id, not its name."""
    rows = answer.get("fields") if isinstance(answer, dict) else answer
    return [
        replace(field, name=f"field{row['id']}")
        for row in rows or []
        for field in parse_fields([row])
        if str(row.get("entityId", "")).startswith("CAT_STORE_DOCUMENT")
    ]


_Variants = Callable[[PortalInfo], Sequence[ListVariant]]
PRODUCTS = ("products", "product_offers", "product_skus", "product_services")


def _products(
    stream: str,
    rows: str,
    product_type: int,
    method: str,
    *,
    fields: str,
    variants: _Variants = for_each_product_iblock,
) -> Entity:
    """Products of one type, a list per catalog; the method refuses a selection without the catalog's id."""
    methods = controller_list(
        method, rows, fields=fields, fields_variants=product_fields(product_type), required_select=("iblockId",)
    )
    return catalog.default_stream(
        stream,
        methods,
        replication_key="timestampX",
        select=ALL_FIELDS,
        variants=variants,
    )


def _for_each_iblock(portal: PortalInfo) -> list[ListVariant]:
    """One list for each catalog, of products or of variations."""
    return [*for_each_product_iblock(portal), *for_each_offer_iblock(portal)]


CATALOG: Sequence[Entity] = (
    _products("products", "products", 1, "catalog.product.list", fields="catalog.product.getFieldsByFilter"),
    _products(
        "product_offers",
        "offers",
        4,
        "catalog.product.offer.list",
        fields="catalog.product.offer.getFieldsByFilter",
        variants=for_each_offer_iblock,
    ),
    _products("product_skus", "units", 3, "catalog.product.sku.list", fields="catalog.product.sku.getFieldsByFilter"),
    _products(
        "product_services",
        "services",
        7,
        "catalog.product.service.list",
        fields="catalog.product.service.getFieldsByFilter",
    ),
    catalog.default_stream(
        "catalogs", controller_list("catalog.catalog.list", "catalogs", fields="catalog.catalog.getFields")
    ),
    catalog.default_stream(
        "product_sections",
        controller_list("catalog.section.list", "sections", fields="catalog.section.getFields"),
        variants=_for_each_iblock,
    ),
    catalog.default_stream(
        "product_prices",
        controller_list("catalog.price.list", "prices", fields="catalog.price.getFields"),
        replication_key="timestampX",
    ),
    catalog.default_stream(
        "price_types",
        controller_list("catalog.priceType.list", "priceTypes", fields="catalog.priceType.getFields"),
        replication_key="timestampX",
    ),
    catalog.stream(
        "price_type_groups",
        controller_list("catalog.priceTypeGroup.list", "priceTypeGroups", fields="catalog.priceTypeGroup.getFields"),
    ),
    catalog.stream(
        "price_type_langs",
        controller_list("catalog.priceTypeLang.list", "priceTypeLangs", fields="catalog.priceTypeLang.getFields"),
        primary_key=(POSITION,),
    ),
    catalog.default_stream(
        "stores",
        controller_list("catalog.store.list", "stores", fields="catalog.store.getFields"),
        replication_key="dateModify",
    ),
    catalog.default_stream(
        "store_products",
        controller_list("catalog.storeproduct.list", "storeProducts", fields="catalog.storeproduct.getFields"),
    ),
    catalog.default_stream(
        "store_documents",
        controller_list("catalog.document.list", "documents", fields="catalog.document.getFields"),
        replication_key="dateModify",
    ),
    catalog.default_stream(
        "store_document_elements",
        controller_list(
            "catalog.document.element.list", "documentElements", fields="catalog.document.element.getFields"
        ),
    ),
    catalog.stream(
        "store_document_contractors",
        controller_list(
            "catalog.documentcontractor.list", "documentContractor", fields="catalog.documentcontractor.getFields"
        ),
    ),
    catalog.stream(
        "store_document_userfields",
        controller_list(
            "catalog.userfield.document.list",
            "documents",
            key="documentId",
            fields="userfieldconfig.list",
            fields_params={"moduleId": "catalog"},
            parse_fields=document_user_fields,
        ),
        primary_key=("documentType", "documentId"),
        select=ALL_FIELDS,
        variants=for_each_value("filter.documentType", "A", "S", "M", "R", "D", "W"),
    ),
    catalog.default_stream(
        "product_properties",
        controller_list(
            "catalog.productProperty.list", "productProperties", fields="catalog.productProperty.getFields"
        ),
        replication_key="timestampX",
    ),
    catalog.default_stream(
        "product_property_enums",
        controller_list(
            "catalog.productPropertyEnum.list", "productPropertyEnums", fields="catalog.productPropertyEnum.getFields"
        ),
    ),
    catalog.stream(
        "product_property_features",
        controller_list(
            "catalog.productPropertyFeature.list",
            "productPropertyFeatures",
            fields="catalog.productPropertyFeature.getFields",
        ),
    ),
    catalog.stream(
        "product_property_sections",
        controller_list(
            "catalog.productPropertySection.list", "productPropertySections", key="propertyId", paging=UNORDERED
        ),
        primary_key=(POSITION,),
    ),
    catalog.stream(
        "product_images",
        unpaged_list("catalog.productImage.list", "productImages", key="id", fields="catalog.productImage.getFields"),
        parents=[Parent(stream, "productId") for stream in PRODUCTS],
    ),
    catalog.default_stream(
        "measures", controller_list("catalog.measure.list", "measures", fields="catalog.measure.getFields")
    ),
    catalog.stream("measure_ratios", controller_list("catalog.ratio.list", "ratios", fields="catalog.ratio.getFields")),
    catalog.stream(
        "rounding_rules",
        controller_list("catalog.roundingRule.list", "roundingRules", fields="catalog.roundingRule.getFields"),
        replication_key="dateModify",
    ),
    catalog.default_stream(
        "vat_rates",
        controller_list("catalog.vat.list", "vats", fields="catalog.vat.getFields"),
        replication_key="timestampX",
    ),
    catalog.stream("price_extras", controller_list("catalog.extra.list", "extras", fields="catalog.extra.getFields")),
)
