"""Examples of Commerce's bodies for the OpenAPI document."""

SHIP = {
    "items": [{"order_item_id": 55, "qty": 1}],
    "notify": False,
    "tracks": [
        {
            "track_number": "1Z999AA10123456784",
            "title": "United Parcel Service",
            "carrier_code": "ups",
        }
    ],
}
ORDER_ITEM = {
    "item_id": 55,
    "order_id": 123,
    "sku": "ABC",
    "name": "Blue mug",
    "price": 14.0,
    "qty_ordered": 3,
    "qty_shipped": 0,
    "qty_canceled": 0,
    "qty_refunded": 0,
    "ext_order_item_id": "1",
    "created_at": "2026-11-23 10:00:00",
    "updated_at": "2026-11-23 10:01:00",
}
TRACK = {
    "entity_id": 45,
    "order_id": 123,
    "parent_id": 45,
    "track_number": "1Z999AA10123456784",
    "title": "United Parcel Service",
    "carrier_code": "ups",
    "qty": 1,
    "weight": 0,
    "description": "",
    "created_at": "2026-11-23 10:00:00",
    "updated_at": "2026-11-23 10:01:00",
}
SAVE_TRACK = {
    "entity": {
        "order_id": 123,
        "parent_id": 45,
        "track_number": "1Z999AA10123456784",
        "title": "United Parcel Service",
        "carrier_code": "ups",
    }
}
SHIPMENT = {
    "entity_id": 45,
    "increment_id": "000000045",
    "order_id": 123,
    "store_id": 1,
    "total_qty": 1,
    "created_at": "2026-11-23 10:00:00",
    "updated_at": "2026-11-23 10:01:00",
    "items": [
        {
            "entity_id": 45000,
            "parent_id": 45,
            "order_item_id": 55,
            "sku": "ABC",
            "name": "Blue mug",
            "price": 14.0,
            "qty": 1,
        }
    ],
    "tracks": [TRACK],
    "comments": [],
    "extension_attributes": {"sync_state": "confirmed", "status_details": []},
}
SAVE_SHIPMENT = {
    "entity": {
        "order_id": 123,
        "items": [{"order_item_id": 55, "qty": 1}],
        "tracks": [
            {
                "track_number": "1Z999AA10123456784",
                "title": "United Parcel Service",
                "carrier_code": "ups",
            }
        ],
    }
}
REFUND_MEMO = {
    "creditmemo": {
        "order_id": 123,
        "items": [{"order_item_id": 55, "qty": 1}],
        "comments": [{"comment": "credit memo 000000012"}],
    },
    "offlineRequested": True,
}
CREDIT_MEMO = {
    "entity_id": 7,
    "increment_id": "000000007",
    "order_id": 123,
    "store_id": 1,
    "state": 1,
    "order_currency_code": "USD",
    "created_at": "2026-11-25 10:00:00",
    "updated_at": "2026-11-25 10:01:00",
    "items": [
        {
            "entity_id": 7000,
            "parent_id": 7,
            "order_item_id": 55,
            "sku": "ABC",
            "name": "Blue mug",
            "price": 14.0,
            "base_price": 14.0,
            "base_cost": 0,
            "qty": 1,
        }
    ],
    "comments": [],
    "extension_attributes": {"sync_state": "pending", "status_details": []},
}
ORDER = {
    "entity_id": 123,
    "increment_id": "000000123",
    "ext_order_id": "1796330120075",
    "ext_customer_id": "200012345678901",
    "store_id": 1,
    "state": "processing",
    "status": "open",
    "customer_email": "order-1796330120075@walmart.example.com",
    "order_currency_code": "USD",
    "grand_total": 42.0,
    "base_grand_total": 42.0,
    "total_item_count": 1,
    "total_qty_ordered": 3,
    "created_at": "2026-11-23 10:00:00",
    "updated_at": "2026-11-23 10:01:00",
    "items": [ORDER_ITEM],
    "extension_attributes": {"sync_state": "synced", "status_details": []},
}
SHIPMENTS = {"items": [SHIPMENT], "search_criteria": {"page_size": 20}, "total_count": 1}
CREDIT_MEMOS = {"items": [CREDIT_MEMO], "search_criteria": {"page_size": 20}, "total_count": 1}
ORDER_ITEMS = {"items": [ORDER_ITEM], "search_criteria": {"page_size": 20}, "total_count": 1}
ORDERS = {"items": [ORDER], "search_criteria": {"page_size": 20}, "total_count": 1}
# The request body of a webhook or event, which no schema describes.
HOOK_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"type": "object"},
            "example": {
                "eventName": "sales_order_shipment_save_after",
                "data": {
                    "shipment": {
                        "entity_id": "45",
                        "order_id": "7",
                        "items": [{"order_item_id": "55", "qty": "1.0000"}],
                        "tracks": [
                            {
                                "track_number": "1Z999AA10123456784",
                                "title": "United Parcel Service",
                                "carrier_code": "ups",
                            }
                        ],
                    }
                },
            },
        }
    },
}
