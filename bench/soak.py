"""`python -m bench.soak [minutes]`: what processes hold under load, and how that grows in an hour.

Buyers order, Commerce ships, cancels and asks, a person reads the page: some operations a second,
in turn. What each process holds is noted every ten seconds. The slope is that of the least squares
over the last two thirds of the time, because caches fill first. Exits with 1 if an answer was an
error or an update failed.
"""

import itertools
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from app.storage.postgres import migrate
from app.storage.postgres.embedded import EmbeddedPostgres
from tests.processes import Deployment, a_store, an_order, deployed, until

_EVERY = 10.0
"""Seconds between two notes."""
_PAUSE = 0.4
"""Seconds between two orders: about two orders a second, and ten requests."""
_STORES = 5
_SETTINGS = {
    "WAYBILL_LOG_LEVEL": "warning",
    "WAYBILL_API_RATE": "0",
    "WAYBILL_WALMART_TIMEOUT": "20",
    "WAYBILL_LEASE": "60",
    "WAYBILL_IMPORT_INTERVAL": "30",
    "WAYBILL_RECONCILE_INTERVAL": "300",
}
_READ = ("/v1/orders?limit=50", "/v1/orders/summary", "/v1/attention", "/v1/health", "/metrics")


@dataclass
class Watched:
    """What one process held, note by note."""

    process: psutil.Process
    megabytes: list[float] = field(default_factory=list)
    descriptors: list[float] = field(default_factory=list)
    connections: list[float] = field(default_factory=list)

    def note(self) -> None:
        """Note what it holds now."""
        with self.process.oneshot():
            self.megabytes.append(self.process.memory_info().rss / 2**20)
            self.descriptors.append(self.process.num_fds())
            self.connections.append(len(self.process.net_connections("all")))


@dataclass
class Soak:
    """The load, and what came of it."""

    deployment: Deployment
    client: httpx.Client
    stores: list[str]
    answers: Counter[int] = field(default_factory=Counter)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1_796_000_000_000))

    def step(self, number: int) -> None:
        """One order and what happens to it, and one look."""
        store = number % _STORES
        order = an_order(
            self.deployment,
            self.client,
            self.stores[store],
            str(next(self.numbers)),
            2,
            seller=f"seller-{store}",
        )
        path = f"/v1/orders/{order['id']}"
        if number % 10:
            package = {
                "carrier_code": "ups",
                "tracking_number": f"1ZSOAK{number}",
                "items": [{"line_number": "1", "quantity": 2}],
            }
            self._asked(self.client.post(f"{path}/shipments", json=package))
        else:
            reason = {"reason": "out_of_stock"}
            self._asked(self.client.post(f"{path}/cancellation", json=reason))
        self._asked(self.client.get(path))
        self._asked(self.client.get(_READ[number % len(_READ)]))

    def _asked(self, answer: httpx.Response) -> None:
        self.answers[answer.status_code] += 1

    def states(self) -> dict[str, int]:
        """How many orders are in each status, at the end."""
        found = self.client.get("/v1/orders/summary").json()
        return {name: count for name, count in found.items() if isinstance(count, int)}


def run(minutes: float) -> int:
    """Load for so many minutes, and print what each process holds."""
    with _deployment() as (deployment, soak):
        watched = {
            name: Watched(psutil.Process(process.pid))
            for name, process in deployment.processes.items()
            if name != "simulator"
        }
        began = noted = time.monotonic()
        for number in itertools.count():
            now = time.monotonic()
            if now >= began + 60 * minutes:
                break
            if now >= noted:
                noted += _EVERY
                for each in watched.values():
                    each.note()
            soak.step(number)
            time.sleep(_PAUSE)
        until(lambda: not _open(soak), patience=120)
        return _report(soak, watched)


def _open(soak: Soak) -> int:
    waiting = soak.client.get("/v1/updates?state=pending&limit=1").json()["data"]
    return len(waiting)


def _report(soak: Soak, watched: dict[str, Watched]) -> int:
    print(f"requests by status: {dict(soak.answers)}")
    failed = soak.client.get("/v1/updates?state=failed&limit=1").json()["data"]
    print(f"orders: {soak.states()}; failed updates: {len(failed)}")
    for name, each in watched.items():
        for what in ("megabytes", "descriptors", "connections"):
            values = getattr(each, what)
            later = values[len(values) // 3 :]
            print(
                f"{name:10} {what:12} first {values[0]:7.1f}  last {values[-1]:7.1f}  "
                f"median {statistics.median(later):7.1f}  slope {_slope(later):+8.2f} an hour"
            )
    errors = sum(count for status, count in soak.answers.items() if status >= 400)
    print(f"errors: {errors}")
    return 1 if errors or failed else 0


def _slope(values: list[float]) -> float:
    """Of the least squares, in units an hour."""
    if len(values) < 2:
        return 0.0
    line: Callable[..., tuple[float, float]] = statistics.linear_regression
    return line(range(len(values)), values)[0] * 3600 / _EVERY


@contextmanager
def _deployment() -> Iterator[tuple[Deployment, Soak]]:
    with tempfile.TemporaryDirectory() as folder:
        folder_path = Path(folder)
        with EmbeddedPostgres.start(folder_path / "data") as server:
            migrate.upgrade(server.url)
            with (
                deployed(server.url, folder_path, pollers=1, **_SETTINGS) as deployment,
                deployment.client() as client,
            ):
                stores = [a_store(client, f"seller-{n}", code=f"soak{n}") for n in range(_STORES)]
                yield deployment, Soak(deployment, client, stores)


def main() -> int:
    """Measure and print."""
    return run(float(sys.argv[1]) if len(sys.argv) > 1 else 30)


if __name__ == "__main__":
    sys.exit(main())
