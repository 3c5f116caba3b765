"""The entities of the VibeCode API: catalog and shop."""

from collections.abc import Callable
from typing import Any, Final

from tap_bitrix24.demo.vibecode.entity import WITHOUT_FIELDS, Entity

item: Final[Callable[..., Entity]] = Entity


def _entities() -> tuple[Entity, ...]:
    catalog: dict[str, Any] = {"scope": "catalog"}
    sale: dict[str, Any] = {"scope": "sale", "modified": "dateUpdate", "created": "dateInsert"}
    three = frozenset({"subscribe", "quantityTrace", "canBuyZero", "type"})
    return (
        item(name="products", table="products", envelope="root_total", field_list_shape="include", text_flags=three,
             renames={"dateCreate": "createdAt", "timestampX": "updatedAt"}, created="createdAt", modified="updatedAt",
             aggregatable=("price", "sectionId", "catalogId", "active")),
        item(name="product-sections", table="product_sections", envelope="overview", field_list_shape="flat"),
        item(name="catalog-products", table="products", renames={"timestampX": "createdAt"}, modified="createdAt",
             created="dateCreate", envelope="root", field_list_shape="flat", text_flags=three,
             aggregatable=("purchasingPrice", "quantity", "iblockSectionId"), **catalog),
        item(name="catalog-sections", table="product_sections", ops=WITHOUT_FIELDS, envelope="root_total", **catalog),
        item(name="store-documents", table="store_documents", field_list_shape="flat", recent=True, **catalog),
        item(name="catalog-prices", table="product_prices", ops=WITHOUT_FIELDS, modified="timestampX", **catalog),
        item(name="orders", table="orders", envelope="overview", field_list_shape="batch",
             text_flags=frozenset({"statusId"}),
             aggregatable=("price", "statusId", "payed", "canceled"), **sale),
        item(name="payments", table="order_payments", scope="sale", ops=WITHOUT_FIELDS, created="dateBill",
             envelope="root", text_flags=frozenset({"paySystemIsCash"})),
        item(name="basket-items", table="order_basket_items", ops=WITHOUT_FIELDS, envelope="root_total", **sale),
        item(name="order-statuses", table="order_statuses", scope="sale", ops=WITHOUT_FIELDS, has_table_id=False,
             text_flags=frozenset({"id", "type", "notify"})),
    )  # fmt: skip


SHOP: Final = _entities()
