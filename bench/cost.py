"""`python -m bench.cost [rounds] [updates] [folder]`: processor time and memory of a poller.

Prints, as medians of the rounds: what a start costs until its first update is confirmed, what an
update costs the poller and PostgreSQL while 5,000 are drained to a Walmart that answers at once,
and the poller's memory afterwards. With the folder of another checkout it measures both in turn,
on one database, and prints the ratio to the other. The schema is this checkout's.
"""

import asyncio
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import asyncpg
import psutil

from app.storage.postgres import migrate
from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.postgres.embedded import EmbeddedPostgres
from bench import drain
from tests.processes import WAYBILL, Deployment

_SETTINGS = {
    "WAYBILL_POLLER_CONCURRENCY": "64",
    # However slow the machine is, no shipment becomes so old that it is read before it is sent.
    "WAYBILL_QUIET_PERIOD": "86400",
    # Modules are compiled once, as in an image.
    "PYTHONDONTWRITEBYTECODE": "",
}
# Seconds between two looks whether all is confirmed, which are PostgreSQL's work too: every 20 ms
# they took up to a quarter of it.
_PAUSE = 0.25
_HERE = Path(__file__).resolve().parent.parent
_Figures = dict[str, list[float]]


def main() -> int:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    updates = int(sys.argv[2]) if len(sys.argv) > 2 else drain.UPDATES
    checkouts = [_HERE, *(Path(each).resolve() for each in sys.argv[3:4])]
    found: list[_Figures] = [{} for _ in checkouts]
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres.start(Path(folder) / "d") as pg:
        migrate.upgrade(pg.url)
        with (
            drain.connected(pg.url, Path(folder)) as (deployment, stores),
            drain.walmart(deployment, 0.0),
        ):
            for number in range(rounds + 1):
                # Each is first in every second round. What the first round finds is not counted.
                pairs = list(zip(checkouts, found, strict=True))
                for checkout, figures in pairs if number % 2 else reversed(pairs):
                    _round(deployment, checkout, stores, updates, figures if number else {})
                if number:
                    _print(f"after {number} rounds", found)
    return 0


def _round(
    deployment: Deployment, checkout: Path, stores: Sequence[int], updates: int, figures: _Figures
) -> None:
    """Start a poller, drain, and note what it took."""

    def note(name: str, figure: float) -> None:
        figures.setdefault(name, []).append(figure)

    url = deployment.database_url
    asyncio.run(drain.make_due(url, list(stores[:1]), 1))
    poller = subprocess.Popen(
        [*WAYBILL, "poller"],
        cwd=checkout,
        env={**deployment.environment, **_SETTINGS},
    )
    deployment.processes["poller"] = poller
    try:
        asyncio.run(drain.until_confirmed(url))
        note("start, ms", _processor_time(poller.pid) * 1e3)
        asyncio.run(drain.make_due(url, list(stores), updates))
        database = asyncio.run(_server(url))
        before = _processor_time(poller.pid), _processor_time(database)
        asyncio.run(drain.until_confirmed(url, _PAUSE))
        took = _processor_time(poller.pid) - before[0]
        by_database = _processor_time(database) - before[1]
        note("poller, us an update", took / updates * 1e6)
        note("PostgreSQL, us an update", by_database / updates * 1e6)
        note("both, us an update", (took + by_database) / updates * 1e6)
        memory = psutil.Process(poller.pid).memory_full_info()
        note("resident, MiB", memory.rss / 2**20)
        note("proportional, MiB", memory.pss / 2**20)
    finally:
        deployment.stop("poller")


async def _server(url: str) -> int:
    """The process id of PostgreSQL's server."""
    connection = await asyncpg.connect(**asyncpg_arguments(url))
    try:
        backend = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()"))
        return backend.ppid()
    finally:
        await connection.close()


def _processor_time(pid: int) -> float:
    """Of a process and its children, ended ones included, in seconds."""
    process, total = psutil.Process(pid), 0.0
    for each in (process, *process.children()):
        with suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            total += times.user + times.system
    times = process.cpu_times()
    return total + times.children_user + times.children_system


def _print(title: str, found: Sequence[_Figures]) -> None:
    sys.stdout.write(f"{title}\n")
    for name, figures in found[0].items():
        line = (
            f"{name:26} {statistics.median(figures):8.1f} ({min(figures):.1f}-{max(figures):.1f})"
        )
        if len(found) > 1:
            other = found[1][name]
            ratios = [a / b for a, b in zip(figures, other, strict=True)]
            line += (
                f", the other {statistics.median(other):.1f}"
                f", ratio {statistics.median(ratios):.3f} ({min(ratios):.3f}-{max(ratios):.3f})"
            )
        sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
