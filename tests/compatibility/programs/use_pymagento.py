"""pymagento: orders, shipments and credit memos."""

from magento import Magento
from report import GIVEN, operation, package

SHIP, CANCEL = GIVEN["ship"], GIVEN["cancel"]
client = Magento(token=GIVEN["key"], base_url=GIVEN["url"], scope=GIVEN["store"])
unscoped = Magento(token=GIVEN["key"], base_url=GIVEN["url"])

operation("get_order", lambda: client.get_order(SHIP["id"]), lambda o: o["entity_id"] == SHIP["id"])
operation(
    "get_order without a store code (/rest/all)",
    lambda: unscoped.get_order(SHIP["id"]),
    lambda o: o["entity_id"] == SHIP["id"],
)
operation(
    "get_order_by_increment_id",
    lambda: client.get_order_by_increment_id(SHIP["number"]),
    lambda o: o["entity_id"] == SHIP["id"],
)
operation(
    "get_orders_by_increment_ids (in)",
    lambda: client.get_orders_by_increment_ids([SHIP["number"], CANCEL["number"]]),
    lambda found: len(found) == 2,
)
operation(
    "get_orders(status=processing)",
    lambda: list(client.get_orders(status="processing")),
    lambda found: SHIP["id"] in {o["entity_id"] for o in found},
)
operation("get_last_orders", lambda: client.get_last_orders(2), lambda found: len(found) == 2)
operation("get_total_orders_count", client.get_total_orders_count, lambda count: count >= 2)
operation(
    "get_orders_items(sku)",
    lambda: list(client.get_orders_items(sku="SKU-1")),
    lambda found: SHIP["item"] in {item["item_id"] for item in found},
)
operation(
    "get_order_item",
    lambda: client.get_order_item(SHIP["item"]),
    lambda item: item["order_id"] == SHIP["id"],
)
# By its documentation the answer is a number in JSON text.
operation("ship_order", lambda: client.ship_order(SHIP["id"], package("1ZPYMAGENTO")), int)
operation(
    "ship_order, the same again",
    lambda: client.ship_order(SHIP["id"], package("1ZPYMAGENTO")),
    int,
)
operation(
    "get_order_shipments",
    lambda: list(client.get_order_shipments(SHIP["id"])),
    lambda found: found[0]["tracks"][0]["track_number"] == "1ZPYMAGENTO",
)
operation(
    "get_shipment",
    lambda: client.get_shipment(next(client.get_order_shipments(SHIP["id"]))["entity_id"]),
    lambda found: found["order_id"] == SHIP["id"],
)
operation("get_credit_memos", lambda: list(client.get_credit_memos(limit=5)), lambda _: True)
operation(
    "hold_order (has no meaning here: a sentence says so)",
    lambda: client.hold_order(SHIP["id"], throw=False),
    lambda found: isinstance(found, dict) and found["message"],
)
