"""`make bench-citus`: a cluster (Citus, at WAYBILL_CITUS) beside one PostgreSQL, on one machine.

Each round does the same on both, one after the other: accepts shipments at 16 and at 64
connections, of one store and of fifty, asks which updates are due, and lets a poller deliver them.
The one server has the cluster's settings for durability. The side that is measured has all
processors of the machine.
"""

import asyncio
import json
import math
import os
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from app.storage.outbox import due
from app.storage.postgres import migrate
from app.storage.postgres.database import open_database
from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.postgres.embedded import EmbeddedPostgres
from bench import accept, drain
from tests.harness import citus
from tests.processes import Deployment

RESULTS = Path(__file__).with_name("citus.json")
PAGE = Path(__file__).parent.parent / "docs" / "scaling.md"
ROUNDS = int(os.environ.get("WAYBILL_BENCH_ROUNDS", "5"))
SECONDS = 3.0
SHARDS = 16
UPDATES = 1000
_ONE, _CLUSTER = "one PostgreSQL", "cluster"
_DURABILITY = ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers")
_CASES = [(stores, connections) for stores in (1, 50) for connections in (16, 64)]
# More than a server accepts in a measurement.
_ORDERS = 12_000
_LOOKS = 10
_TABLES = "orders, order_lines, updates, shipments, attempts, lanes, idempotency_keys"
_BEGIN, _END = "<!-- make bench-citus -->\n", "<!-- end -->\n"
Figures = dict[str, dict[str, list[float]]]


@dataclass(frozen=True)
class Side:
    """A database, its processes, and the servers that it consists of."""

    url: str
    deployment: Deployment
    stores: list[int]
    postmasters: list[int]

    def spent(self) -> float:
        """Seconds of processor time of its servers until now."""
        found = 0.0
        for number in self.postmasters:
            root = psutil.Process(number)
            times = root.cpu_times()
            found += times.user + times.system + times.children_user + times.children_system
            for child in root.children():
                try:
                    used = child.cpu_times()
                except psutil.NoSuchProcess:
                    continue
                found += used.user + used.system
        return found


def main() -> int:
    """Measure, print, and write bench/citus.json and the table of docs/scaling.md."""
    figures: Figures = defaultdict(lambda: {_ONE: [], _CLUSTER: []})
    with tempfile.TemporaryDirectory() as folder, _sides(Path(folder)) as sides:
        for number in range(ROUNDS):
            # The side that was first is second in the next round.
            order = list(sides) if number % 2 else list(reversed(sides))
            for name in order:
                for case in _CASES:
                    _note(figures, name, _accepted(sides[name], case, Path(folder) / "orders"))
            for name in order:
                _note(figures, name, _delivered(sides[name]))
        machine = asyncio.run(_machine(sides))
    results = {"of": machine, "figures": figures}
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    sys.stdout.write(report(results))
    return 0


@contextmanager
def _sides(folder: Path) -> Iterator[dict[str, Side]]:
    with ExitStack() as stack:
        server = stack.enter_context(citus.opened(shards=SHARDS))
        cluster = stack.enter_context(server.fresh())
        options = asyncio.run(_durability(cluster))
        one = stack.enter_context(EmbeddedPostgres.start(folder / "data", options=options))
        migrate.upgrade(one.url)
        found = {}
        for name, url, parts in (
            (_ONE, one.url, [one.url]),
            (_CLUSTER, cluster, citus.nodes_of(server, cluster)),
        ):
            (folder / name).mkdir()
            deployment, stores = stack.enter_context(drain.connected(url, folder / name))
            found[name] = Side(url, deployment, stores, asyncio.run(_postmasters(parts)))
        yield found


async def _durability(url: str) -> dict[str, str]:
    connection = await asyncpg.connect(**asyncpg_arguments(url))
    found = {name: await connection.fetchval(f"SHOW {name}") for name in _DURABILITY}
    await connection.close()
    return found | {"max_connections": "200"}


async def _postmasters(urls: list[str]) -> list[int]:
    """The process ids of servers on this machine."""
    found = []
    for url in urls:
        connection = await asyncpg.connect(**asyncpg_arguments(url))
        found.append(psutil.Process(connection.get_server_pid()).ppid())
        await connection.close()
    return found


async def _machine(sides: Mapping[str, Side]) -> str:
    connection = await asyncpg.connect(**asyncpg_arguments(sides[_CLUSTER].url))
    version = await connection.fetchval("SHOW server_version")
    extension = await connection.fetchval(
        "SELECT extversion FROM pg_extension WHERE extname = 'citus'"
    )
    settings = ", ".join(
        f"{name} {each}" for name, each in (await _durability(sides[_CLUSTER].url)).items()
    )
    await connection.close()
    at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    busy = os.getloadavg()[0]
    return (
        f"{at}, {os.cpu_count()} cores, PostgreSQL {version}, Citus {extension}, {SHARDS} shards "
        f"on {len(sides[_CLUSTER].postmasters) - 1} workers of the same machine, {settings}; "
        f"{ROUNDS} rounds; load of the machine at the end {busy:.1f}"
    )


def _note(figures: Figures, name: str, found: Mapping[str, float]) -> None:
    for what, figure in found.items():
        figures[what][name].append(figure)


def _accepted(side: Side, case: tuple[int, int], listing: Path) -> dict[str, float]:
    stores, connections = case
    orders = asyncio.run(_opened(side, side.stores[:stores], _ORDERS // stores))
    listing.write_text("\n".join(orders))
    api = psutil.Process(side.deployment.processes["api"].pid)
    servers, ours = side.spent(), sum(api.cpu_times()[:2])
    found = accept.load(
        side.deployment.api,
        side.deployment.key,
        listing,
        first=0,
        connections=connections,
        seconds=SECONDS,
    )
    used = found["used"] / 1e3
    what = f"accept, {stores} store{'s' * (stores > 1)}, {connections} connections"
    noted = {
        f"{what}: a second": found["per_second"],
        f"{what}: ms of the API": (sum(api.cpu_times()[:2]) - ours) / used,
        f"{what}: ms of the servers": (side.spent() - servers) / used,
    }
    asyncio.run(_forgotten(side))
    return noted


async def _opened(side: Side, stores: list[int], orders: int) -> list[str]:
    connection = await asyncpg.connect(**asyncpg_arguments(side.url))
    prefix = f"A{time.time_ns():x}-"
    found = [
        str(row["order_id"])
        for store in stores
        for row in await connection.fetch(
            "SELECT order_id FROM bench_open($1, $2, $3)", store, orders, prefix
        )
    ]
    await connection.execute(f"ANALYZE {_TABLES}")
    await connection.close()
    random.Random(1).shuffle(found)
    return found


async def _forgotten(side: Side) -> None:
    """Let no update of the measurement be due."""
    connection = await asyncpg.connect(**asyncpg_arguments(side.url))
    await connection.execute(
        "UPDATE updates SET active = false, state = 'confirmed' WHERE state <> 'confirmed'"
    )
    await connection.close()


def _delivered(side: Side) -> dict[str, float]:
    with drain.walmart(side.deployment, 0.0):
        asyncio.run(drain.make_due(side.url, side.stores, UPDATES))
        noted = asyncio.run(_looked(side))
        servers, began = side.spent(), time.time()
        poller = psutil.Process(side.deployment.start("poller", "poller").pid)
        took = asyncio.run(drain.until_confirmed(side.url)) - began
        noted |= {
            "deliver, 50 stores: updates a second": UPDATES / took,
            "deliver: ms of the poller, its start included": (
                sum(poller.cpu_times()[:2]) / UPDATES * 1e3
            ),
            "deliver: ms of the servers": (side.spent() - servers) / UPDATES * 1e3,
        }
        side.deployment.stop("poller")
        return noted


async def _looked(side: Side) -> dict[str, float]:
    database = open_database(side.url)
    try:
        sharded = await database.is_sharded()
        times, servers = [], side.spent()
        for _ in range(_LOOKS + 1):
            began = time.perf_counter()
            await due.groups(database.by_key, sharded=sharded)
            times.append((time.perf_counter() - began) * 1e3)
        what = f"search for due updates ({UPDATES} are)"
        return {
            # The first opens connections.
            f"{what}: ms": statistics.median(times[1:]),
            f"{what}: ms of the servers": (side.spent() - servers) / len(times) * 1e3,
        }
    finally:
        await database.close()


def report(results: Mapping[str, Any]) -> str:
    """Write the table into docs/scaling.md; return it."""
    lines = [
        "| what | one PostgreSQL | cluster | cluster to one | goal |",
        "|---|---|---|---|---|",
    ]
    for what, sides in results["figures"].items():
        one, cluster = sides[_ONE], sides[_CLUSTER]
        # Ten searches may cost less than the clock of processes shows.
        ratio = statistics.median(
            b / a if a else math.nan for a, b in zip(one, cluster, strict=True)
        )
        goal = "0.25" if what.startswith("accept") and what.endswith("a second") else ""
        lines.append(f"| {what} | {_spread(one)} | {_spread(cluster)} | {ratio:.2f} | {goal} |")
    table = "\n".join(lines) + "\n"
    before, _, rest = PAGE.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    page = f"{before}{_BEGIN}\n{results['of']}.\n\n{table}\n{_END}{after}"
    PAGE.write_text(page)
    return table


def _spread(figures: list[float]) -> str:
    """The median, and the lowest to the highest."""
    low, middle, high = min(figures), statistics.median(figures), max(figures)
    digits = 0 if middle >= 100 else 2
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


if __name__ == "__main__":
    sys.exit(main())
