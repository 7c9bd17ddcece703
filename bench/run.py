"""`make bench`: measures, prints the table, writes bench/results.json and docs/performance.md.

`python -m bench.run [part…]` measures only these parts, and keeps the figures of the others; the
report says of which version and day each part is, and how long it took. Every contestant of a
comparison takes its turn within each round, so that a machine that is busy for a while slows all
of them.
"""

import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from app.storage.postgres import migrate
from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.postgres.embedded import EmbeddedPostgres
from app.version import VERSION
from bench import (
    accept,
    drain,
    footprint,
    growth,
    latency,
    pages,
    replicas,
    report,
    streams,
    transport,
    trust,
)
from tests.processes import deployed

RESULTS = Path(__file__).with_name("results.json")
# Of all parts together, so that they take less than a quarter of an hour.
ROUNDS = 3
LATENCY_ROUNDS = 4
# More would use up the orders of bench/accept.py.
SECONDS = 2.0
_SETTINGS = {
    "WAYBILL_LOG_LEVEL": "warning",
    "WAYBILL_POLL_INTERVAL": "5",
    "WAYBILL_QUIET_PERIOD": "120",
    # More than any client may send.
    "WAYBILL_API_RATE": "0",
}


def main() -> int:
    """Measure, print, write."""
    wanted = sys.argv[1:] or list(PARTS)
    if unknown := set(wanted) - PARTS.keys():
        sys.stderr.write(f"No part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}.\n")
        return 2
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in wanted:
        sys.stderr.write(f"{name} …\n")
        began = time.monotonic()
        results |= PARTS[name]()
        took = time.monotonic() - began
        results["parts"] = results.get("parts", {}) | {name: [_version(), round(took)]}
        sys.stderr.write(f"{name}: {took:.0f} s\n")
        # After each, so that an interrupted run loses none.
        RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    sys.stdout.write(report.write(results))
    return 0


@contextmanager
def _server(**options: str) -> Iterator[tuple[str, Path]]:
    """A new PostgreSQL with Waybill's tables, and a folder."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        # fsync stays on: accepted requests are as durable here as in production.
        server = stack.enter_context(EmbeddedPostgres.start(folder / "data", options=options))
        migrate.upgrade(server.url)
        yield server.url, folder


def _accept() -> dict[str, Any]:
    with _server() as (url, folder):
        found: dict[str, Any] = {"machine": asyncio.run(_machine(url)), "waybill": _version()}
        found |= _delivered(url, folder)
        with deployed(url, folder, pollers=0, **_SETTINGS) as deployment:
            found["accept"], found["api_replicas"] = accept.measure(
                deployment, url, folder, rounds=ROUNDS, seconds=SECONDS
            )
    return found


def _latency() -> dict[str, Any]:
    # With commit timestamps, from which a wake-up is timed.
    with _server(track_commit_timestamp="on") as (url, folder):
        return {"latency": latency.measure(url, folder, rounds=LATENCY_ROUNDS)}


def _drain() -> dict[str, Any]:
    with _server() as (url, folder):
        return {"drain": drain.measure(url, folder, rounds=ROUNDS)}


def _pollers() -> dict[str, Any]:
    with _server() as (url, folder):
        return {"replicas": replicas.measure(url, folder, rounds=ROUNDS)}


def _footprint() -> dict[str, Any]:
    with _server() as (url, folder):
        return {"footprint": footprint.measure(url, folder, rounds=ROUNDS)}


def _transport() -> dict[str, Any]:
    return {"transport": transport.measure(rounds=ROUNDS)}


def _streams() -> dict[str, Any]:
    return {"streams": streams.run(rounds=ROUNDS, seconds=SECONDS)}


def _growth() -> dict[str, Any]:
    sizes = growth.SIZES
    with _server() as (url, folder):
        found = {"growth": asyncio.run(growth.measure(url, sizes))}
        return found | {"pages": pages.measure(url, folder, (sizes[0], sizes[-1]))}


PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "accept": _accept,
    "latency": _latency,
    "drain": _drain,
    "pollers": _pollers,
    "footprint": _footprint,
    "transport": _transport,
    "streams": _streams,
    "growth": _growth,
}


def _version() -> str:
    """The measured version, and the date."""
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{VERSION} ({said.stdout.strip() or 'no git'}), {now}"


async def _machine(url: str) -> str:
    connection = await asyncpg.connect(**asyncpg_arguments(url))
    version = await connection.fetchval("SHOW server_version")
    await connection.close()
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"PostgreSQL {version}"
    )


def _delivered(url: str, folder: Path) -> Mapping[str, Any]:
    """Walmart's limits and failures of other stores, with processes as they are deployed."""
    found: dict[str, Any] = {}
    with deployed(url, folder, pollers=0, **_SETTINGS) as deployment:
        found["bucket"] = trust.bucket(deployment)
        found["beside_trouble"] = trust.beside_trouble(deployment)
    return found


if __name__ == "__main__":
    sys.exit(main())
