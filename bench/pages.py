"""The time of each page and of each list of the API, as the tables grow.

`python -m bench.pages 1000 1000000` fills a database as `bench.growth` does, runs an API process on
each size, and asks both by turns: milliseconds until the whole answer is there, medians.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import asyncpg

from app.storage.postgres import migrate
from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.postgres.embedded import EmbeddedPostgres
from app.web.page.order_list import PER_PAGE
from bench import growth
from tests.processes import Deployment, deployed

SIZES = (1_000, 1_000_000)
READS = 31
MOST_GROWTH, MOST_MS = 1.5, 50.0
# A part of a millisecond is not growth.
_NOISE = 1.0
_LISTS = (
    "", "status=error", "status=open&status=error", "sort=attention", "sort=ship_by",
    "sort=updated", "late=true", "ship_soon=true", "sync=error", "sync=pending&sync=retrying",
    "cancel_requested=true", "return_requested=true", "ship_method=Freight",
    "fulfilled_by=walmart", "code=walmart_rejected&status=error", "without_commerce_order=true",
    "ordered_from=2025-01-01T00:05:00Z", "late=true&sort=newest", "q={number}", "q=ZZZ",
)  # fmt: skip
_PAGES = (
    "/orders", "/orders?status=error", "/orders?late=true", "/orders?sort=attention",
    "/orders?sort=ship_by", "/orders?ship_method=Freight", "/orders?q=ZZZ", "/orders?store={store}",
    "/orders/{order}", "/orders/{order}/ship", "/orders/import", "/orders/ship-many", "/returns",
    "/attention", "/health", "/stores", "/stores/{store}", "/keys",
)  # fmt: skip
_API = (
    "/v1/orders/summary", "/v1/orders/summary?store_id={store}", "/v1/orders/{order}",
    "/v1/returns", "/v1/updates?state=failed", "/v1/attention", "/v1/health?hours=24",
)  # fmt: skip
_SETTINGS = {"WAYBILL_LOG_LEVEL": "warning", "WAYBILL_API_RATE": "0"}
# The number of the first of the orders that only the first store has; newer than all others.
_NEWER = 10_000_000
# A search for one order leads to it.
_ANSWERED = (200, 303)
Times = dict[str, dict[str, float]]


@dataclass
class Visitor:
    """A person with a browser at one of the API processes."""

    deployment: Deployment
    names: dict[str, str] = field(default_factory=dict)
    """What stands for `{order}`, `{store}` and `{number}`."""
    cookie: str = ""

    def __post_init__(self) -> None:
        address = urlsplit(self.deployment.api)
        self._connection = HTTPConnection(address.hostname or "", address.port, timeout=60)
        self._sign_in()
        page = json.loads(self._ask("/v1/orders?limit=1&status=error")[1])["data"][0]
        self.names = {
            "order": page["id"],
            "store": page["store_id"],
            "number": page["purchase_order_id"],
        }

    def ask(self, path: str) -> tuple[int, float]:
        """The status of a page, and the milliseconds that it took."""
        began = time.perf_counter()
        status, _ = self._ask(path.format(**self.names))
        return status, (time.perf_counter() - began) * 1000

    def _ask(self, path: str) -> tuple[int, bytes]:
        headers = {"Cookie": self.cookie, "Accept": "text/html"}
        if path.startswith("/v1"):
            headers = {"Authorization": f"Bearer {self.deployment.key}"}
        try:
            return self._answer(path, headers)
        except RemoteDisconnected:
            # It was idle for too long while others were asked.
            self._connection.close()
            return self._answer(path, headers)

    def _answer(self, path: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        self._connection.request("GET", quote(path, safe="/?&=%:"), headers=headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def _sign_in(self) -> None:
        form = urlencode({"key": self.deployment.key, "then": "/orders"})
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Sec-Fetch-Site": "same-origin",
        }
        self._connection.request("POST", "/sign-in", form, headers)
        answer = self._connection.getresponse()
        answer.read()
        self.cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]


def run(sizes: tuple[int, ...] = SIZES) -> Times:
    """Measure on a PostgreSQL of its own."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with EmbeddedPostgres.start(place / "data") as server:
            migrate.upgrade(server.url)
            asyncio.run(_grow(server.url, sizes))
            return measure(server.url, place, sizes)


def measure(url: str, folder: Path, sizes: Sequence[int]) -> Times:
    """Measure on the databases that `growth.all_sizes` has made."""
    with ExitStack() as stack:
        visitors = {}
        for size in sizes:
            database_url = url if size == sizes[-1] else growth.url_of(url, size)
            asyncio.run(fill_a_page(database_url))
            place = folder / str(size)
            place.mkdir()
            visitors[size] = Visitor(
                stack.enter_context(deployed(database_url, place, pollers=0, **_SETTINGS))
            )
        found: Times = {}
        for path in paths():
            found[path] = _by_turns(visitors, path)
            # As it goes, so that an interrupted run loses none.
            sys.stderr.write(_line(path, found[path]))
        return found


def paths() -> Iterator[str]:
    """What is asked for."""
    yield from _PAGES
    yield from (f"/v1/orders?{query}".rstrip("?") for query in _LISTS)
    yield from _API


async def _grow(url: str, sizes: tuple[int, ...]) -> None:
    for each in await growth.all_sizes(url, sizes):
        await each.close()


async def fill_a_page(url: str) -> None:
    """Give the first store, which is the one that is asked for, more orders than a page shows.

    Otherwise the list of a store would have more rows in a larger database.
    """
    admin = await asyncpg.connect(**asyncpg_arguments(url))
    for number in range(_NEWER, _NEWER + PER_PAGE * growth.STORES, growth.STORES):
        await admin.execute("SELECT bench_grow($1, $1)", number)
    await admin.execute("ANALYZE")
    await admin.close()


def _by_turns(visitors: Mapping[int, Visitor], path: str) -> dict[str, float]:
    """Ask all of them by turns, so that other load affects each."""
    took: dict[int, list[float]] = {size: [] for size in visitors}
    for number in range(READS + 2):
        for size, visitor in visitors.items():
            status, milliseconds = visitor.ask(path)
            if status not in _ANSWERED:
                raise AssertionError(f"{path}: {status}")
            if number > 1:
                took[size].append(milliseconds)
    return {str(size): statistics.median(each) for size, each in took.items()}


def ratio(took: Mapping[str, float]) -> float:
    """How much longer the largest takes than the smallest."""
    few, many = growth.figures(took)[0], growth.figures(took)[-1]
    return many / few if many - few > _NOISE else min(many / few, 1.0)


def _line(path: str, took: Mapping[str, float]) -> str:
    cells = "".join(f"{each:10.1f}" for each in growth.figures(took))
    late = ratio(took) > MOST_GROWTH or growth.figures(took)[-1] >= MOST_MS
    return f"  {path:46}{cells}   {ratio(took):5.2f}{'  MISSED' if late else ''}\n"


def table(found: Times) -> str:
    """The figures as lines, and whether all of them are as promised."""
    lines = ["\nMilliseconds of an answer, by orders in the database\n"]
    lines += [_line(path, took).rstrip("\n") for path, took in found.items()]
    worst = max(found, key=lambda path: ratio(found[path]))
    slowest = max(found, key=lambda path: growth.figures(found[path])[-1])
    lines += [
        f"\n  worst growth: {ratio(found[worst]):.2f} ({worst}), at most {MOST_GROWTH}",
        f"  slowest: {growth.figures(found[slowest])[-1]:.1f} ms ({slowest}), under {MOST_MS:.0f}",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sizes", nargs="*", type=int, default=list(SIZES))
    sys.stdout.write(table(run(tuple(parser.parse_args().sizes))))


if __name__ == "__main__":
    main()
