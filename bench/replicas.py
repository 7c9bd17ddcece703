"""One, two and four pollers on one database: their throughput, and a model of it.

Also the processor time of an update in pollers, the database and Walmart, measured once the pollers
are ready; `bench/model.py` predicts larger numbers from it. Meanwhile the wait events of the
server's processes are sampled.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil

from app.storage.outbox.notify import CHANNEL
from app.storage.postgres.dsn import asyncpg_arguments
from bench import drain, model
from tests.processes import Deployment, free_port

POLLERS = (1, 2, 4)
UPDATES = 5000
SLOTS = 32
# Long, so that pollers begin on the start signal and not before.
_NEVER = "3600"
_WAITS = """
    SELECT count(*) FILTER (WHERE state = 'active') AS busy,
           count(*) FILTER (WHERE state = 'active' AND wait_event_type = 'Lock') AS locked
      FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
_TRIED = "SELECT poller, count(*) AS tries FROM attempts WHERE started_at >= $1 GROUP BY poller"


def measure(url: str, folder: Path, *, rounds: int) -> dict[str, Any]:
    """Updates a second by number of pollers and round, each poller's share, and the model's."""
    rates: dict[str, list[float]] = {str(n): [] for n in POLLERS}
    shares: dict[str, list[float]] = {str(n): [] for n in POLLERS}
    costs: dict[str, list[dict[str, float]]] = {str(n): [] for n in POLLERS}
    locked: dict[str, list[float]] = {str(n): [] for n in POLLERS}
    with drain.connected(url, folder) as (deployment, stores):
        for _ in range(rounds):
            for number in POLLERS:
                with drain.walmart(deployment, 0.0):
                    rate, share, cost, waits = _run(deployment, url, stores, number)
                locked[str(number)].append(waits)
                rates[str(number)].append(rate)
                shares[str(number)].append(share)
                costs[str(number)].append(cost)
    cost_ms = {number: model.middle(found) for number, found in costs.items()}
    return {
        "per_second": rates,
        "least_share": shares,
        "waiting_for_locks": locked,
        "deadlocks": asyncio.run(_deadlocks(url)),
        "cost_ms": cost_ms,
        "model": model.predicted(rates, cost_ms),
    }


def _run(
    deployment: Deployment, url: str, stores: list[int], pollers: int
) -> tuple[float, float, dict[str, float], float]:
    """Updates a second, the least share of a poller (1 is an even one), seconds an update costs.

    Also the share of the server's busy processes that wait for a lock, from 0 to 1.
    """
    names = [f"poller-{number}" for number in range(pollers)]
    for name in names:
        port = free_port()
        deployment.start(
            name,
            *("poller", "--port", str(port)),
            WAYBILL_POLLER_CONCURRENCY=str(SLOTS),
            WAYBILL_POLL_INTERVAL=_NEVER,
        )
        deployment.wait_for(f"http://127.0.0.1:{port}/readyz", name)
    try:
        since = asyncio.run(drain.make_due(url, stores, UPDATES))
        before = _costs(deployment, names)
        ended, waits = asyncio.run(_watched(url))
        cost = {
            name: (after - before[name]) / UPDATES
            for name, after in _costs(deployment, names).items()
        }
    finally:
        for name in names:
            deployment.stop(name)
    count = httpx.get(
        f"{deployment.environment['WAYBILL_WALMART_BASE_URL']}/count", trust_env=False
    ).json()
    if count["shipments"] != UPDATES:
        raise AssertionError(f"{count['shipments']} calls for {UPDATES} updates")
    tries = asyncio.run(_tries(url, since))
    least = min(tries.values()) / (sum(tries.values()) / pollers) if len(tries) == pollers else 0.0
    return UPDATES / (ended - float(count["first"])), least, cost, waits


def _costs(deployment: Deployment, names: Sequence[str]) -> dict[str, float]:
    """Seconds of processor time until now."""
    return {
        "poller": sum(spent_of(deployment.processes[name].pid) for name in names),
        "database": spent("postgres"),
        "walmart": _spent_by("bench.sink"),
    }


async def _watched(url: str) -> tuple[float, float]:
    """Let pollers begin; return when no update is due any more, and how many wait for locks."""
    connection = await asyncpg.connect(**asyncpg_arguments(url))
    busy = locked = 0
    try:
        await connection.execute(f"NOTIFY {CHANNEL}, ''")
        while await connection.fetchval("SELECT EXISTS (SELECT FROM updates WHERE active)"):
            await asyncio.sleep(0.02)
            seen = await connection.fetchrow(_WAITS)
            busy, locked = busy + seen["busy"], locked + seen["locked"]
        return time.time(), locked / max(busy, 1)
    finally:
        await connection.close()


async def _deadlocks(url: str) -> int:
    connection = await asyncpg.connect(**asyncpg_arguments(url))
    try:
        found: int = await connection.fetchval(_DEADLOCKS)
        return found
    finally:
        await connection.close()


async def _tries(url: str, since: object) -> Counter[str]:
    connection = await asyncpg.connect(**asyncpg_arguments(url))
    try:
        rows = await connection.fetch(_TRIED, since)
        return Counter({row["poller"]: row["tries"] for row in rows})
    finally:
        await connection.close()


def spent_of(pid: int) -> float:
    """Seconds of processor time of a process until now."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def spent(name: str) -> float:
    """Seconds of processor time of all processes of that name until now."""
    found = psutil.process_iter(["pid", "name"])
    return sum(spent_of(each.pid) for each in found if each.info["name"] == name)


def _spent_by(module: str) -> float:
    found = psutil.process_iter(["pid", "cmdline"])
    return sum(spent_of(each.pid) for each in found if module in (each.info["cmdline"] or ()))
