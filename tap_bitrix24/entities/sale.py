"""The shop: orders and what belongs to them, payment and delivery (scopes sale, pay_system, cashbox, delivery)."""

from __future__ import annotations

from collections.abc import Sequence

from tap_bitrix24.dialects.pagination import StartParameter
from tap_bitrix24.entities.base import (
    ALL_TIMEZONES,
    POSITION,
    SINGLE_PAGE,
    Entity,
    Parent,
    camel,
    columns,
    static_parents,
    upper,
)
from tap_bitrix24.model.endpoint import ReplicationKey

SALE: Sequence[Entity] = (
    Entity(
        stream="orders",
        scope=("sale",),
        endpoint=camel("sale.order.list", "orders"),
        fields_method="sale.order.getFields",
        documented_columns=columns(
            integer="id personTypeId empStatusId empMarkedId responsibleId recurringId lockedBy affiliateId version "
            "empCanceledId userId",
            double="price discountValue taxValue",
            boolean="marked recountFlag updated1c externalOrder canceled payed deducted",
            datetime="dateInsert dateUpdate dateStatus dateMarked dateLock dateCanceled",
            string="lid personTypeXmlId statusId reasonMarked userDescription additionalInfo comments orderTopic xmlId "
            "statusXmlId id1c version1c reasonCanceled currency accountNumber requisiteLink",
            json="basketItems clients payments shipments propertyValues tradeBindings",
        ),
        primary_key=("id",),
        replication_key=ReplicationKey("dateUpdate", "dateUpdate", timezone_margin=ALL_TIMEZONES),
        selected_by_default=True,
    ),
    Entity(
        stream="order_basket_items",
        scope=("sale",),
        endpoint=camel("sale.basketitem.list", "basketItems"),
        fields_method="sale.basketitem.getFields",
        documented_columns=columns(
            integer="id orderId sort productId type",
            double="price quantity basePrice discountPrice weight vatRate",
            boolean="customPrice canBuy vatIncluded barcodeMulti",
            datetime="dateInsert dateUpdate",
            string="currency xmlId name dimensions measureCode measureName catalogXmlId productXmlId",
            json="properties reservations",
        ),
        primary_key=("id",),
        replication_key=ReplicationKey("dateUpdate", "dateUpdate", timezone_margin=ALL_TIMEZONES),
        selected_by_default=True,
    ),
    Entity(
        stream="order_basket_properties",
        scope=("sale",),
        endpoint=camel("sale.basketproperties.list", "basketProperties"),
        fields_method="sale.basketproperties.getFields",
        documented_columns=columns(
            integer="id basketId sort",
            string="name value code xmlId",
        ),
        primary_key=("id",),
    ),
    Entity(
        stream="order_payments",
        scope=("sale",),
        endpoint=camel("sale.payment.list", "payments"),
        fields_method="sale.payment.getfields",
        documented_columns=columns(
            integer="id orderId empPaidId paySystemId companyId empReturnId responsibleId empResponsibleId empMarkedId",
            double="psSum sum priceCod",
            boolean="paid isReturn updated1c externalPayment marked",
            date="payVoucherDate payReturnDate",
            datetime="datePaid psResponseDate datePayBefore dateBill dateResponsibleId dateMarked",
            string="paySystemXmlId accountNumber psStatus psStatusCode psStatusDescription psStatusMessage psCurrency "
            "payVoucherNum xmlId currency paySystemName payReturnNum payReturnComment comments id1c version1c "
            "psInvoiceId reasonMarked paySystemIsCash",
        ),
        primary_key=("id",),
        selected_by_default=True,
    ),
    Entity(
        stream="order_shipments",
        scope=("sale",),
        endpoint=camel("sale.shipment.list", "shipments"),
        fields_method="sale.shipment.getFields",
        documented_columns=columns(
            integer="id orderId empAllowDeliveryId empDeductedId deliveryId empCanceledId empMarkedId companyId "
            "responsibleId empResponsibleId",
            double="basePriceDelivery priceDelivery discountPrice",
            boolean="allowDelivery deducted system canceled marked customPriceDelivery externalDelivery updated1c",
            datetime="dateInsert dateAllowDelivery dateDeducted dateCanceled dateMarked deliveryDocDate "
            "trackingLastCheck dateResponsibleId",
            string="accountNumber reasonUndoDeducted deliveryName deliveryXmlId statusId statusXmlId reasonMarked "
            "deliveryDocNum trackingNumber trackingDescription trackingStatus currency comments xmlId id1c "
            "version1c",
            json="shipmentItems",
        ),
        primary_key=("id",),
        selected_by_default=True,
    ),
    Entity(
        stream="order_shipment_items",
        scope=("sale",),
        endpoint=camel("sale.shipmentitem.list", "shipmentItems"),
        fields_method="sale.shipmentitem.getfields",
        documented_columns=columns(
            integer="id orderDeliveryId basketId",
            double="quantity reservedQuantity",
            datetime="dateInsert",
            string="xmlId",
        ),
        primary_key=("id",),
        selected_by_default=True,
    ),
    Entity(
        stream="order_payment_items",
        scope=("sale",),
        endpoint=camel("sale.paymentitembasket.list", "paymentItemsBasket"),
        fields_method="sale.paymentitembasket.getfields",
        documented_columns=columns(
            integer="id paymentId basketId",
            double="quantity",
            datetime="dateInsert",
            string="xmlId",
        ),
        primary_key=("id",),
    ),
    Entity(
        stream="order_payment_shipments",
        scope=("sale",),
        endpoint=camel("sale.paymentitemshipment.list", "paymentItemsShipment"),
        fields_method="sale.paymentitemshipment.getfields",
        documented_columns=columns(
            integer="id shipmentId paymentId",
            datetime="dateInsert",
            string="xmlId",
        ),
        primary_key=("id",),
    ),
    Entity(
        stream="order_property_values",
        scope=("sale",),
        endpoint=camel("sale.propertyvalue.list", "propertyValues"),
        fields_method="sale.propertyvalue.getFields",
        documented_columns=columns(
            integer="id orderId orderPropsId",
            string="name code orderPropsXmlId",
            mixed="value",
        ),
        type_overrides={"value": "mixed"},  # text, a file, or several, whatever the field method says
        primary_key=("id",),
        selected_by_default=True,
    ),
    Entity(
        stream="order_properties",
        scope=("sale",),
        endpoint=camel("sale.property.list", "properties"),
        fields_method="sale.property.getfieldsbytype",
        fields_params={"type": "STRING"},
        documented_columns=columns(
            integer="id personTypeId propsGroupId sort",
            boolean="isLocation4tax active util userProps isFiltered required multiple isProfileName isPayer isEmail "
            "isPhone isZip isAddress isLocation isAddressFrom isAddressTo",
            string="name type code description xmlId inputFieldLocation",
            json="settings",
            mixed="defaultValue",
        ),
        primary_key=("id",),
        selected_by_default=True,
    ),
    Entity(
        stream="order_property_groups",
        scope=("sale",),
        endpoint=camel("sale.propertygroup.list", "propertyGroups"),
        fields_method="sale.propertygroup.getFields",
        documented_columns=columns(
            integer="id personTypeId sort",
            string="name",
        ),
        primary_key=("id",),
    ),
    Entity(
        stream="order_property_variants",
        scope=("sale",),
        endpoint=camel("sale.propertyvariant.list", "propertyVariants"),
        fields_method="sale.propertyvariant.getFields",
        documented_columns=columns(
            integer="id orderPropsId sort",
            string="name value description",
        ),
        primary_key=("id",),
    ),
    Entity(
        stream="order_property_relations",
        scope=("sale",),
        endpoint=upper("sale.propertyRelation.list", "propertyRelations", paging=StartParameter(order=None)),
        fields_method="sale.propertyRelation.getFields",
        documented_columns=columns(
            integer="entityId propertyId",
            string="entityType",
        ),
        primary_key=("entityId", "entityType", "propertyId"),
    ),
    Entity(
        stream="shipment_properties",
        scope=("sale",),
        endpoint=camel("sale.shipmentproperty.list", "properties"),
        fields_method="sale.shipmentproperty.getfieldsbytype",
        fields_params={"type": "STRING"},
        documented_columns=columns(
            integer="id personTypeId propsGroupId sort",
            boolean="active util userProps isFiltered required multiple isProfileName isPayer isEmail isPhone isZip "
            "isAddress isLocation isLocation4tax isAddressFrom isAddressTo",
            string="name type code description xmlId inputFieldLocation",
            json="settings",
            mixed="defaultValue",
        ),
        primary_key=("id",),
    ),
    Entity(
        stream="shipment_property_values",
        scope=("sale",),
        endpoint=camel("sale.shipmentpropertyvalue.list", "propertyValues"),
        fields_method="sale.shipmentpropertyvalue.getfields",
        documented_columns=columns(
            integer="id shipmentId shipmentPropsId",
            string="name code shipmentPropsXmlId",
            mixed="value",
        ),
        type_overrides={"value": "mixed"},  # text, a file, or several, whatever the field method says
        primary_key=("id",),
    ),
    Entity(
        stream="order_person_types",
        scope=("sale",),
        endpoint=camel("sale.persontype.list", "personTypes"),
        fields_method="sale.persontype.getFields",
        documented_columns=columns(
            integer="id sort",
            boolean="active",
            string="name code xmlId",
        ),
        primary_key=("id",),
        selected_by_default=True,
    ),
    Entity(
        stream="order_person_domains",
        scope=("sale",),
        endpoint=camel(
            "sale.businessValuePersonDomain.list",
            "businessValuePersonDomains",
            paging=StartParameter(order=None),
            key="personTypeId",
        ),
        fields_method="sale.businessValuePersonDomain.getFields",
        documented_columns=columns(
            integer="personTypeId",
            string="domain",
        ),
        primary_key=("personTypeId",),
    ),
    Entity(
        stream="order_statuses",
        scope=("sale",),
        endpoint=camel("sale.status.list", "statuses", paging=StartParameter(order=None)),
        fields_method="sale.status.getfields",
        documented_columns=columns(
            integer="sort",
            boolean="notify",
            string="id type color xmlId",
        ),
        primary_key=("id",),
        selected_by_default=True,
    ),
    Entity(
        stream="order_status_langs",
        scope=("sale",),
        endpoint=upper("sale.statusLang.list", "statusLangs", paging=StartParameter(order=None)),
        fields_method="sale.statusLang.getFields",
        documented_columns=columns(
            string="statusId lid name description",
        ),
        primary_key=("statusId", "lid"),
        selected_by_default=True,
    ),
    Entity(
        stream="trade_platforms",
        scope=("sale",),
        endpoint=camel("sale.tradePlatform.list", "tradePlatforms"),
        fields_method="sale.tradePlatform.getFields",
        documented_columns=columns(
            integer="id",
            boolean="active",
            string="code name description catalogSectionTabClassName class xmlId",
            json="settings",
        ),
        primary_key=("id",),
    ),
    Entity(
        stream="trade_bindings",
        scope=("sale",),
        endpoint=camel("sale.tradeBinding.list", "tradeBindings"),
        fields_method="sale.tradeBinding.getFields",
        documented_columns=columns(
            integer="id orderId tradingPlatformId",
            string="xmlId externalOrderId tradingPlatformXmlId",
            json="params",
        ),
        primary_key=(POSITION,),
    ),
    Entity(
        stream="pay_systems",
        scope=("pay_system",),
        endpoint=upper("sale.paysystem.list", paging=StartParameter("FILTER", "ORDER")),
        documented_columns=columns(
            integer="ID PERSON_TYPE_ID SORT",
            boolean="ACTIVE NEW_WINDOW ALLOW_EDIT_PAYMENT AUTO_CHANGE_1C CAN_PRINT_CHECK",
            string="NAME DESCRIPTION XML_ID ACTION_FILE ENTITY_REGISTRY_TYPE ENCODING PSA_NAME PS_MODE",
            json="TARIFF TARIF",
            text="IS_CASH",
        ),
        selected_by_default=True,
    ),
    Entity(
        stream="pay_system_handlers",
        scope=("pay_system",),
        endpoint=upper("sale.paysystem.handler.list", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="ID SORT",
            string="NAME CODE",
            json="SETTINGS",
        ),
    ),
    Entity(
        stream="delivery_services",
        scope=("sale",),
        endpoint=upper("sale.delivery.getlist", paging=StartParameter("FILTER", "ORDER")),
        documented_columns=columns(
            integer="ID PARENT_ID SORT",
            boolean="ACTIVE",
            string="NAME CURRENCY DESCRIPTION",
        ),
        selected_by_default=True,
    ),
    Entity(
        stream="delivery_handlers",
        scope=("sale",),
        endpoint=upper("sale.delivery.handler.list", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="ID SORT",
            string="NAME CODE DESCRIPTION",
            json="SETTINGS PROFILES",
        ),
    ),
    Entity(
        stream="delivery_extra_services",
        scope=("delivery",),
        endpoint=upper("sale.delivery.extra.service.get", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="ID SORT DELIVERY_ID",
            double="PRICE",
            boolean="ACTIVE",
            string="TYPE NAME CODE DESCRIPTION",
            json="ITEMS",
        ),
        parents=static_parents(Parent(stream="delivery_services", param="DELIVERY_ID", column="DELIVERY_ID")),
    ),
    Entity(
        stream="cashboxes",
        scope=("cashbox",),
        endpoint=upper("sale.cashbox.list", paging=StartParameter("FILTER", "ORDER")),
        documented_columns=columns(
            integer="ID SORT",
            boolean="ACTIVE USE_OFFLINE ENABLED",
            datetime="DATE_CREATE DATE_LAST_CHECK",
            string="KKM_ID NAME OFD EMAIL NUMBER_KKM",
            json="OFD_SETTINGS SETTINGS",
        ),
    ),
    Entity(
        stream="cashbox_handlers",
        scope=("cashbox",),
        endpoint=upper("sale.cashbox.handler.list", paging=SINGLE_PAGE),
        documented_columns=columns(
            integer="ID SORT",
            string="NAME CODE",
            json="SETTINGS",
        ),
    ),
)
