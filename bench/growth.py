"""The cost of a claim, a page, a search and a summary as the tables grow.

`python -m bench.growth 10000 100000 1000000` fills a database of its own with this many finished
orders, step by step, keeps a copy of each step, and measures in all of them by turns the daily
operations of Waybill: milliseconds, medians of many. Pages are as long as the smallest database can
fill. With the last size the measurement is repeated beside an open transaction.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from cryptography.fernet import Fernet

from app.domain import ids
from app.domain.orders.snapshot import LineSnapshot, OrderSnapshot, Units, UnitStatus
from app.domain.outbox.delivery_result import Attempt, DeliveryResult, NextStep
from app.domain.outbox.rate_limits import Endpoint
from app.domain.update import State
from app.storage.outbox import claims, due
from app.storage.outbox.take import ClaimSettings
from app.storage.postgres import migrate
from app.storage.postgres.database import Database, open_database
from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.postgres.embedded import EmbeddedPostgres
from app.storage.recording import delivery_results
from app.storage.stores.secrets import SecretCipher
from bench.reads import reads

SIZES = (10_000, 100_000, 1_000_000)
# Of claims, each for a batch.
REPEATS = 15
# Of pages and other reads, in each of the databases.
READS = 41
ROWS = 50
STORES = 50
BATCH = 20
MANY = 10
# How often both are done while vacuum can remove nothing.
PINNED = 5
_HERE = Path(__file__).parent
_STORES = """
    INSERT INTO stores (id, code, name, market, walmart_client_id, walmart_client_secret)
    SELECT ('01943d5c-7800-7000-8000-0000' || lpad(to_hex(n), 8, '0'))::uuid, 'code' || n, 'n' || n,
           'US', 'i' || n, $2
      FROM generate_series(1, $1) n
"""
_LANES = """
    INSERT INTO lanes (store_id, endpoint, paused_until, reason)
    SELECT store_id, endpoint, '-infinity', '' FROM stores, unnest($1::text[]) endpoint
"""
_VAULT = SecretCipher([Fernet.generate_key().decode()])
_TERMS = ClaimSettings("bench", 90.0, 30.0)
_COUNTS = """
    INSERT INTO order_counts SELECT store_id, status, count(*) FROM orders GROUP BY 1, 2
        ON CONFLICT (store_id, status) DO UPDATE SET orders = excluded.orders
"""
# Milliseconds by operation and size; "pinned" and "spread": the interquartile range of the figures
# of a size as a share of their median.
Found = dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Grown:
    """A database with this many orders."""

    size: int
    database: Database
    admin: Any

    async def close(self) -> None:
        """Close its connections."""
        await self.database.close()
        await self.admin.close()


async def measure(url: str, sizes: tuple[int, ...]) -> Found:
    """Milliseconds ("0" is an empty database with as many due updates)."""
    grown = await all_sizes(url, sizes)
    found: Found = {}
    try:
        for each in grown:
            for name, took in (await _claim_and_record(each)).items():
                found.setdefault(name, {})[str(each.size)] = took
        filled = [each for each in grown if each.size]
        for name in reads(0):
            label, figures = await _by_turns(filled, name)
            found[label] = figures
        held = await asyncpg.connect(**asyncpg_arguments(url))
        async with held.transaction(isolation="repeatable_read"):
            await held.fetchval("SELECT count(*) FROM stores")
            # Rows changed now cannot be vacuumed while that snapshot is open.
            for _ in range(PINNED):
                await _claim_and_record(grown[-1])
            for name, took in (await _claim_and_record(grown[-1])).items():
                found[name]["pinned"] = took
            for name in reads(0):
                label, figures = await _by_turns(grown[-1:], name)
                (row,) = [row for row in found if row.partition("; of ")[0] == name]
                found[row]["pinned"] = figures[str(grown[-1].size)]
        await held.close()
    finally:
        for each in grown:
            await each.close()
    return found


async def all_sizes(url: str, sizes: tuple[int, ...]) -> list[Grown]:
    """A copy of each size but the last, which stays in its database."""
    admin = await asyncpg.connect(**asyncpg_arguments(url))
    for script in ("growth.sql", "drain.sql"):
        await admin.execute((_HERE / script).read_text())
    await admin.execute(_STORES, STORES, _VAULT.seal("secret"))
    await admin.execute(_LANES, [each.value for each in Endpoint])
    await admin.close()
    grown, there = [], 0
    for size in (0, *sizes):
        admin = await asyncpg.connect(**asyncpg_arguments(url))
        await _grow(admin, there, size)
        await admin.close()
        there, database_url = size, url
        if size != sizes[-1]:
            database_url = url_of(url, size)
            root = await asyncpg.connect(
                **asyncpg_arguments(url.replace("/waybill?", "/postgres?"))
            )
            await root.execute(
                f"CREATE DATABASE grown_{size} TEMPLATE waybill STRATEGY file_copy", timeout=600
            )
            await root.close()
        admin = await asyncpg.connect(**asyncpg_arguments(database_url))
        grown.append(Grown(size, open_database(database_url), admin))
    return grown


def url_of(url: str, size: int) -> str:
    """The database of a size that is not the last; that is url."""
    return url.replace("/waybill?", f"/grown_{size}?")


async def _by_turns(grown: Sequence[Grown], name: str) -> tuple[str, dict[str, float]]:
    """Measure the same read in each database in turn, so that other load affects all of them.

    Returns the name with the number of rows of the page, if the smallest database cannot fill it.
    """
    by_size = [(each, reads(each.size)[name]) for each in grown]
    took: dict[int, list[float]] = {each.size: [] for each in grown}
    rows = ROWS
    for number in range(READS + 2):
        for each, read in by_size:
            async with each.database.direct.reading() as session:
                began = time.perf_counter()
                there = await read(session, rows)
                if number > 1:
                    took[each.size].append((time.perf_counter() - began) * 1000)
            if not number:
                # One less, because each page reads one more.
                rows = rows if there >= rows else max(there - 1, 1)
    figures = {str(size): statistics.median(each) for size, each in took.items()}
    quarters = {size: statistics.quantiles(each) for size, each in took.items()}
    spread = max((high - low) / middle for low, middle, high in quarters.values())
    return name if rows == ROWS else f"{name}; of {rows}", {**figures, "spread": spread}


async def _grow(admin: Any, first: int, last: int) -> None:  # noqa: ANN401 - asyncpg has no types
    await admin.execute("SET session_replication_role = replica")
    for begin in range(first + 1, last + 1, 50_000):
        end = min(begin + 49_999, last)
        await admin.execute("SELECT bench_grow($1, $2)", begin, end, timeout=600)
    await admin.execute("SET session_replication_role = origin")
    await admin.execute(_COUNTS, timeout=600)
    await admin.execute("VACUUM ANALYZE", timeout=1200)


async def _claim_and_record(grown: Grown) -> dict[str, float]:
    """A batch of one store, then of ten stores, as pollers claim."""
    database = grown.database
    for store in range(1, MANY + 1):
        wanted = REPEATS * BATCH // MANY + (REPEATS * BATCH if store == 1 else 0)
        await grown.admin.execute("SELECT bench_due($1, $2, $3)", store, wanted, _prefix())
    took: dict[str, list[float]] = {}
    for name, stores in (("", range(1, 2)), (" of ten stores", range(1, MANY + 1))):
        for _ in range(REPEATS):
            # A lane without any report allows four; afterwards the usual limit applies.
            await grown.admin.execute(
                "UPDATE lanes SET answered = true, failures = 0 WHERE NOT answered OR failures > 0"
            )
            began = time.perf_counter()
            groups = await due.groups(database.by_key)
            wanted_of = [
                claims.ClaimRequest(
                    [each for each in groups if each.store_id == store], BATCH // len(stores)
                )
                for store in stores
            ]
            found = await claims.claim(
                database.by_key, wanted_of, token=uuid4(), terms=_TERMS, cipher=_VAULT
            )
            took.setdefault(f"claim{name}", []).append(time.perf_counter() - began)
            results = [_confirmed(mine, one.orders) for one in found for mine in one.updates]
            if len(results) != BATCH:
                raise AssertionError(f"{len(results)} claimed")
            began = time.perf_counter()
            await delivery_results.record(database, results, _new_id)
            took.setdefault(f"record{name}", []).append(time.perf_counter() - began)
    return {name: statistics.median(each) * 1000 for name, each in took.items()}


def _prefix() -> str:
    return f"{time.time_ns():x}-"


def _new_id(store_id: int) -> UUID:
    return ids.new_id(store_id, int(time.time() * 1000), uuid4().int & (2**64 - 1))


def _confirmed(update: Any, known: Mapping[UUID, Any]) -> DeliveryResult:  # noqa: ANN401 - a Claimed
    order = known[update.order_id]
    units = (Units(UnitStatus.SHIPPED, 1, tracking_number=update.payload["tracking_number"]),)
    line = LineSnapshot(line_number="1", sku="SKU-1", ordered=1, units=units)
    snapshot = OrderSnapshot(purchase_order_id=order.purchase_order_id, lines={"1": line})
    at = update.claimed_at
    attempt = Attempt(_new_id(update.store_id), "bench", at, at, "confirmed", None, [])
    return DeliveryResult(update, NextStep(State.CONFIRMED), attempt, snapshot=snapshot, read_at=at)


def table(found: Mapping[str, Mapping[str, float]]) -> str:
    """The figures as lines, with the cost of the largest relative to the smallest."""
    sizes = [
        size
        for size in dict.fromkeys(key for row in found.values() for key in row)
        if size != "spread"
    ]
    head = "".join(f"{size:>11}" for size in sizes)
    rows = [f"\nMilliseconds, by orders in the database\n\n{'':42}{head}   growth  spread\n"]
    for name, took in found.items():
        cells = "".join(f"{took[size]:11.2f}" if size in took else " " * 11 for size in sizes)
        numbers = figures(took)
        spread = f"{took['spread']:7.0%}" if "spread" in took else ""
        rows.append(f"  {name:40}{cells}   {numbers[-1] / numbers[0]:6.2f} {spread}".rstrip())
    return "\n".join(rows) + "\n"


def figures(took: Mapping[str, float]) -> list[float]:
    """The medians of a row, by size."""
    return [took[size] for size in sorted(filter(str.isdecimal, took), key=int)]


def run(sizes: tuple[int, ...]) -> Found:
    """Measure on a PostgreSQL of its own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedPostgres.start(Path(folder) / "data") as server,
    ):
        migrate.upgrade(server.url)
        return asyncio.run(measure(server.url, sizes))


def main() -> None:
    """Measure, print, and write if requested."""
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
