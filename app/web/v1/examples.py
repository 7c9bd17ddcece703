"""Examples of answers for the OpenAPI document. A test validates them against their schemas."""

from typing import Any

STORE_ID = "01932f5a-1c00-7a10-8f21-3c5d00000001"
ORDER_ID = "01932f5b-2d40-7b3e-9a04-77aa00000001"
SHIPMENT_ID = "01932f5c-3e51-7c11-8c3f-0b1200000001"
UPDATE_ID = "01932f5c-3e51-7d42-b5e6-9f0100000001"
ATTEMPT_ID = "01932f5c-4f60-7e01-8a77-1d2300000001"
KEY_ID = "01932f58-0a00-7a01-9c11-5e2f00000000"
AT = "2026-11-23T10:00:00Z"
_LATER = "2026-11-23T10:00:01.250000Z"

STATUS_DETAIL: dict[str, Any] = {
    "code": "method_code_not_supported",
    "origin": "commerce",
    "operation": "shipment",
    "update_id": UPDATE_ID,
    "message": "Method code is not supported in line number 1",
    "field": "methodCode",
    "suggestion": "Ship with another method_code; the one the order came with is the safest.",
    "retryable": False,
    "occurred_at": _LATER,
    "line_number": None,
    "units": None,
    "params": {
        "change": "method_code",
        "sent": "Express",
        "expected": "Standard",
        "allowed": ["Standard", "OneDay", "Freight", "WhiteGlove", "Value"],
    },
    "fix": {"action": "correct_tracking", "changes": {"method_code": "Standard"}, "needs": []},
    "links": {
        "update": f"/v1/updates/{UPDATE_ID}",
        "order": f"/v1/orders/{ORDER_ID}",
        "fix": f"/v1/updates/{UPDATE_ID}/fix",
    },
}
UPDATE: dict[str, Any] = {
    "id": UPDATE_ID,
    "store_id": STORE_ID,
    "order_id": ORDER_ID,
    "target": "walmart",
    "subject": "1796330120075",
    "kind": "shipment",
    "state": "pending",
    "sequence": 2,
    "attempts_made": 0,
    "next_attempt_at": AT,
    "needs_reading": False,
    "in_doubt_until": None,
    "status_detail": None,
    "note": None,
    "dismissed_by": None,
    "requested_by": "commerce",
    "request_id": "order-17-shipment-1",
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "created_at": AT,
    "updated_at": AT,
    "finished_at": None,
}
ATTEMPT: dict[str, Any] = {
    "id": ATTEMPT_ID,
    "number": 1,
    "poller": "poller-1",
    "started_at": AT,
    "ended_at": _LATER,
    "verdict": "confirmed",
    "detail": None,
    "calls": [
        {
            "operation": "ship",
            "method": "POST",
            "path": "/v3/orders/1796330120075/shipping",
            "started_at": AT,
            "ended_at": _LATER,
            "correlation_id": "6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d",
            "request": '{"orderShipment":{"orderLines":{"orderLine":[…]}}}',
            "status": 200,
            "response": '{"order":{"purchaseOrderId":"1796330120075",…}}',
            "codes": [],
            "failure": None,
        }
    ],
    "request_id": "order-17-shipment-1",
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
}
SHIPMENT: dict[str, Any] = {
    "id": SHIPMENT_ID,
    "order_id": ORDER_ID,
    "number": 45,
    "carrier_code": "ups",
    "carrier_title": "United Parcel Service",
    "tracking_number": "1Z999AA10123456784",
    "tracking_url": None,
    "tracking_page": "https://www.ups.com/track?tracknum=1Z999AA10123456784",
    "shipped_at": AT,
    "method_code": "Standard",
    "reference": "commerce-shipment-000000045",
    "override_cancel_request": False,
    "walmart_carrier": {"carrier": "UPS"},
    "carrier_found_by": "carrier_code",
    "warnings": [],
    "state": "pending",
    "items": [{"line_number": "1", "quantity": 1, "confirmed": 0}],
    "correctable_until": None,
    "update": UPDATE,
    "created_at": AT,
}
CANCELLATION: dict[str, Any] = {
    "id": "01932f5d-0a10-7a99-9b01-5e6f00000001",
    "order_id": ORDER_ID,
    "reason": "out_of_stock",
    "comment": "The last one was damaged.",
    "inventory": [{"sku": "ABC", "quantity": 0, "ship_node": None}],
    "state": "pending",
    "items": [{"line_number": "1", "quantity": 3, "confirmed": 0}],
    "update": {**UPDATE, "kind": "cancellation"},
    "created_at": AT,
}
ORDER: dict[str, Any] = {
    "id": ORDER_ID,
    "store_id": STORE_ID,
    "purchase_order_id": "1796330120075",
    "customer_order_id": "200000123456789",
    "commerce_order_number": "000000123",
    "commerce_order_id": 123,
    "status": "open",
    "fulfillment_status": "open",
    "sync": {
        "state": "pending",
        "pending": 1,
        "next_attempt_at": AT,
        "last_synced_at": "2026-11-23T09:58:00Z",
    },
    "status_details": [],
    "cancel_requested": None,
    "return_requested": None,
    "ordered_at": "2026-11-23T09:55:00Z",
    "ship_by": "2026-11-25T07:00:00Z",
    "deliver_by": "2026-11-29T07:00:00Z",
    "ship_method": "Standard",
    "fulfilled_by": "seller",
    "acknowledge_by": None,
    "item_count": 3,
    "order_value": {"amount": "42.00", "currency": "USD"},
    "links": {
        "commerce_order": "https://shop.example/admin/sales/order/view/order_id/123/",
        "seller_center": "https://seller.walmart.com/orders/manage-orders?orderGroups=All"
        "&poNumber=1796330120075",
    },
    "updated_at": AT,
    "lines": [
        {
            "line_number": "1",
            "sku": "ABC",
            "name": "Blue mug",
            "commerce_item_id": 55,
            "commerce_items": [],
            "unit_price": {"amount": "14.00", "currency": "USD"},
            "quantity": {
                "ordered": 3,
                "shipped": 0,
                "canceled": 0,
                "refunded": 0,
                "pending": 1,
                "remaining": 2,
            },
        }
    ],
    "shipments": [SHIPMENT],
    "cancellation": None,
}
ORDER_IN: dict[str, Any] = {
    "store_id": STORE_ID,
    "purchase_order_id": "1796330120075",
    "commerce_order_number": "000000123",
    "lines": [
        {
            "line_number": "1",
            "sku": "ABC",
            "quantity": 3,
            "commerce_item_id": 55,
            "unit_price": {"amount": "14.00", "currency": "USD"},
        }
    ],
}
SHIPMENT_IN: dict[str, Any] = {
    "carrier_code": "ups",
    "carrier_title": "United Parcel Service",
    "tracking_number": "1Z999AA10123456784",
    "reference": "commerce-shipment-000000045",
    "items": [{"line_number": "1", "quantity": 1}],
}
PREVIEW: dict[str, Any] = {
    "would_be_accepted": True,
    "walmart_carrier": {"carrier": "UPS"},
    "carrier_found_by": "carrier_code",
    "warnings": [],
    "walmart_request": {
        "method": "POST",
        "path": "/v3/orders/1796330120075/shipping",
        "body": {"orderShipment": {"orderLines": {"orderLine": []}}},
    },
    "problems": [],
}
TRACKING_IN: dict[str, Any] = {"tracking_number": "1Z999AA10123456785"}
TRACKING_PREVIEW: dict[str, Any] = {
    "would_be_accepted": True,
    "will": "correction_follows",
    "walmart_carrier": {"carrier": "UPS"},
    "carrier_found_by": "carrier_code",
    "warnings": [],
    "problems": [],
}
PACKAGES_IN: dict[str, Any] = {
    "packages": [
        {
            "carrier_code": "ups",
            "tracking_number": "1Z999AA10123456784",
            "items": [{"line_number": "1", "quantity": 1}],
        },
        {
            "carrier_code": "usps",
            "tracking_number": "9400111899223344556691",
            "items": [{"line_number": "1", "quantity": 2}],
        },
    ]
}
TIMELINE: dict[str, Any] = {
    "data": [
        {
            "at": "2026-11-23T09:58:00Z",
            "what": "order_registered",
            "actor": None,
            "update_id": None,
            "detail": {"purchase_order_id": "1796330120075"},
        },
        {
            "at": AT,
            "what": "shipment_accepted",
            "actor": "commerce",
            "update_id": UPDATE_ID,
            "detail": {},
        },
    ],
    "next_cursor": None,
}

LEVEL: dict[str, Any] = {
    "sku": "ABC",
    "quantity": 5,
    "ship_node": None,
    "update": UPDATE | {"order_id": None, "subject": "sku:ABC", "kind": "inventory"},
}
