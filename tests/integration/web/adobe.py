"""Adobe Commerce as a client of Waybill: its keys, its signatures, its payloads."""

import base64
import copy
import json
from typing import Any
from uuid import uuid4

import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from app.storage.queries.views import OrderView
from tests.harness.world import World

ERROR = {"message", "errors", "code", "parameters", "trace", "error_code", "request_id"}
"""The members of an error body under /rest: Commerce's, and two of ours."""
COMMERCE, ADOBE, STRANGER = (
    rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(3)
)
# Too short to be accepted.
WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
KEY_PATH = "/prod/keys/pub-key-3fVj0Lv0QB.pem"
SHIPMENT: dict[str, Any] = {
    "eventName": "sales_order_shipment_save_after",
    "data": {
        "shipment": {
            "entity_id": "45",
            "increment_id": "000000045",
            "order_id": "7",
            "store_id": "1",
            "items": [{"order_item_id": "70", "qty": "1.0000"}],
            "tracks": [{"track_number": "1ZA", "title": "UPS", "carrier_code": "ups"}],
        }
    },
}
CANCEL = {"subject": [], "result": True, "id": 7}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def pem(key: rsa.RSAPrivateKey) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def sign(key: rsa.RSAPrivateKey, message: bytes) -> str:
    return base64.b64encode(key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()


async def linked(
    world: World, client: httpx.AsyncClient, *, units: int = 3, **store: Any
) -> OrderView:
    order = await world.an_order(units)
    link = {"commerce_order_id": 7, "lines": [{"line_number": "1", "commerce_item_id": 70}]}
    assert (await client.patch(f"/v1/orders/{order.id}", json=link)).is_success
    await side(client, **store)
    return order


async def side(client: httpx.AsyncClient, **store: Any) -> None:
    """Store Commerce's public keys with the store."""
    known = (await client.get("/v1/stores")).json()["data"][0]["id"]
    keys = {"webhook_public_keys": [pem(COMMERCE)], "io_client_ids": ["project-1"]}
    changes = {"commerce": keys, "default_cancellation_reason": "out_of_stock", **store}
    answer = await client.patch(f"/v1/stores/{known}", json=changes)
    assert answer.is_success, answer.text


async def hook(
    outside: httpx.AsyncClient, what: str, payload: object, **changes: Any
) -> httpx.Response:
    body = json.dumps(payload).encode()
    signature = sign(COMMERCE, base64.b64encode(body))
    headers = {
        "Content-Type": "application/json",
        "x-adobe-commerce-webhook-signature": signature,
        **changes,
    }
    return await outside.post(f"/webhooks/commerce/store_1/{what}", content=body, headers=headers)


def cloud_event(
    data: Any, kind: str = "observer.sales_order_shipment_save_after", at: str | None = None
) -> dict[str, Any]:
    return {
        **({"time": at} if at else {}),
        "specversion": "1.0",
        "id": str(uuid4()),
        "type": f"com.adobe.commerce.{kind}",
        "recipientclientid": "project-1",
        "data": {"key": "k", "value": data, "source": "merchant.production", "_metadata": {}},
    }


async def event(outside: httpx.AsyncClient, payload: object, **changes: Any) -> httpx.Response:
    body = json.dumps(payload).encode()
    headers = {
        "Content-Type": "application/json",
        "x-adobe-digital-signature-1": sign(ADOBE, body),
        "x-adobe-public-key1-path": KEY_PATH,
        **changes,
    }
    headers = {name: value for name, value in headers.items() if value is not None}
    return await outside.post("/webhooks/commerce/store_1/events", content=body, headers=headers)


def changed(**fields: Any) -> dict[str, Any]:
    payload: dict[str, Any] = copy.deepcopy(SHIPMENT)
    payload["data"]["shipment"] |= fields
    return payload


def a_track(number: str, carrier: str = "ups") -> dict[str, Any]:
    return {"track_number": number, "title": "UPS", "carrier_code": carrier}


def track_of(shipment: str, number: str, track_id: str = "9") -> dict[str, Any]:
    """The payload of Commerce for a track that is saved by itself."""
    entry = {"entity_id": track_id, "parent_id": shipment, "order_id": "7", **a_track(number)}
    return {"eventName": "sales_order_shipment_track_save_after", "data": {"track": entry}}


async def numbers(world: World, order: OrderView) -> list[tuple[str, int]]:
    shown = await world.order(order.id)
    return [(each.tracking_number, each.items[0].quantity) for each in shown.shipments]
