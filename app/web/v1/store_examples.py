"""Examples of stores for the OpenAPI document."""

from typing import Any

from app.web.v1.examples import AT, STORE_ID

STORE: dict[str, Any] = {
    "id": STORE_ID,
    "name": "Main store",
    "code": "walmart_us",
    "market": "US",
    "walmart": {
        "client_id": "5f2c7a1e-0d3b-4c9a",
        "client_secret_set": True,
        "announces_since": None,
    },
    "commerce": {
        "base_url": "https://shop.example",
        "access_token_set": True,
        "push_orders": True,
        "payment_method": None,
        "stock_id": 1,
        "webhook_public_keys": [],
        "io_client_ids": [],
    },
    "carriers": {
        "ups": "UPS",
        "acme_freight": {
            "other": "Acme Freight",
            "tracking_url": "https://acme.example/t/{tracking_number}",
        },
    },
    "default_cancellation_reason": None,
    "default_tracking_url": None,
    "admin_order_url": "https://shop.example/admin/sales/order/view/order_id/{entity_id}/",
    "time_zone": None,
    "charge_amount_is": "unit",
    "notifications": {
        "host": "https://hooks.example",
        "secret_set": True,
        "kinds": ["errors", "return_received"],
        "old_secret_until": None,
    },
    "created_at": AT,
    "updated_at": AT,
    "status_details": [],
}
STORE_IN: dict[str, Any] = {
    "name": "Main store",
    "code": "walmart_us",
    "market": "US",
    "walmart": {"client_id": "5f2c7a1e-0d3b-4c9a", "client_secret": "the-secret-of-your-key"},
    "commerce": {
        "base_url": "https://shop.example",
        "access_token": "the-token-of-your-integration",
        "push_orders": True,
        "stock_id": 1,
    },
    "carriers": STORE["carriers"],
    "notifications": {
        "url": "https://hooks.example/T0/B0",
        "secret": "at-least-16-characters",
        "kinds": ["errors", "return_received"],
    },
}
