"""Data of `waybill demo`: a store, and new orders in each run."""

import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from app.endings import CannotGoOn

SELLER = "demo"
# Orders: two lines with several units, one line, a price, and a SKU that Walmart split over lines.
_SHAPES: list[list[dict[str, Any]]] = [
    [
        {"line_number": "1", "sku": "MUG-BLUE", "name": "Blue mug", "quantity": 2},
        {"line_number": "2", "sku": "TEA-GREEN", "name": "Green tea", "quantity": 1},
    ],
    [{"line_number": "1", "sku": "LAMP", "name": "Desk lamp", "quantity": 1}],
    [
        {
            "line_number": "1",
            "sku": "SOCKS",
            "name": "Wool socks",
            "quantity": 1,
            "unit_price": "7.50",
        }
    ],
    [
        {"line_number": "1", "sku": "CHAIR", "name": "Oak chair", "quantity": 1},
        {"line_number": "2", "sku": "CHAIR", "name": "Oak chair", "quantity": 1},
    ],
]


class CannotDemonstrate(CannotGoOn):
    """The demo cannot start or go on; the message says why."""


def create_orders(api: str, walmart: str, key: str) -> list[dict[str, Any]]:
    """Connect the demo store once, and create and import new orders in each run."""
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=api, headers=headers, timeout=10, trust_env=False) as client:
        store = _store(client)
        start = int(time.time()) * 10
        imported = []
        for number, lines in enumerate(_SHAPES):
            order = {"client_id": SELLER, "purchase_order_id": str(start + number), "lines": lines}
            httpx.post(f"{walmart}/simulator/orders", json=order, trust_env=False)
            body = {"store_id": store, "purchase_order_id": str(start + number)}
            answer = client.post("/v1/orders/import", json=body)
            if not answer.is_success:
                raise CannotDemonstrate(f"an order could not be imported: {answer.text}")
            shown = answer.json()["lines"]
            link = {
                "commerce_order_number": f"{datetime.now(UTC):%j%H%M%S}{number}",
                "commerce_order_id": start + number,
                "lines": [
                    {"line_number": line["line_number"], "commerce_item_id": item}
                    for item, line in enumerate(shown, (start + number) * 10)
                ],
            }
            imported.append(client.patch(f"/v1/orders/{answer.json()['id']}", json=link).json())
        return imported


def subscribe(environment: Mapping[str, str], api: str) -> None:
    """Subscribe to the demo store's webhooks; the simulator forgets them when it stops."""
    _command(environment, "webhooks", "subscribe", "--store", SELLER, "--url", api)


def sign_in_link(environment: Mapping[str, str]) -> str:
    """Make a link that signs a person in to the page."""
    return _command(environment, "sign-in", "--name", "Demo", "--scope", "admin")


def _command(environment: Mapping[str, str], *words: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own command, no shell
        [sys.executable, "-m", "app.cli.main", *words],
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CannotDemonstrate(f"waybill {words[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def _store(client: httpx.Client) -> str:
    for store in client.get("/v1/stores").json()["data"]:
        if store["code"] == SELLER:
            return str(store["id"])
    body = {
        "name": "Demo store",
        "code": SELLER,
        "walmart": {"client_id": SELLER, "client_secret": "demo-secret"},
        "carriers": {
            "ups": "UPS",
            "acme_freight": {
                "other": "Acme Freight",
                "tracking_url": "https://acme.example/t/{tracking_number}",
            },
        },
    }
    answer = client.post("/v1/stores", json=body)
    if not answer.is_success:
        raise CannotDemonstrate(f"the demo store could not be connected: {answer.text}")
    return str(answer.json()["id"])
