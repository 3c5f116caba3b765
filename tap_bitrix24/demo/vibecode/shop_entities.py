"""The entities of the VibeCode API that belong to the catalog and the shop."""

from collections.abc import Callable
from typing import Any, Final

from tap_bitrix24.demo.vibecode.entity import UNDESCRIBED, Entity

item: Final[Callable[..., Entity]] = Entity


def _entities() -> tuple[Entity, ...]:
    catalog: dict[str, Any] = {"scope": "catalog"}
    sale: dict[str, Any] = {"scope": "sale", "modified": "dateUpdate", "created": "dateInsert"}
    three = frozenset({"subscribe", "quantityTrace", "canBuyZero", "type"})
    return (
        item(name="products", table="products", envelope="root_total", shape="include", codes=three,
             renames={"dateCreate": "createdAt", "timestampX": "updatedAt"}, created="createdAt", modified="updatedAt",
             aggregatable=("price", "sectionId", "catalogId", "active")),
        item(name="product-sections", table="product_sections", envelope="overview", shape="flat"),
        item(name="catalog-products", table="products", renames={"timestampX": "createdAt"}, modified="createdAt",
             created="dateCreate", envelope="root", shape="flat", codes=three,
             aggregatable=("purchasingPrice", "quantity", "iblockSectionId"), **catalog),
        item(name="catalog-sections", table="product_sections", ops=UNDESCRIBED, envelope="root_total", **catalog),
        item(name="store-documents", table="store_documents", shape="flat", grown=True, **catalog),
        item(name="catalog-prices", table="product_prices", ops=UNDESCRIBED, modified="timestampX", **catalog),
        item(name="orders", table="orders", envelope="overview", shape="batch", codes=frozenset({"statusId"}),
             aggregatable=("price", "statusId", "payed", "canceled"), **sale),
        item(name="payments", table="order_payments", scope="sale", ops=UNDESCRIBED, created="dateBill",
             envelope="root", codes=frozenset({"paySystemIsCash"})),
        item(name="basket-items", table="order_basket_items", ops=UNDESCRIBED, envelope="root_total", **sale),
        item(name="order-statuses", table="order_statuses", scope="sale", ops=UNDESCRIBED, numbered=False,
             codes=frozenset({"id", "type", "notify"})),
    )  # fmt: skip


SHOP: Final = _entities()
