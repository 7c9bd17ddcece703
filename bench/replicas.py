"""One, two and four pollers on one database: how much they deliver, and a model of it.

The model: a poller is one thread, so n of them deliver at most n / p updates a second, where p is
the processor time of a poller for an update; and everybody on the machine together no more than
its cores / (p + d + w), with the database's and Walmart's time for an update. p, d and w are
measured with one poller; two and four are foretold from them and compared with what was seen.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil

from app.storage.urls import asyncpg_arguments
from bench import drain
from tests.processes import Deployment

POLLERS = (1, 2, 4)
UPDATES = 5000
SLOTS = 32
_TRIED = "SELECT poller, count(*) AS tries FROM attempts WHERE started_at >= $1 GROUP BY poller"


def measure(url: str, folder: Path, *, rounds: int) -> dict[str, Any]:
    """Updates a second by number of pollers and round, each poller's share, and the model's."""
    rates: dict[str, list[float]] = {str(n): [] for n in POLLERS}
    shares: dict[str, list[float]] = {str(n): [] for n in POLLERS}
    costs: list[dict[str, float]] = []
    with drain.connected(url, folder) as (deployment, stores):
        for _ in range(rounds):
            for number in POLLERS:
                with drain.walmart(deployment, 0.0):
                    rate, share, cost = _run(deployment, url, stores, number)
                rates[str(number)].append(rate)
                shares[str(number)].append(share)
                if number == 1:
                    costs.append(cost)
    cost = {name: _middle([each[name] for each in costs]) for name in costs[0]}
    return {
        "per_second": rates,
        "least_share": shares,
        "cost_ms": {name: 1000 * each for name, each in cost.items()},
        "model": {str(n): _foretold(n, cost) for n in POLLERS},
    }


def _foretold(pollers: int, cost: Mapping[str, float]) -> float:
    machine = (os.cpu_count() or 1) / sum(cost.values())
    return min(pollers / cost["poller"], machine)


def _middle(figures: list[float]) -> float:
    return sorted(figures)[len(figures) // 2]


def _run(
    deployment: Deployment, url: str, stores: list[int], pollers: int
) -> tuple[float, float, dict[str, float]]:
    """Updates a second, the least share of a poller (1 is an even one), seconds an update costs."""
    since = asyncio.run(drain.place(url, stores, UPDATES))
    names = [f"poller-{number}" for number in range(pollers)]
    before = _spent("postgres")
    for name in names:
        deployment.start(name, "poller", WAYBILL_POLLER_CONCURRENCY=str(SLOTS))
    try:
        ended = asyncio.run(drain.until_confirmed(url))
        cost = {
            "poller": sum(_of(deployment.processes[name].pid) for name in names) / UPDATES,
            "database": (_spent("postgres") - before) / UPDATES,
            "walmart": _spent_by("bench.sink") / UPDATES,
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
    return UPDATES / (ended - float(count["first"])), least, cost


async def _tries(url: str, since: object) -> Counter[str]:
    connection = await asyncpg.connect(**asyncpg_arguments(url))
    try:
        rows = await connection.fetch(_TRIED, since)
        return Counter({row["poller"]: row["tries"] for row in rows})
    finally:
        await connection.close()


def _of(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _spent(name: str) -> float:
    found = psutil.process_iter(["pid", "name"])
    return sum(_of(each.pid) for each in found if each.info["name"] == name)


def _spent_by(module: str) -> float:
    found = psutil.process_iter(["pid", "cmdline"])
    return sum(_of(each.pid) for each in found if module in (each.info["cmdline"] or ()))
