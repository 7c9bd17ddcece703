"""One, two and four pollers on one database: what they deliver, what it costs, and a model of it.

All out, they share this machine's cores with the database. Held to a rate by few slots and a slow
Walmart, all of them together leave cores idle: there it shows whether n pollers deliver n times as
much, and how the processor time of an update grows with the pollers, in pollers and in PostgreSQL.
`bench/model.py` predicts other machines from both. Meanwhile the wait events of the server's
processes are sampled.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from app.storage.outbox.notify import CHANNEL
from app.storage.postgres.dsn import asyncpg_arguments
from bench import drain, model, processor_time
from tests.processes import Deployment, free_port

POLLERS = (1, 2, 4)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a poller may go."""

    delay: float
    """Seconds until Walmart answers."""
    slots: int
    updates: Callable[[int], int]
    """Updates by the number of pollers."""
    look: float
    """Seconds between two looks at the server's processes and at what is due, which cost too."""


ALL_OUT = Pace(0.0, 32, lambda _: 3000, 0.02)
# Six of eight slots are for all stores, so some 60 updates a second: with four pollers, this
# machine has cores left.
HELD = Pace(0.1, 8, lambda pollers: 300 * pollers, 0.2)
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
    """Updates a second by number of pollers and round, their shares and costs, and the models'."""
    with drain.connected(url, folder) as (deployment, stores):
        all_out = _measure(deployment, url, stores, ALL_OUT, rounds)
        held = _measure(deployment, url, stores, HELD, rounds)
    return {
        **all_out,
        "deadlocks": asyncio.run(_deadlocks(url)),
        "model": model.predicted(all_out["per_second"], all_out["cost_ms"]),
        "held": held,
        "elsewhere": model.elsewhere(all_out["cost_ms"]["1"], held["cost_ms"]),
    }


def _measure(
    deployment: Deployment, url: str, stores: list[int], pace: Pace, rounds: int
) -> dict[str, Any]:
    rates: dict[str, list[float]] = {str(n): [] for n in POLLERS}
    shares: dict[str, list[float]] = {str(n): [] for n in POLLERS}
    costs: dict[str, list[dict[str, float]]] = {str(n): [] for n in POLLERS}
    locked: dict[str, list[float]] = {str(n): [] for n in POLLERS}
    for _ in range(rounds):
        for number in POLLERS:
            with drain.walmart(deployment, pace.delay):
                rate, share, cost, waits = _run(deployment, url, stores, number, pace)
            locked[str(number)].append(waits)
            rates[str(number)].append(rate)
            shares[str(number)].append(share)
            costs[str(number)].append(cost)
    return {
        "per_second": rates,
        "least_share": shares,
        "waiting_for_locks": locked,
        "cost_ms": {number: model.middle(found) for number, found in costs.items()},
    }


def _run(
    deployment: Deployment, url: str, stores: list[int], pollers: int, pace: Pace
) -> tuple[float, float, dict[str, float], float]:
    """Updates a second, the least share of a poller (1 is an even one), seconds an update costs.

    Also the share of the server's busy processes that wait for a lock, from 0 to 1.
    """
    names, updates = [f"poller-{number}" for number in range(pollers)], pace.updates(pollers)
    for name in names:
        port = free_port()
        deployment.start(
            name,
            *("poller", "--port", str(port)),
            WAYBILL_POLLER_CONCURRENCY=str(pace.slots),
            WAYBILL_POLL_INTERVAL=_NEVER,
        )
        deployment.wait_for(f"http://127.0.0.1:{port}/readyz", name)
    try:
        since = asyncio.run(drain.make_due(url, stores, updates))
        before = _costs(deployment, url, names)
        ended, waits = asyncio.run(_watched(url, pace.look))
        cost = {
            name: (after - before[name]) / updates
            for name, after in _costs(deployment, url, names).items()
        }
    finally:
        for name in names:
            deployment.stop(name)
    count = httpx.get(
        f"{deployment.environment['WAYBILL_WALMART_BASE_URL']}/count", trust_env=False
    ).json()
    if count["shipments"] != updates:
        raise AssertionError(f"{count['shipments']} calls for {updates} updates")
    tries = asyncio.run(_tries(url, since))
    least = min(tries.values()) / (sum(tries.values()) / pollers) if len(tries) == pollers else 0.0
    return updates / (ended - float(count["first"])), least, cost, waits


def _costs(deployment: Deployment, url: str, names: Sequence[str]) -> dict[str, float]:
    """Seconds of processor time until now."""
    return {
        "poller": sum(processor_time.of_process(deployment.processes[name].pid) for name in names),
        "database": processor_time.of_server(url),
        "walmart": processor_time.of_module("bench.sink"),
    }


async def _watched(url: str, look: float) -> tuple[float, float]:
    """Let pollers begin; return when no update is due any more, and how many wait for locks."""
    connection = await asyncpg.connect(**asyncpg_arguments(url))
    busy = locked = 0
    try:
        await connection.execute(f"NOTIFY {CHANNEL}, ''")
        while await connection.fetchval("SELECT EXISTS (SELECT FROM updates WHERE active)"):
            await asyncio.sleep(look)
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
