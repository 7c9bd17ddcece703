"""COMMIT to Walmart's receipt: how long an accepted shipment takes to reach Walmart.

API, poller, a Walmart that answers at once and the shipping client are separate processes; the
orders are those of fifty stores. At a few requests a second the system is idle; at 200 and 400 it
is busy; at the API's full speed more requests are accepted than one poller delivers, and most of
the time is waiting. All clocks are this machine's; a commit's time is PostgreSQL's
(track_commit_timestamp), taken right before the commit is written to disk.
"""

import asyncio
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from app.storage.postgres.dsn import asyncpg_arguments
from bench import drain
from tests.processes import Deployment

# Requests a second (None: as many as the API accepts), and the number of orders.
CASES: dict[str, tuple[float | None, int]] = {
    "idle": (20.0, 150),
    "half": (200.0, 1000),
    "busy": (400.0, 2000),
    "burst": (None, 1000),
}
CONNECTIONS = 16
# The first of this many parts of a round is not counted: statistics were updated a moment before,
# so each process makes all of its plans again.
WARMS_UP = 10


def measure(database_url: str, folder: Path, *, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Milliseconds (p50, p99) and shipments accepted a second by case, one figure per round."""
    found: dict[str, dict[str, list[float]]] = {}
    with (
        drain.connected(database_url, folder) as (deployment, stores),
        drain.walmart(deployment, 0.0),
    ):
        deployment.start("poller", "poller")
        for round_ in range(rounds + 1):
            for name, (rate, orders) in CASES.items():
                numbers = asyncio.run(_make_orders(database_url, stores, orders))
                figures = _run(deployment, database_url, folder, numbers, rate)
                if round_:  # the first one only warms up
                    for figure, value in figures.items():
                        found.setdefault(name, {}).setdefault(figure, []).append(value)
        deployment.stop("poller")
    return found


def _run(
    deployment: Deployment,
    database_url: str,
    folder: Path,
    numbers: Mapping[str, str],
    rate: float | None,
) -> dict[str, float]:
    listing = folder / "orders"
    listing.write_text("\n".join(numbers))
    said = subprocess.run(
        [
            *(sys.executable, "-m", "bench.load", deployment.api, "--key", deployment.key),
            *("--orders", str(listing), "--seconds", "60"),
            *("--connections", str(CONNECTIONS)),
            *(() if rate is None else ("--rate", str(rate))),
        ],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    load: dict[str, Any] = json.loads(said)
    if load["statuses"] != {"202": len(numbers)}:
        raise AssertionError(f"not every shipment was accepted: {load['statuses']}")
    committed = asyncio.run(_committed(database_url, list(numbers)))
    received = _received(deployment, set(numbers.values()))
    counted = sorted(committed.items(), key=lambda each: each[1])[len(committed) // WARMS_UP :]
    lags = sorted((received[numbers[order]] - at) / 1e6 for order, at in counted)
    return {
        "p50_ms": statistics.median(lags),
        "p99_ms": lags[int(len(lags) * 0.99)],
        "accepted_per_second": load["per_second"],
    }


async def _make_orders(url: str, stores: list[int], wanted: int) -> dict[str, str]:
    """Create orders to ship, in random order: each id with its number at Walmart."""
    connection = await asyncpg.connect(**asyncpg_arguments(url))
    prefix = f"L{time.time_ns():x}-"
    placed: list[tuple[str, str]] = []
    for store in stores:
        rows = await connection.fetch(
            "SELECT * FROM bench_open($1, $2, $3)", store, wanted // len(stores), prefix
        )
        placed += [(str(row["order_id"]), row["po"]) for row in rows]
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    random.shuffle(placed)
    return dict(placed)


async def _committed(url: str, orders: list[str]) -> dict[str, int]:
    """The commit time of each order's shipment, in nanoseconds since 1970.

    Read from the row of its Idempotency-Key, the order's id: it is written in the same transaction,
    and never changed.
    """
    connection = await asyncpg.connect(**asyncpg_arguments(url))
    try:
        rows = await connection.fetch(
            "SELECT key, (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000)::int8"
            " * 1000 AS at FROM idempotency_keys WHERE key = ANY($1)",
            orders,
        )
    finally:
        await connection.close()
    if len(rows) != len(orders):
        raise AssertionError(f"{len(rows)} shipments for {len(orders)} orders")
    return {row["key"]: row["at"] for row in rows}


def _received(deployment: Deployment, numbers: set[str]) -> dict[str, int]:
    """The time at which Walmart received each shipment, in nanoseconds since 1970."""
    url = f"{deployment.environment['WAYBILL_WALMART_BASE_URL']}/times"
    for _ in range(300):
        found: dict[str, int] = httpx.get(url, trust_env=False).json()
        if numbers <= found.keys():
            return found
        time.sleep(0.2)
    raise TimeoutError("not every shipment reached Walmart")
