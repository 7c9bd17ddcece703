"""`python -m bench.accept_alone [rounds]`: accepting only, in two minutes instead of twenty.

Prints the medians of pgbench, the bare handler and the API, their ratios, and the processor time
of a request in the two handlers' processes: on a machine with other work, that is steadier than
the number of requests a second.
"""

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from app.storage.postgres import migrate
from app.storage.postgres.embedded import EmbeddedPostgres
from bench import accept
from tests.processes import deployed

_SECONDS = 2.0
_SETTINGS = {
    "WAYBILL_LOG_LEVEL": "warning",
    "WAYBILL_POLL_INTERVAL": "5",
    "WAYBILL_API_RATE": "0",
}


def main() -> int:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        folder_path = Path(folder)
        with EmbeddedPostgres.start(folder_path / "data") as server:
            migrate.upgrade(server.url)
            with deployed(server.url, folder_path, pollers=0, **_SETTINGS) as deployment:
                found, _, _ = accept.compare(
                    deployment, server.url, folder_path, rounds=rounds, seconds=_SECONDS
                )
    for connections, figures in found.items():
        _print(connections, figures)
    return 0


def _print(connections: str, figures: dict[str, list[dict[str, Any]]]) -> None:
    def median(name: str, what: str) -> float:
        return statistics.median(float(each[what]) for each in figures[name])

    api, bare, pgbench = (median(name, "per_second") for name in ("api", "bare", "pgbench"))
    print(f"{connections} connections, medians of {len(figures['api'])} rounds")
    print(f"  pgbench {pgbench:7,.0f} a second")
    print(f"  bare    {bare:7,.0f} a second, {median('bare', 'cpu_us'):4.0f} us a request")
    print(f"  api     {api:7,.0f} a second, {median('api', 'cpu_us'):4.0f} us a request")
    print(f"  API to bare {api / bare:.2f}, API to pgbench {api / pgbench:.2f}")


if __name__ == "__main__":
    sys.exit(main())
