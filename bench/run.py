"""`make bench`: runs the benchmarks, prints a table and writes bench/results.json."""

import asyncio
import json
import os
import platform
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from app.storage import migrate
from app.storage.embedded import EmbeddedPostgres
from app.version import VERSION
from bench import latency
from tests.processes import deployed

ORDERS = 300
RESULTS = Path(__file__).with_name("results.json")
# The goal of the issue; printed beside the figure, never asserted.
GOAL_MS = 250.0


def main() -> int:
    """Measure, print, write."""
    with (
        tempfile.TemporaryDirectory() as folder,
        # fsync stays on: what is accepted here is as durable as in production.
        EmbeddedPostgres.start(Path(folder) / "data") as server,
    ):
        migrate.upgrade(server.url)
        settings = {"WAYBILL_LOG_LEVEL": "warning", "WAYBILL_POLL_INTERVAL": "5"}
        with deployed(server.url, Path(folder), pollers=1, **settings) as deployment:
            asyncio.run(latency.measure(deployment, orders=20, clients=1))
            idle = asyncio.run(latency.measure(deployment, orders=ORDERS, clients=1))
            busy = asyncio.run(latency.measure(deployment, orders=ORDERS, clients=8))
    python = platform.python_version()
    results = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {python}",
        "waybill": VERSION,
        "latency_one_client": idle,
        "latency_eight_clients": busy,
    }
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    sys.stdout.write(_table(results))
    return 0


def _table(results: Mapping[str, object]) -> str:
    rows = [f"{results['machine']}\n202 to Walmart's receipt, {ORDERS} shipments each\n"]
    for name, title in (
        ("latency_one_client", "one client"),
        ("latency_eight_clients", "eight clients"),
    ):
        figures = results[name]
        assert isinstance(figures, dict)  # noqa: S101 - made above
        rows.append(
            f"  {title:14} p50 {figures['p50_ms']:7.1f} ms   p99 {figures['p99_ms']:7.1f} ms   "
            f"worst {figures['worst_ms']:7.1f} ms   "
            f"{figures['accepted_per_second']:6.0f} accepted/s"
        )
    rows.append(f"  goal           p99 under {GOAL_MS:g} ms\n")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
