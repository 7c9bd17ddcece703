"""What an order is at Walmart: lines whose units are each in a status, some in a package."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CREATED, ACKNOWLEDGED = "Created", "Acknowledged"
SHIPPED, DELIVERED, CANCELLED = "Shipped", "Delivered", "Cancelled"
OPEN = (CREATED, ACKNOWLEDGED)


@dataclass(slots=True)
class Parcel:
    """Units of a line in one status; tracking once they are shipped, reason once canceled."""

    status: str
    quantity: int
    tracking: dict[str, Any] | None = None
    reason: str | None = None


@dataclass(slots=True)
class Line:
    """A line of an order; its parcels' quantities always add up to its own."""

    number: str
    sku: str
    name: str
    quantity: int
    unit_price: str
    parcels: list[Parcel] = field(default_factory=list)
    intent_to_cancel: bool = False

    def units(self, *statuses: str) -> int:
        """Units in any of these statuses."""
        return sum(parcel.quantity for parcel in self.parcels if parcel.status in statuses)

    def move(self, units: int, source: tuple[str, ...], parcel: Parcel) -> None:
        """Take units out of some statuses and put them where parcel says."""
        left = units
        for held in self.parcels:
            if held.status in source and left:
                taken = min(held.quantity, left)
                held.quantity -= taken
                left -= taken
        self.parcels = [held for held in self.parcels if held.quantity]
        self._add(parcel)

    def _add(self, parcel: Parcel) -> None:
        for held in self.parcels:
            if (held.status, held.tracking, held.reason) == (
                parcel.status,
                parcel.tracking,
                parcel.reason,
            ):
                held.quantity += parcel.quantity
                return
        self.parcels.insert(0, parcel)


@dataclass(slots=True)
class Order:
    """A purchase order. Times are milliseconds since 1970, as Walmart gives them."""

    purchase_order_id: str
    customer_order_id: str
    ordered_at: int
    ship_by: int
    deliver_by: int
    ship_method: str
    lines: dict[str, Line]
    changed_at: int
    first_shipped_at: int | None = None


def as_walmart(order: Order) -> dict[str, Any]:
    """An order as the orders API answers it."""
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
            "postalAddress": {
                "name": "Sam Sample",
                "address1": "1 Example Street",
                "city": "Bentonville",
                "state": "AR",
                "postalCode": "72712",
                "country": "USA",
                "addressType": "RESIDENTIAL",
            },
        },
        "orderLines": {
            "orderLine": [_line(line, order.changed_at) for line in order.lines.values()]
        },
        "shipNode": {"type": "SellerFulfilled", "name": "Default Node", "id": "1000"},
    }


def _line(line: Line, changed_at: int) -> dict[str, Any]:
    return {
        "lineNumber": line.number,
        "item": {"productName": line.name, "sku": line.sku, "condition": "New"},
        "charges": {
            "charge": [
                {
                    "chargeType": "PRODUCT",
                    "chargeName": "ItemPrice",
                    "chargeAmount": {"currency": "USD", "amount": float(line.unit_price)},
                }
            ]
        },
        "orderLineQuantity": {"unitOfMeasurement": "EACH", "amount": str(line.quantity)},
        "statusDate": changed_at,
        "orderLineStatuses": {"orderLineStatus": [_status(p) for p in line.parcels]},
        "fulfillment": {
            "fulfillmentOption": "S2H",
            "shipMethod": "STANDARD",
            "pickUpDateTime": changed_at,
        },
        **({"intentToCancel": "true"} if line.intent_to_cancel else {}),
    }


def _status(parcel: Parcel) -> dict[str, Any]:
    status: dict[str, Any] = {
        "status": parcel.status,
        "statusQuantity": {"unitOfMeasurement": "EACH", "amount": str(parcel.quantity)},
    }
    if parcel.reason is not None:
        status["cancellationReason"] = parcel.reason
    if parcel.tracking is not None:
        status["trackingInfo"] = parcel.tracking
    return status


def plainly(order: Order) -> dict[str, Any]:
    """An order as a person wants to read it."""
    return {
        "purchase_order_id": order.purchase_order_id,
        "customer_order_id": order.customer_order_id,
        "lines": [
            {
                "line_number": line.number,
                "sku": line.sku,
                "quantity": line.quantity,
                "intent_to_cancel": line.intent_to_cancel,
                "units": [_plain_parcel(parcel) for parcel in line.parcels],
            }
            for line in order.lines.values()
        ],
    }


def _plain_parcel(parcel: Parcel) -> dict[str, Any]:
    tracking: Mapping[str, Any] = parcel.tracking or {}
    return {
        "status": parcel.status,
        "quantity": parcel.quantity,
        "tracking_number": tracking.get("trackingNumber"),
        "carrier": next(iter((tracking.get("carrierName") or {}).values()), None),
        "reason": parcel.reason,
    }
