"""What a claim, a page, a search and a summary cost as the tables grow.

`python -m bench.growth 10000 100000 1000000` fills a database of its own with so many orders
that are done, step by step, and measures at each size what Waybill does all day: milliseconds,
medians of several. With the last size a transaction is left open beside it, as well.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from cryptography.fernet import Fernet

from app.orders import ids
from app.orders.snapshot import LineSnapshot, OrderSnapshot, Units, UnitStatus
from app.orders.update import State
from app.storage import claims, migrate, overview, recording
from app.storage.database import Connection, Database, open_database
from app.storage.embedded import EmbeddedPostgres
from app.storage.overview import OrderFilter, Page, UpdateFilter
from app.storage.recording import Attempt, Result, Step
from app.storage.urls import asyncpg_arguments
from app.storage.vault import Vault

SIZES = (10_000, 100_000, 1_000_000)
REPEATS = 15
STORES = 50
BATCH = 20
_START = datetime(2025, 1, 1, tzinfo=UTC)
_HERE = Path(__file__).parent
_STORES = """
    INSERT INTO stores (id, code, name, market, walmart_client_id, walmart_client_secret)
    SELECT gen_random_uuid(), 'code' || n, 'n', 'US', 'i' || n, $2 FROM generate_series(1, $1) n
"""
_VAULT = Vault([Fernet.generate_key().decode()])
_COUNTS = """
    INSERT INTO order_counts SELECT store_id, status, count(*) FROM orders GROUP BY 1, 2
        ON CONFLICT (store_id, status) DO UPDATE SET orders = excluded.orders
"""
Look = Callable[[Connection], Awaitable[object]]


async def measure(url: str, sizes: tuple[int, ...]) -> dict[str, dict[str, float]]:
    """Milliseconds by what is done and by size ("0" is an empty database with as much due)."""
    admin = await asyncpg.connect(**asyncpg_arguments(url))
    database = open_database(url)
    await admin.execute((_HERE / "growth.sql").read_text())
    await admin.execute((_HERE / "drain.sql").read_text())
    await admin.execute(_STORES, STORES, _VAULT.seal("secret"))
    found: dict[str, dict[str, float]] = {}
    there = 0
    try:
        for size in (0, *sizes):
            await _grow(admin, there, size)
            there = size
            for name, took in (await _all(database, admin, size)).items():
                found.setdefault(name, {})[str(size)] = took
        held = await asyncpg.connect(**asyncpg_arguments(url))
        async with held.transaction(isolation="repeatable_read"):
            await held.fetchval("SELECT count(*) FROM stores")
            # What is changed now cannot be cleared away while that picture is needed.
            for _ in range(10):
                await _claim_and_record(database, admin)
            for name, took in (await _claim_and_record(database, admin)).items():
                found[name]["pinned"] = took
        await held.close()
    finally:
        await database.close()
        await admin.close()
    return found


async def _grow(admin: Any, first: int, last: int) -> None:  # noqa: ANN401 - asyncpg has no types
    await admin.execute("SET session_replication_role = replica")
    for begin in range(first + 1, last + 1, 50_000):
        end = min(begin + 49_999, last)
        await admin.execute("SELECT bench_grow($1, $2)", begin, end, timeout=600)
    await admin.execute("SET session_replication_role = origin")
    await admin.execute(_COUNTS, timeout=600)
    await admin.execute("VACUUM ANALYZE", timeout=1200)


async def _all(
    database: Database,
    admin: Any,  # noqa: ANN401 - asyncpg has no types
    size: int,
) -> Mapping[str, float]:
    found = dict(await _claim_and_record(database, admin))
    if size:
        for name, look in _looks(size).items():
            found[name] = await _median(database, look)
    return found


async def _claim_and_record(
    database: Database,
    admin: Any,  # noqa: ANN401 - asyncpg has no types
) -> dict[str, float]:
    await admin.execute("SELECT bench_due(1, $1, $2)", REPEATS * BATCH, f"{time.time_ns():x}-")
    terms = claims.Terms("bench", 90.0, 30.0)
    took: dict[str, list[float]] = {"claim": [], "record": []}
    for _ in range(REPEATS):
        began = time.perf_counter()
        groups = [each for each in await claims.due(database.direct) if each.store_id == 1]
        # A lane that nobody has heard of bears four; as many as are there is the rule later.
        await admin.execute("UPDATE lanes SET answered = true, failures = 0 WHERE NOT answered")
        claim = await claims.claim(
            database.direct, groups, limit=BATCH, token=uuid4(), terms=terms, vault=_VAULT
        )
        took["claim"].append(time.perf_counter() - began)
        results = [_confirmed(each, claim.orders) for each in claim.updates]
        began = time.perf_counter()
        await recording.record(database, results, _new_id)
        took["record"].append(time.perf_counter() - began)
    return {name: statistics.median(each) * 1000 for name, each in took.items()}


def _new_id(store_id: int) -> UUID:
    return ids.new_id(store_id, int(time.time() * 1000), uuid4().int & (2**64 - 1))


def _confirmed(update: Any, known: Mapping[UUID, Any]) -> Result:  # noqa: ANN401 - a Claimed
    order = known[update.order_id]
    units = (Units(UnitStatus.SHIPPED, 1, tracking_number=update.payload["tracking_number"]),)
    line = LineSnapshot(line_number="1", sku="SKU-1", ordered=1, units=units)
    snapshot = OrderSnapshot(purchase_order_id=order.purchase_order_id, lines={"1": line})
    at = update.claimed_at
    attempt = Attempt(_new_id(update.store_id), "bench", at, at, "confirmed", None, [])
    return Result(update, Step(State.CONFIRMED), attempt, snapshot)


def _looks(size: int) -> dict[str, Look]:
    """Every filter of the lists, the first page and one in the middle, and what else is read."""
    recent = _START + timedelta(seconds=size - 200)
    lists = {
        "orders": OrderFilter(),
        "orders, store": OrderFilter(store_id=3),
        "orders, status": OrderFilter(status="error"),
        "orders, store and status": OrderFilter(store_id=8, status="error"),
        "orders, updated_since": OrderFilter(updated_since=recent),
        "orders, store, updated_since": OrderFilter(store_id=3, updated_since=_START),
        "orders, status, updated_since": OrderFilter(status="canceled", updated_since=_START),
        "orders, ship_before": OrderFilter(ship_before=_START + timedelta(days=9000)),
        "orders, q purchase order": OrderFilter(q=f"G{size - 1}"),
        "orders, q tracking, store": OrderFilter(q=f"1ZG{size - 1}", store_id=1 + (size - 1) % 50),
        "orders, q of nothing": OrderFilter(q="ZZZ"),
    }
    updates = {
        "updates": UpdateFilter(),
        "updates, store": UpdateFilter(store_id=3),
        "updates, failed": UpdateFilter(state="failed"),
        "updates, store and kind": UpdateFilter(store_id=3, kind="shipment"),
        "updates, code": UpdateFilter(code="walmart_rejected"),
        "updates, a kind that is rare": UpdateFilter(kind="inventory"),
    }
    middle = (_START + timedelta(seconds=size // 2)).isoformat()
    deep = (middle, str(UUID(int=1)))
    found: dict[str, Look] = {}
    for name, wanted in lists.items():
        found[name] = lambda c, w=wanted: overview.orders(c, w, Page(50))  # type: ignore[misc]
        # A cursor is never before updated_since, as the middle would be before what is recent.
        if wanted.q is None and wanted.updated_since in {None, _START}:
            found[f"{name}; deep"] = lambda c, w=wanted: overview.orders(  # type: ignore[misc]
                c, w, Page(50, deep)
            )
    for name, sought in updates.items():
        found[name] = lambda c, w=sought: overview.updates(c, w, Page(50))  # type: ignore[misc]
        found[f"{name}; deep"] = lambda c, w=sought: overview.updates(  # type: ignore[misc]
            c, w, Page(50, deep)
        )
    found["summary, store"] = lambda c: overview.summary(c, 3)
    found["summary"] = lambda c: overview.summary(c, None)
    return found


async def _median(database: Database, look: Look) -> float:
    took = []
    for number in range(REPEATS + 2):
        async with database.read() as connection:
            began = time.perf_counter()
            await look(connection)
            if number > 1:
                took.append(time.perf_counter() - began)
            if took and sum(took) > 10:
                break
    return statistics.median(took) * 1000


def table(found: Mapping[str, Mapping[str, float]]) -> str:
    """The figures as lines, with how much the largest costs beside the smallest."""
    sizes = list(dict.fromkeys(size for row in found.values() for size in row))
    head = "".join(f"{size:>11}" for size in sizes)
    rows = [f"\nMilliseconds, by orders in the database\n\n{'':32}{head}   growth\n"]
    for name, took in found.items():
        cells = "".join(f"{took[size]:11.2f}" if size in took else " " * 11 for size in sizes)
        numbers = [took[size] for size in sizes if size in took and size != "pinned"]
        rows.append(f"  {name:30}{cells}   {numbers[-1] / numbers[0]:6.2f}")
    return "\n".join(rows) + "\n"


def run(sizes: tuple[int, ...]) -> dict[str, dict[str, float]]:
    """Measure on a PostgreSQL of its own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedPostgres.start(Path(folder) / "data") as server,
    ):
        migrate.upgrade(server.url)
        return asyncio.run(measure(server.url, sizes))


def main() -> None:
    """Measure, print, and write where wanted."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sizes", nargs="*", type=int, default=list(SIZES))
    parser.add_argument("--out")
    wanted = parser.parse_args()
    found = run(tuple(wanted.sizes))
    if wanted.out:
        Path(wanted.out).write_text(json.dumps(found, indent=2) + "\n")
    sys.stdout.write(table(found))


if __name__ == "__main__":
    main()
