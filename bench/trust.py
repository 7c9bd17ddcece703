"""The cost of failures: time against Walmart's bucket, and the lag of a working store."""

import time
from typing import Any

import httpx

from tests.processes import Deployment, a_store, calls, shipped_orders, simulator, until

POLLERS = ("poller-0", "poller-1")
CAPACITY, REFILL, UPDATES = 10, 5, 60


def bucket(deployment: Deployment) -> dict[str, float]:
    """60 updates through a bucket of 10 calls in 2 seconds, 2 pollers; seconds and ratio."""
    with deployment.client() as client:
        store = a_store(client, "seller-bucket")
        first = 1_796_331_000_000
        shipped_orders(deployment, client, store, "seller-bucket", UPDATES, first)
        simulator(
            deployment,
            "rates",
            client_id="seller-bucket",
            operation="shipping",
            capacity=CAPACITY,
            refill_per_second=REFILL,
        )
        _start(deployment)
        until(lambda: _shipped(client, store) == UPDATES)
        _stop(deployment)
    made = [c for c in calls(deployment, "shipping") if c["client_id"] == "seller-bucket"]
    refused = sum(call["status"] == 429 for call in made)
    took = (made[-1]["received_at"] - made[0]["received_at"]) / 1e9
    floor = (UPDATES - CAPACITY) / REFILL
    return {"seconds": took, "floor_seconds": floor, "ratio": took / floor, "refused": refused}


def beside_trouble(deployment: Deployment) -> dict[str, float]:
    """The worst lag of a working store, beside a hanging one and a rejected one."""
    sellers = ("rejected", "hanging", "healthy")
    with deployment.client() as client:
        stores = {}
        for number, seller in enumerate(sellers):
            walmart = {"client_id": seller, "client_secret": "right"}
            stores[seller] = a_store(client, seller, walmart=walmart)
            first = 1_796_332_000_000 + 1000 * number
            shipped_orders(deployment, client, stores[seller], seller, 50, first)
        for operation, kind, seller in (
            ("token", "expired_token", "rejected"),
            ("*", "expired_token", "rejected"),
            ("shipping", "timeout", "hanging"),
        ):
            simulator(
                deployment, "faults", operation=operation, kind=kind, client_id=seller, times=None
            )
        _start(deployment)
        until(lambda: _shipped(client, stores["healthy"]) == 50)
        lags = []
        for number in range(100):
            first = 1_796_333_000_000 + number
            began = time.time_ns()
            shipped_orders(deployment, client, stores["healthy"], "healthy", 1, first)
            until(lambda wanted=51 + number: _shipped(client, stores["healthy"]) == wanted)
            (call,) = [
                c for c in calls(deployment, "shipping") if c["purchase_order_id"] == str(first)
            ]
            lags.append((call["received_at"] - began) / 1e9)
        _stop(deployment)
        httpx.delete(f"{deployment.walmart}/simulator/faults", trust_env=False)
    return {"worst_seconds": max(lags), "median_seconds": sorted(lags)[len(lags) // 2]}


def _shipped(client: httpx.Client, store: str) -> int:
    summary: dict[str, Any] = client.get("/v1/orders/summary", params={"store_id": store}).json()
    return int(summary["shipped"])


def _start(deployment: Deployment) -> None:
    for name in POLLERS:
        deployment.start(name, "poller")


def _stop(deployment: Deployment) -> None:
    for name in POLLERS:
        deployment.stop(name)
