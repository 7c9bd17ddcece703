"""Examples of returns and refunds for the OpenAPI document."""

from typing import Any

from app.web.v1.examples import AT, ORDER_ID, STORE_ID, UPDATE

RETURN: dict[str, Any] = {
    "id": "01932f5e-7a10-7c42-9f00-5a1100000001",
    "store_id": STORE_ID,
    "order_id": ORDER_ID,
    "order_url": f"/v1/orders/{ORDER_ID}",
    "commerce_order_number": "000000123",
    "orders": [
        {
            "purchase_order_id": "1796330120075",
            "order_id": ORDER_ID,
            "order_url": f"/v1/orders/{ORDER_ID}",
            "commerce_order_number": "000000123",
            "commerce_order_id": 123,
        }
    ],
    "rma_number": "106152711271982880",
    "purchase_order_id": "1796330120075",
    "customer_order_id": "200012345678901",
    "return_type": "refund",
    "canceled": False,
    "status": "received",
    "status_details": [],
    "requested_at": AT,
    "return_by": "2026-12-23T10:00:00Z",
    "arrived_at": None,
    "refund_by": None,
    "refund_amount": {"amount": "14.00", "currency": "USD"},
    "items": [
        {
            "return_line_number": 1,
            "purchase_order_id": "1796330120075",
            "line_number": "1",
            "sku": "ABC",
            "name": "Blue mug",
            "quantity": 1,
            "refunded": 0,
            "canceled": 0,
            "reason": "DAMAGED",
        }
    ],
    "refunds": [],
    "updated_at": AT,
}
REFUND: dict[str, Any] = {
    "number": 7,
    "update": UPDATE | {"kind": "refund"},
    "returned": RETURN,
}
REFUND_PREVIEW: dict[str, Any] = {
    "would_be_accepted": True,
    "items": [{"return_line_number": 1, "quantity": 1}],
    "orders": 1,
    "problems": [],
}
