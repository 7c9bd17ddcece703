"""Draining a queue: one poller compared with pgqueuer, procrastinate and a bare loop of our client.

The libraries run twice: with the records of a poller, which is equal work, and without any.

Updates of fifty stores are due; a Walmart that answers at once or after a delay accepts them. Each
contestant is measured from the first call until the last result is in the database, on the same
server, one after the other in each round.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from app.storage.postgres.dsn import asyncpg_arguments
from bench.peer_records import RECORDS
from tests.processes import Deployment, a_store, deployed, free_port

UPDATES = 3000
STORES = 50
# Seconds until Walmart answers, and calls in flight.
CASES = ((0.0, 64), (0.05, 200))
# The libraries first record what a poller records, then nothing.
PEERS = (
    "bare",
    f"pgqueuer{RECORDS}",
    f"procrastinate{RECORDS}",
    "pgqueuer",
    "procrastinate",
)
# A tenth of the updates is enough for the slowest by far.
_FEWER = 10
# Seconds without progress.
_PATIENCE = 60.0
_LEFT = "SELECT count(*) FROM updates WHERE active"
_FUNCTION = Path(__file__).with_name("drain.sql")


def measure(
    database_url: str, folder: Path, *, rounds: int, updates: int = UPDATES
) -> dict[str, dict[str, list[float]]]:
    """Updates a second by case and contestant, one figure per round."""
    found: dict[str, dict[str, list[float]]] = {}
    with connected(database_url, folder) as (deployment, stores):
        for delay, slots in CASES:
            figures: dict[str, list[float]] = {name: [] for name in ("waybill", *PEERS)}
            for _ in range(rounds):
                for name, rates in figures.items():
                    wanted = updates // _FEWER if name.startswith("procrastinate") else updates
                    if name == "waybill" or name.endswith(RECORDS):
                        asyncio.run(make_due(database_url, stores, wanted))
                    with walmart(deployment, delay) as address:
                        took = (
                            _ours(deployment, database_url, wanted, slots)
                            if name == "waybill"
                            else _peer(name, database_url, address, wanted, slots)
                        )
                    rates.append(wanted / took)
            found[f"{delay * 1000:g} ms, {slots} in flight"] = figures
    return found


@contextmanager
def connected(database_url: str, folder: Path) -> Iterator[tuple[Deployment, list[int]]]:
    """Fifty stores; their Walmart is started later."""
    port = free_port()
    settings = {
        "WAYBILL_LOG_LEVEL": "warning",
        "WAYBILL_POLL_INTERVAL": "5",
        "WAYBILL_API_RATE": "0",
        "WAYBILL_LEASE": "90",
        # An older shipment is read before it is sent.
        "WAYBILL_QUIET_PERIOD": "120",
        "WAYBILL_WALMART_TIMEOUT": "30",
        "WAYBILL_WALMART_BASE_URL": f"http://127.0.0.1:{port}",
    }
    with deployed(database_url, folder, pollers=0, **settings) as deployment:
        with deployment.client() as client:
            run = time.time_ns()
            names = [
                a_store(client, f"seller-{run}-{n}", code=f"d{run}_{n}") for n in range(STORES)
            ]
        yield deployment, asyncio.run(_numbers(database_url, names))


async def _numbers(url: str, names: list[str]) -> list[int]:
    connection = await asyncpg.connect(**asyncpg_arguments(url))
    try:
        await connection.execute(_FUNCTION.read_text())
        rows = await connection.fetch("SELECT store_id FROM stores WHERE id = ANY($1)", names)
        return [row["store_id"] for row in rows]
    finally:
        await connection.close()


@contextmanager
def walmart(deployment: Deployment, delay: float) -> Iterator[str]:
    """A Walmart for them that answers after delay seconds."""
    url = deployment.environment["WAYBILL_WALMART_BASE_URL"]
    port = url.rpartition(":")[2]
    sink = subprocess.Popen([sys.executable, "-m", "bench.sink", port, str(delay)])
    try:
        _until_up(url)
        yield url
    finally:
        sink.terminate()
        sink.wait(10)


def _until_up(url: str) -> None:
    for _ in range(200):
        try:
            httpx.get(f"{url}/count", trust_env=False)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(url)


def _ours(deployment: Deployment, url: str, updates: int, slots: int) -> float:
    deployment.start("poller", "poller", WAYBILL_POLLER_CONCURRENCY=str(slots))
    try:
        ended = asyncio.run(until_confirmed(url))
    finally:
        deployment.stop("poller")
    address = deployment.environment["WAYBILL_WALMART_BASE_URL"]
    count: dict[str, Any] = httpx.get(f"{address}/count", trust_env=False).json()
    if count["shipments"] != updates:
        raise AssertionError(f"{count['shipments']} calls for {updates} updates")
    return ended - float(count["first"])


async def make_due(url: str, stores: list[int], updates: int) -> object:
    """Make updates due, spread over the stores; return the database's time before."""
    connection = await asyncpg.connect(**asyncpg_arguments(url))
    at: object = await connection.fetchval("SELECT now()")
    prefix = f"D{time.time_ns():x}-"
    for store in stores:
        await connection.execute(
            "SELECT bench_due($1, $2, $3)", store, updates // len(stores), prefix
        )
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    return at


async def until_confirmed(url: str, pause: float = 0.02) -> float:
    """Wait until no update is due; return the time. pause: seconds between two looks.

    Raises TimeoutError if none is confirmed for a minute, as by a poller of another schema.
    """
    connection = await asyncpg.connect(**asyncpg_arguments(url))
    left, look_at = sys.maxsize, 0.0
    try:
        while await connection.fetchval("SELECT EXISTS (SELECT 1 FROM updates WHERE active)"):
            if time.monotonic() >= look_at:
                before, left = left, await connection.fetchval(_LEFT)
                if left >= before:
                    raise TimeoutError(f"no update of {left} was confirmed: see the poller's log")
                look_at = time.monotonic() + _PATIENCE
            await asyncio.sleep(pause)
        return time.time()
    finally:
        await connection.close()


def _peer(name: str, url: str, address: str, jobs: int, slots: int) -> float:
    command = [sys.executable, "-m", "bench.peers", name, url, address, str(jobs), str(slots)]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return float(said)
