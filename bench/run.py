"""`make bench`: measures, prints the table, writes bench/results.json and docs/performance.md.

Every contestant of a comparison takes its turn within each round, so that a machine that is busy
for a while slows all of them.
"""

import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping
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
ROUNDS = 5
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
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        folder_path = Path(folder)
        # fsync stays on: accepted requests are as durable here as in production.
        with EmbeddedPostgres.start(folder_path / "data") as server:
            migrate.upgrade(server.url)
            results |= {"machine": asyncio.run(_machine(server.url)), "waybill": _version()}
            results |= _delivered(server.url, folder_path)
            with deployed(server.url, folder_path, pollers=0, **_SETTINGS) as deployment:
                results["accept"], results["api_replicas"] = accept.measure(
                    deployment, server.url, folder_path, rounds=ROUNDS, seconds=SECONDS
                )
            _keep(results)
        # With commit timestamps, from which a wake-up is timed.
        timed = {"track_commit_timestamp": "on"}
        with EmbeddedPostgres.start(folder_path / "queues", options=timed) as server:
            migrate.upgrade(server.url)
            results["latency"] = latency.measure(server.url, folder_path, rounds=ROUNDS)
            results["drain"] = drain.measure(server.url, folder_path, rounds=ROUNDS)
            results["replicas"] = replicas.measure(server.url, folder_path, rounds=ROUNDS)
            results["footprint"] = footprint.measure(server.url, folder_path, rounds=ROUNDS)
    _keep(results)
    results["transport"] = transport.measure(rounds=ROUNDS)
    _keep(results)
    results["streams"] = streams.run(rounds=ROUNDS, seconds=SECONDS)
    _keep(results)
    results["growth"] = growth.run(growth.SIZES)
    _keep(results)
    results["pages"], results["pages_of"] = pages.run(), f"{results['waybill']}"
    _keep(results)
    sys.stdout.write(report.write(results))
    return 0


def _keep(results: Mapping[str, Any]) -> None:
    """Keep the results so far, so that an interrupted run loses none."""
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")


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
