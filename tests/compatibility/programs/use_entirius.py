"""entirius-py-magento2-sdk: orders, shipments and cancellations."""

from magento2_sdk.client import Client
from magento2_sdk.dto.search import Filter, FilterGroup, SearchCriteria, SortOrder
from magento2_sdk.services.order import OrderService
from report import GIVEN, operation, package

SHIP, CANCEL = GIVEN["ship"], GIVEN["cancel"]
orders = OrderService(Client(f"{GIVEN['url']}/rest/{GIVEN['store']}/", GIVEN["key"]))
newest = SearchCriteria(
    filter_groups=[FilterGroup([Filter("created_at", "2020-01-01 00:00:00", "gteq")])],
    sort_orders=[SortOrder("created_at", "DESC")],
)

operation("get_orders", orders.get_orders, lambda page: page["total_count"] >= 2)
operation(
    "get_orders(filter, sort order)",
    lambda: orders.get_orders(newest),
    lambda page: page["total_count"] >= 2,
)
operation(
    "get_order_by_id",
    lambda: orders.get_order_by_id(SHIP["id"]),
    lambda order: order["entity_id"] == SHIP["id"],
)
operation(
    "create_shipment",
    lambda: orders.create_shipment(SHIP["id"], package("1ZENTIRIUS")),
    lambda number: int(number) > 0,
)
operation("cancel_order", lambda: orders.cancel_order(CANCEL["id"]), lambda done: done is True)
operation(
    "cancel_order, again", lambda: orders.cancel_order(CANCEL["id"]), lambda done: done is True
)
operation(
    "create_invoice (has no meaning here: a sentence says so)",
    lambda: orders.create_invoice(SHIP["id"]),
    lambda found: isinstance(found, dict) and found["message"],
)
