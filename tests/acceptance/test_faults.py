"""Faults of Walmart, PostgreSQL and clocks: 0 lost, 0 twice, 0 misreported."""

import asyncio
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from app.simulator.faults import KINDS
from app.storage.postgres.embedded import EmbeddedPostgres
from tests.acceptance.judge import at_rest, judge, passed, watched, write_row
from tests.forked import deployed
from tests.harness.databases import migrated
from tests.harness.waiting import LIMIT
from tests.processes import (
    Deployment,
    Processes,
    a_store,
    an_order,
    faketime_library,
    simulator,
    until,
)

PO = 1_796_330_600_000
SEED = int(os.environ.get("WAYBILL_FAULT_SEED", "20261123"))
POLLERS = ("poller-0", "poller-1")


PROCESSES = Processes()


def seller_of(number: int) -> str:
    return f"seller-{number}"


def connect(client: httpx.Client, number: int) -> str:
    seller = seller_of(number)
    return a_store(client, seller, walmart={"client_id": seller, "client_secret": "right"})


def ship(client: httpx.Client, order: dict[str, Any], number: int, units: int = 1) -> None:
    body = {
        "carrier_code": "ups",
        "tracking_number": f"1Z{order['purchase_order_id']}N{number}",
        "items": [{"line_number": "1", "quantity": units}],
    }
    answer = client.post(f"/v1/orders/{order['id']}/shipments", json=body)
    assert answer.status_code == 202, answer.text


def cancel(client: httpx.Client, order: dict[str, Any]) -> None:
    answer = client.post(f"/v1/orders/{order['id']}/cancellation", json={"reason": "fraud"})
    assert answer.status_code == 202, answer.text


def test_each_fault_of_walmart_alone(deployment: Deployment) -> None:
    """A store for each kind of fault, which its first shipment and first cancellation meet."""
    orders: dict[str, list[str]] = {}
    with deployment.client() as client:
        for number, kind in enumerate(sorted(KINDS)):
            store, seller = connect(client, number), seller_of(number)
            first = str(PO + 10 * number)
            shipped = an_order(deployment, client, store, first, 2, seller=seller)
            canceled = an_order(deployment, client, store, f"{first}9", 2, seller=seller)
            orders[kind] = [shipped["id"], canceled["id"]]
            for operation, po in (("shipping", first), ("cancel", f"{first}9")):
                simulator(
                    deployment,
                    "faults",
                    operation=operation,
                    kind=kind,
                    purchase_order_id=po,
                    delay=0.5,
                )
            ship(client, shipped, 1)
            ship(client, shipped, 2)
            cancel(client, canceled)
        everything = [order for pair in orders.values() for order in pair]
        with watched(deployment, everything) as seen:
            for name in POLLERS:
                deployment.start(name, "poller")
            until(lambda: at_rest(client))
        for kind, pair in orders.items():
            verdict = judge(deployment, client, 3, pair)
            verdict.misreported += seen.misreported
            outcome = ", ".join(
                f"{count} {state}" for state, count in sorted(verdict.states.items())
            )
            write_row(f"simulator: {kind} ({KINDS[kind]})", outcome, verdict)
            assert verdict.clean, f"{kind}: {passed(verdict)}"
            wanted = {"confirmed": 1, "failed": 2} if kind == "refuse" else {"confirmed": 3}
            assert verdict.states == wanted, kind


def test_two_pollers_with_clocks_twenty_minutes_apart(deployment: Deployment) -> None:
    """One is 10 minutes ahead, one 10 behind; leases and waits go by the database's clock."""
    with deployment.client() as client:
        store, seller = connect(client, 1), seller_of(1)
        orders = [
            an_order(deployment, client, store, str(PO + n), 3, seller=seller) for n in range(30)
        ]
        for order in orders:
            ship(client, order, 1)
            ship(client, order, 2, units=2)
        for kind in ("timeout_after", "error_after", "throttle", "error", "drop_after"):
            simulator(deployment, "faults", operation="shipping", kind=kind, times=2, delay=0.5)
        with watched(deployment, [order["id"] for order in orders]) as seen:
            for name, offset in zip(POLLERS, ("+600s", "-600s"), strict=True):
                preload = {"LD_PRELOAD": faketime_library(), "DONT_FAKE_MONOTONIC": "1"}
                deployment.start(name, "poller", FAKETIME=offset, **preload)
            until(lambda: at_rest(client))
        verdict = judge(deployment, client, 60)
        verdict.misreported += seen.misreported
        write_row(
            "two pollers with clocks 10 minutes ahead and 10 minutes behind",
            "every update confirmed, shared by both",
            verdict,
        )
        assert verdict.clean, passed(verdict)
        assert verdict.states == {"confirmed": 60}


def test_postgresql_stopped_and_started_under_load(data_folder: Path, tmp_path: Path) -> None:
    """Stopped once cleanly and once as by a crash, while requests come and pollers deliver."""
    with ExitStack() as servers:
        # Durable as in production: a request answered with 202 must survive a crash.
        folder = data_folder / "restarted"
        server = servers.enter_context(EmbeddedPostgres.start(folder))
        migrated(server.url)
        with deployed(server.url, tmp_path, pollers=2) as deployment:
            _load_and_restart(deployment, folder, servers)


def _load_and_restart(deployment: Deployment, folder: Path, servers: ExitStack) -> None:
    with deployment.client() as client:
        store, seller = connect(client, 1), seller_of(1)
        orders = [
            an_order(deployment, client, store, str(PO + n), 2, seller=seller) for n in range(100)
        ]
        answers: Counter[int] = Counter()
        commerce = threading.Thread(target=_insist, args=(deployment, orders, answers))
        commerce.start()
        until(lambda: answers[202] > 30)
        servers.pop_all().close()
        time.sleep(1.5)
        servers.enter_context(EmbeddedPostgres.start(folder))
        until(lambda: answers[202] > 90)
        postmaster = int((folder / "postgres" / "postmaster.pid").read_text().split()[0])
        # An immediate shutdown of PostgreSQL: it writes nothing to disk.
        os.kill(postmaster, signal.SIGQUIT)
        until(lambda: not _alive(postmaster))
        servers.enter_context(EmbeddedPostgres.start(folder))
        commerce.join(120)
        assert set(answers) == {202, 503}
        until(lambda: at_rest(client))
        verdict = judge(deployment, client, 200)
        write_row(
            "PostgreSQL stopped and started under load, in order and as by a crash",
            "requests were answered 503 with Retry-After and repeated; API and pollers went on "
            "by themselves; every update confirmed",
            verdict,
        )
    assert verdict.clean, passed(verdict)
    assert verdict.states == {"confirmed": 200}


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _insist(deployment: Deployment, orders: list[dict[str, Any]], answers: Counter[int]) -> None:
    """Ship each order twice, and repeat with the same key until it is accepted."""
    with deployment.client() as client:
        for order in orders:
            for number in (1, 2):
                key = f"{order['id']}-{number}"
                while True:
                    body = {
                        "carrier_code": "ups",
                        "tracking_number": f"1Z{order['purchase_order_id']}N{number}",
                        "items": [{"line_number": "1", "quantity": 1}],
                    }
                    path = f"/v1/orders/{order['id']}/shipments"
                    answer = client.post(path, json=body, headers={"Idempotency-Key": key})
                    answers[answer.status_code] += 1
                    if answer.status_code != 503:
                        break
                    assert answer.headers["Content-Type"] == "application/problem+json"
                    assert int(answer.headers["Retry-After"]) >= 1
                    time.sleep(0.2)


STORES, ORDERS = 8, 700


async def test_two_thousand_updates_with_three_calls_in_ten_failing(
    deployment: Deployment,
) -> None:
    """Every kind of fault at random; refused updates are retried in bulk by a person."""
    sys.stdout.write(f"seed {SEED} (WAYBILL_FAULT_SEED)\n")
    with deployment.client() as client:
        stores = [await asyncio.to_thread(connect, client, number) for number in range(STORES)]
    orders = await _placed(deployment, stores)
    accepted = await _accepted(deployment, orders)
    assert accepted >= 2000
    chance = 1 - (1 - 0.3) ** (1 / len(KINDS))
    for kind in sorted(KINDS):
        simulator(
            deployment,
            "faults",
            operation="*",
            kind=kind,
            times=None,
            probability=chance,
            delay=0.3,
        )
    with deployment.client() as client, watched(deployment, orders) as seen:
        for name in POLLERS:
            deployment.start(name, "poller")
        refused = await asyncio.to_thread(_watch_over, client)
        verdict = await asyncio.to_thread(judge, deployment, client, accepted)
    verdict.misreported += seen.misreported
    write_row(
        f"{accepted} updates through a Walmart that fails 30 % of its calls in every way",
        f"all confirmed; {refused} were refused on the way and retried in bulk by a person",
        verdict,
    )
    assert verdict.clean, passed(verdict)
    assert verdict.states == {"confirmed": accepted}


async def _placed(deployment: Deployment, stores: list[str]) -> list[str]:
    numbers = {str(PO + n): n % STORES for n in range(ORDERS)}
    shape = {"lines": [{"sku": "A", "quantity": 3}], "status": "Acknowledged"}
    at_walmart = [
        {**shape, "client_id": seller_of(store), "purchase_order_id": po}
        for po, store in numbers.items()
    ]
    simulator(deployment, "orders", orders=at_walmart)
    slots = asyncio.Semaphore(8)
    async with deployment.async_client() as commerce:

        async def imported(po: str, store: int) -> str:
            async with slots:
                body = {"store_id": stores[store], "purchase_order_id": po}
                answer = await commerce.post("/v1/orders/import", json=body)
                return str(answer.raise_for_status().json()["id"])

        return list(await asyncio.gather(*(imported(po, n) for po, n in numbers.items())))


async def _accepted(deployment: Deployment, orders: list[str]) -> int:
    """Ship most orders in three packages, cancel the others; return the number of updates."""
    chosen = random.Random(SEED)  # noqa: S311 - repeatable, not secret
    canceled = set(chosen.sample(orders, 40))
    slots = asyncio.Semaphore(8)
    async with deployment.async_client() as commerce:

        async def post(path: str, body: dict[str, Any]) -> None:
            async with slots:
                (await commerce.post(path, json=body)).raise_for_status()

        async def order(order_id: str) -> int:
            path = f"/v1/orders/{order_id}"
            if order_id in canceled:
                await post(f"{path}/cancellation", {"reason": "out_of_stock"})
                return 1
            for number in range(3):
                body = {
                    "carrier_code": "ups",
                    "tracking_number": f"1Z{order_id.replace('-', '').upper()}N{number}",
                    "items": [{"line_number": "1", "quantity": 1}],
                }
                await post(f"{path}/shipments", body)
            return 3

        return sum(await asyncio.gather(*(order(each) for each in orders)))


def _watch_over(client: httpx.Client) -> int:
    """Act as a person meanwhile: verify credentials, and retry rejected and refused updates."""
    refused = 0
    deadline = time.monotonic() + 3 * LIMIT
    while time.monotonic() < deadline:
        for store in client.get("/v1/stores").raise_for_status().json()["data"]:
            if any(each["code"] == "credentials_rejected" for each in store["status_details"]):
                client.post(f"/v1/stores/{store['id']}/verify")
        # Another call's success ends the store's pause, and an update that met it waits on.
        met = {"state": "retrying", "code": "credentials_rejected", "limit": 200}
        client.post("/v1/updates/retry", json=met).raise_for_status()
        retried = client.post("/v1/updates/retry", json={"limit": 200}).json()
        refused += int(retried["totals"].get("queued", 0))
        if not retried["data"] and at_rest(client):
            return refused
        time.sleep(0.5)
    raise AssertionError("not at rest in time")
