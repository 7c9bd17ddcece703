"""202 to Walmart's receipt: how long an accepted shipment takes to reach Walmart.

API, poller and simulator are processes of their own. One client that waits a little between
two shipments shows an idle system; several that do not show a burst, which is accepted faster
than one poller delivers it, so that most of the time is waiting. All clocks are this machine's.
"""

import asyncio
import statistics
import time
from typing import Any

import httpx

from tests.processes import Deployment, a_store

SELLER = "seller-1"


async def measure(
    deployment: Deployment, *, orders: int, clients: int, gap: float = 0.0
) -> dict[str, float]:
    """Ship so many orders, each client with gap seconds between two of them.

    Answers milliseconds (p50, p99, worst), shipments accepted and received a second.
    """
    placed = await _place(deployment, orders)
    accepted: dict[str, int] = {}
    began = time.perf_counter()
    async with deployment.async_client() as commerce:
        waiting = asyncio.Queue[tuple[str, str]]()
        for number, order in placed.items():
            waiting.put_nowait((number, order))
        await asyncio.gather(*(_ship(commerce, waiting, accepted, gap) for _ in range(clients)))
    took = time.perf_counter() - began
    received = await _received(deployment, set(placed))
    arrived = [received[number] for number in placed]
    lags = sorted((received[number] - at) / 1e6 for number, at in accepted.items())
    return {
        "p50_ms": statistics.median(lags),
        "p99_ms": lags[min(int(len(lags) * 0.99), len(lags) - 1)],
        "worst_ms": lags[-1],
        "accepted_per_second": orders / took,
        "received_per_second": orders / (max(arrived) - min(arrived)) * 1e9,
    }


async def _place(deployment: Deployment, orders: int) -> dict[str, str]:
    with deployment.client() as client:
        stores = client.get("/v1/stores").json()["data"]
        store = stores[0]["id"] if stores else a_store(client, SELLER)
    start = time.time_ns() // 1000
    numbers = [str(start + n) for n in range(orders)]
    shape = {"client_id": SELLER, "lines": [{"sku": "A"}], "status": "Acknowledged"}
    at_walmart = [{**shape, "purchase_order_id": number} for number in numbers]
    placed: dict[str, str] = {}
    async with (
        deployment.async_client() as commerce,
        httpx.AsyncClient(base_url=deployment.walmart, timeout=60, trust_env=False) as walmart,
    ):
        (await walmart.post("/simulator/orders", json={"orders": at_walmart})).raise_for_status()
        for number in numbers:
            body = {"store_id": store, "purchase_order_id": number}
            answer = (await commerce.post("/v1/orders/import", json=body)).raise_for_status()
            placed[number] = answer.json()["id"]
    return placed


async def _ship(
    commerce: httpx.AsyncClient,
    waiting: asyncio.Queue[tuple[str, str]],
    accepted: dict[str, int],
    gap: float,
) -> None:
    while not waiting.empty():
        number, order = waiting.get_nowait()
        body = {"carrier_code": "ups", "tracking_number": f"1Z{number}"}
        answer = await commerce.post(f"/v1/orders/{order}/shipments", json=body)
        accepted[number] = time.time_ns()
        answer.raise_for_status()
        await asyncio.sleep(gap)


async def _received(deployment: Deployment, numbers: set[str]) -> dict[str, int]:
    """When Walmart received each shipment, in nanoseconds since 1970."""
    async with httpx.AsyncClient(base_url=deployment.walmart, trust_env=False) as walmart:
        while True:
            answer = await walmart.get("/simulator/calls", params={"operation": "shipping"})
            calls: list[dict[str, Any]] = answer.json()["calls"]
            found = {c["purchase_order_id"]: c["received_at"] for c in calls}
            if numbers <= found.keys():
                return found
            await asyncio.sleep(0.2)
