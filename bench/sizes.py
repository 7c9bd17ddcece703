"""Bytes that an order costs, indexes included: `python -m bench.sizes`."""

import asyncio
import tempfile
from pathlib import Path

import asyncpg

from app.storage import migrate, retention
from app.storage.database import open_database
from app.storage.embedded import EmbeddedPostgres
from app.storage.urls import asyncpg_arguments
from bench.accept import _FUNCTION

ORDERS = 20_000
_EVIDENCE = """
    INSERT INTO attempts (store_id, id, update_id, order_id, number, poller, started_at, ended_at,
                          verdict, calls)
    SELECT store_id, bench_id(store_id), id, order_id, 1, 'poller-1', now(), now(), 'confirmed',
           jsonb_build_array(jsonb_build_object('operation', 'ship', 'method', 'POST',
             'request', (SELECT string_agg(md5(id::text || g), '') FROM generate_series(1, 25) g),
             'response', (SELECT string_agg(md5(g || id::text), '') FROM generate_series(1, 60) g)))
      FROM updates WHERE kind = 'shipment'
"""


async def _measure(url: str) -> None:
    connection = await asyncpg.connect(**asyncpg_arguments(url))
    await connection.execute(_FUNCTION.read_text())
    await connection.execute(
        "INSERT INTO stores (store_id, id, code, name, market, walmart_client_id, "
        "walmart_client_secret) VALUES (1, gen_random_uuid(), 'c', 'n', 'US', 'i', '')"
    )
    await connection.fetch("SELECT bench_orders(1, $1)", ORDERS)
    # Each takes an advisory lock until the end of its transaction, and there is room for some.
    for first in range(1, ORDERS, 500):
        await connection.fetch(
            "SELECT bench_ship(n) FROM bench_numbers WHERE n >= $1 AND n < $1 + 500", first
        )
    await connection.execute(
        "UPDATE updates SET state = 'confirmed', active = false, finished_at = now()"
    )
    await connection.execute(_EVIDENCE)
    await _print(connection, "as they are delivered")
    await connection.execute("TRUNCATE attempts, idempotency_keys")
    database = open_database(url, pool_size=2)
    while await retention.archive_updates(database, days=0):
        pass
    await database.close()
    await _print(connection, "after every retention")
    await connection.close()


async def _print(connection: asyncpg.Connection, title: str) -> None:
    await connection.execute("VACUUM FULL")
    print(title)
    tables = (
        "orders",
        "order_lines",
        "updates",
        "shipments",
        "attempts",
        "idempotency_keys",
        "archived_updates",
    )
    whole = 0
    for table in tables:
        size = await connection.fetchval(f"SELECT pg_total_relation_size('{table}')")
        whole += size
        print(f"{table:20} {size / ORDERS:7.0f} bytes an order")
    print(f"{'together':20} {whole / ORDERS:7.0f} bytes an order")


def main() -> None:
    """Ship some orders of two lines once, and look at what they take."""
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedPostgres.start(Path(folder) / "data") as server,
    ):
        migrate.upgrade(server.url)
        asyncio.run(_measure(server.url))


if __name__ == "__main__":
    main()
