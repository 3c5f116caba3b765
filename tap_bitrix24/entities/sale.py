"""The shop: orders and what belongs to them, payment and delivery (scopes sale, pay_system, cashbox, delivery)."""

from __future__ import annotations

from collections.abc import Sequence

from tap_bitrix24.entities.entity import POSITION, Entity, Parent
from tap_bitrix24.entities.known_columns import known_columns
from tap_bitrix24.entities.presets import FILTER_ORDER, UNORDERED, Scope, classic_list, controller_list, unpaged_list

_COLUMNS = known_columns("sale")
sale = Scope(("sale",), _COLUMNS)
pay_system = Scope(("pay_system",), _COLUMNS)
delivery = Scope(("delivery",), _COLUMNS)
cashbox = Scope(("cashbox",), _COLUMNS)


SALE: Sequence[Entity] = (
    sale.default_stream(
        "orders",
        controller_list("sale.order.list", "orders", fields="sale.order.getFields"),
        replication_key="dateUpdate",
    ),
    sale.default_stream(
        "order_basket_items",
        controller_list("sale.basketitem.list", "basketItems", fields="sale.basketitem.getFields"),
        replication_key="dateUpdate",
    ),
    sale.stream(
        "order_basket_properties",
        controller_list("sale.basketproperties.list", "basketProperties", fields="sale.basketproperties.getFields"),
    ),
    sale.default_stream(
        "order_payments", controller_list("sale.payment.list", "payments", fields="sale.payment.getfields")
    ),
    sale.default_stream(
        "order_shipments", controller_list("sale.shipment.list", "shipments", fields="sale.shipment.getFields")
    ),
    sale.default_stream(
        "order_shipment_items",
        controller_list("sale.shipmentitem.list", "shipmentItems", fields="sale.shipmentitem.getfields"),
    ),
    sale.stream(
        "order_payment_items",
        controller_list("sale.paymentitembasket.list", "paymentItemsBasket", fields="sale.paymentitembasket.getfields"),
    ),
    sale.stream(
        "order_payment_shipments",
        controller_list(
            "sale.paymentitemshipment.list", "paymentItemsShipment", fields="sale.paymentitemshipment.getfields"
        ),
    ),
    sale.default_stream(
        "order_property_values",
        controller_list("sale.propertyvalue.list", "propertyValues", fields="sale.propertyvalue.getFields"),
    ),
    sale.default_stream(
        "order_properties",
        controller_list(
            "sale.property.list", "properties", fields="sale.property.getfieldsbytype", fields_params={"type": "STRING"}
        ),
    ),
    sale.stream(
        "order_property_groups",
        controller_list("sale.propertygroup.list", "propertyGroups", fields="sale.propertygroup.getFields"),
    ),
    sale.stream(
        "order_property_variants",
        controller_list("sale.propertyvariant.list", "propertyVariants", fields="sale.propertyvariant.getFields"),
    ),
    sale.stream(
        "order_property_relations",
        classic_list(
            "sale.propertyRelation.list",
            "propertyRelations",
            paging=UNORDERED,
            fields="sale.propertyRelation.getFields",
        ),
        primary_key=("entityId", "entityType", "propertyId"),
    ),
    sale.stream(
        "shipment_properties",
        controller_list(
            "sale.shipmentproperty.list",
            "properties",
            fields="sale.shipmentproperty.getfieldsbytype",
            fields_params={"type": "STRING"},
        ),
    ),
    sale.stream(
        "shipment_property_values",
        controller_list(
            "sale.shipmentpropertyvalue.list", "propertyValues", fields="sale.shipmentpropertyvalue.getfields"
        ),
    ),
    sale.default_stream(
        "order_person_types", controller_list("sale.persontype.list", "personTypes", fields="sale.persontype.getFields")
    ),
    sale.stream(
        "order_person_domains",
        controller_list(
            "sale.businessValuePersonDomain.list",
            "businessValuePersonDomains",
            key="personTypeId",
            paging=UNORDERED,
            fields="sale.businessValuePersonDomain.getFields",
        ),
    ),
    sale.default_stream(
        "order_statuses",
        controller_list("sale.status.list", "statuses", paging=UNORDERED, fields="sale.status.getfields"),
    ),
    sale.default_stream(
        "order_status_langs",
        classic_list("sale.statusLang.list", "statusLangs", paging=UNORDERED, fields="sale.statusLang.getFields"),
        primary_key=("statusId", "lid"),
    ),
    sale.stream(
        "trade_platforms",
        controller_list("sale.tradePlatform.list", "tradePlatforms", fields="sale.tradePlatform.getFields"),
    ),
    sale.stream(
        "trade_bindings",
        controller_list("sale.tradeBinding.list", "tradeBindings", fields="sale.tradeBinding.getFields"),
        primary_key=(POSITION,),
    ),
    pay_system.default_stream("pay_systems", classic_list("sale.paysystem.list", paging=FILTER_ORDER)),
    pay_system.stream("pay_system_handlers", unpaged_list("sale.paysystem.handler.list")),
    sale.default_stream("delivery_services", classic_list("sale.delivery.getlist", paging=FILTER_ORDER)),
    sale.stream("delivery_handlers", unpaged_list("sale.delivery.handler.list")),
    delivery.stream(
        "delivery_extra_services",
        unpaged_list("sale.delivery.extra.service.get"),
        parents=Parent("delivery_services", "DELIVERY_ID", column="DELIVERY_ID"),
    ),
    cashbox.stream("cashboxes", classic_list("sale.cashbox.list", paging=FILTER_ORDER)),
    cashbox.stream("cashbox_handlers", unpaged_list("sale.cashbox.handler.list")),
)
