"""JSON of orders: as Walmart answers them, and in a short form for people and tests.

Walmart's shape follows its orders API of June 2026: quantities are texts, money is a number, times
are milliseconds since 1970, and absent fields are left out, never null.
"""

from typing import Any

from app.simulator.orders import Parcel, SimulatedLine, SimulatedOrder

_ADDRESS = {
    "name": "Sam Sample",
    "address1": "1 Example Street",
    "city": "Bentonville",
    "state": "AR",
    "postalCode": "72712",
    "country": "USA",
    "addressType": "RESIDENTIAL",
}
_NODE = {"name": "Default Node", "id": "1000"}


def as_walmart(order: SimulatedOrder) -> dict[str, Any]:
    """Return an order as the orders API answers it."""
    return {
        "purchaseOrderId": order.purchase_order_id,
        "customerOrderId": order.customer_order_id,
        "customerEmailId": "3F4A1C@relay.walmart.com",
        "orderType": "REGULAR",
        "orderDate": order.ordered_at,
        "shippingInfo": {
            "phone": "5550100200",
            "estimatedDeliveryDate": order.deliver_by,
            "estimatedShipDate": order.ship_by,
            "methodCode": order.ship_method,
            "postalAddress": _ADDRESS,
        },
        "orderLines": {"orderLine": [_line(order, line) for line in order.lines.values()]},
        "shipNode": {**_NODE, "type": order.node_type},
    }


def _line(order: SimulatedOrder, line: SimulatedLine) -> dict[str, Any]:
    price = {"currency": "USD", "amount": line.unit_price}
    charge = {"chargeType": "PRODUCT", "chargeName": "ItemPrice", "chargeAmount": price}
    shown = {
        "lineNumber": line.number,
        "item": {"productName": line.name, "sku": line.sku, "condition": "New"},
        "charges": {"charge": [charge, *line.charges]},
        "orderLineQuantity": {"amount": "?"} if order.garbled else _quantity(line.quantity),
        "statusDate": line.changed_at,
        "orderLineStatuses": {"orderLineStatus": [_status(order, p) for p in line.parcels]},
        "fulfillment": {
            "fulfillmentOption": "S2H",
            "shipMethod": order.ship_method.upper(),
            "pickUpDateTime": order.deliver_by,
        },
    }
    if line.intent_to_cancel:
        shown["intentToCancel"] = "true"
    if line.refunds:
        shown["refund"] = line.refunds[-1]
    return shown


def _quantity(units: int) -> dict[str, str]:
    return {"unitOfMeasurement": "EACH", "amount": str(units)}


def _status(order: SimulatedOrder, parcel: Parcel) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "status": order.words.get(parcel.status, parcel.status),
        "statusQuantity": _quantity(parcel.quantity),
    }
    if parcel.reason is not None:
        shown["cancellationReason"] = parcel.reason
    if parcel.tracking is not None:
        shown["trackingInfo"] = parcel.tracking
    return shown


def plainly(client_id: str, order: SimulatedOrder) -> dict[str, Any]:
    """Return an order in the short form, for a person or a test."""
    return {
        "client_id": client_id,
        "purchase_order_id": order.purchase_order_id,
        "customer_order_id": order.customer_order_id,
        "ordered_at": order.ordered_at,
        "ship_by": order.ship_by,
        "deliver_by": order.deliver_by,
        "changed_at": order.changed_at,
        "lines": [_plain_line(line) for line in order.lines.values()],
    }


def _plain_line(line: SimulatedLine) -> dict[str, Any]:
    return {
        "line_number": line.number,
        "sku": line.sku,
        "quantity": line.quantity,
        "intent_to_cancel": line.intent_to_cancel,
        "units": [_plain_parcel(parcel) for parcel in line.parcels],
    }


def _plain_parcel(parcel: Parcel) -> dict[str, Any]:
    carrier = (parcel.tracking or {}).get("carrierName", {})
    return {
        "status": parcel.status,
        "quantity": parcel.quantity,
        "tracking_number": parcel.tracking_number,
        "carrier": next(iter(carrier.values()), None),
        "reason": parcel.reason,
    }
