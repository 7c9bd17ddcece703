"""python-walmart: orders, shipments and stock, at the simulator in place of Walmart's address."""

from datetime import UTC, datetime
from typing import Any

import requests
from report import GIVEN, operation
from walmart import Walmart

WALMART = "https://marketplace.walmartapis.com"
send = requests.Session.request


def at_simulator(session: requests.Session, method: str, url: str, **given: Any) -> Any:
    """Send a request to the simulator: the client has Walmart's address as a constant."""
    return send(session, method, url.replace(WALMART, GIVEN["walmart"]), **given)


requests.Session.request = at_simulator  # type: ignore[method-assign,assignment]
SHIP = GIVEN["ship"]
client = Walmart(GIVEN["seller"], "right")
LINE = {
    "line_number": "1",
    "quantity": 1,
    "ship_time": datetime.now(UTC).replace(tzinfo=None),
    "carrier": "UPS",
    "carrier_service": "Standard",
    "tracking_number": "1ZPYTHONWALMART",
    "tracking_url": "https://www.ups.com/track",
}

operation("token", lambda: client.token, bool)
operation(
    "orders.all(createdStartDate)",
    lambda: client.orders.all(createdStartDate="2020-01-01", limit=5),
    lambda found: found["list"]["elements"]["order"],
)
operation(
    "orders.get",
    lambda: client.orders.get(SHIP["purchase_order"]),
    lambda found: found["order"]["purchaseOrderId"] == SHIP["purchase_order"],
)
operation(
    "orders.create_shipment",
    lambda: client.orders.create_shipment(SHIP["purchase_order"], [LINE]),
    lambda found: found["order"]["orderLines"],
)
operation(
    "orders.acknowledge", lambda: client.orders.acknowledge(SHIP["purchase_order"]), lambda _: True
)
operation(
    "inventory.update_inventory (XML)",
    lambda: client.inventory.update_inventory("SKU-1", 5),
    lambda _: True,
)
