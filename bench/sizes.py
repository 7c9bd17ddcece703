"""Bytes of an order, indexes included, and of a return: `python -m bench.sizes`."""

import asyncio
import tempfile
from pathlib import Path

import asyncpg

from app.storage.outbox import retention
from app.storage.postgres import migrate
from app.storage.postgres.database import open_database
from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.postgres.embedded import EmbeddedPostgres
from bench.accept import _FUNCTION

ORDERS = 20_000
# An order is acknowledged and shipped, each by an update with one attempt; Walmart answers both
# with the whole order.
_EVIDENCE = """
    INSERT INTO attempts (store_id, id, update_id, order_id, number, poller, started_at, ended_at,
                          verdict, calls)
    SELECT store_id, bench_id(store_id), id, order_id, 1, 'poller-1', now(), now(), 'confirmed',
           jsonb_build_array(jsonb_build_object(
             'operation', CASE kind WHEN 'shipment' THEN 'ship' ELSE 'acknowledge' END,
             'method', 'POST',
             'request', CASE kind WHEN 'shipment' THEN
               (SELECT string_agg(md5(id::text || g), '') FROM generate_series(1, 25) g) END,
             'response', (SELECT string_agg(md5(g || id::text), '') FROM generate_series(1, 60) g)))
      FROM updates
"""
_EVENTS = """
    INSERT INTO events (store_id, id, order_id, what, actor)
    SELECT store_id, bench_id(store_id), id, 'order_imported', 'import' FROM orders
"""
# The buyer's order number, names and prices, which `bench_orders` leaves out.
_IMPORTED = """
    UPDATE orders SET customer_order_id = '2000' || purchase_order_id, ship_method = 'Standard',
           ship_by = now(), deliver_by = now();
    UPDATE order_lines SET name = md5(sku || order_id), unit_price = 12.34, currency = 'USD'
"""
# A return of one line for each order, far more than in practice: only its size matters.
_RETURNS = """
    INSERT INTO returns (store_id, id, return_order_id, customer_order_id, purchase_order_id,
                         requested_at, return_by, amount, currency, lines, refunded)
    SELECT store_id, bench_id(store_id), 'R' || purchase_order_id, customer_order_id,
           purchase_order_id, now(), now(), 12.34, 'USD', jsonb_build_array(jsonb_build_object(
             'line_number', '1', 'purchase_order_id', purchase_order_id,
             'purchase_line_number', '1', 'sku', 'SKU-1', 'name', md5(id::text), 'quantity', 1,
             'refunded', 0, 'amount', '12.34', 'currency', 'USD', 'reason', 'DAMAGED',
             'status', 'INITIATED', 'received_at', null)), false
      FROM orders
"""


async def _measure(url: str) -> None:
    connection = await asyncpg.connect(**asyncpg_arguments(url))
    await connection.execute(_FUNCTION.read_text())
    await connection.execute(
        "INSERT INTO stores (store_id, id, code, name, market, walmart_client_id, "
        "walmart_client_secret) VALUES (1, gen_random_uuid(), 'c', 'n', 'US', 'i', '')"
    )
    await connection.fetch("SELECT bench_orders(1, $1)", ORDERS)
    await connection.execute(_IMPORTED)
    await connection.execute(_EVENTS)
    # Each takes an advisory lock until the end of its transaction, and their number is limited.
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
    await connection.execute(_RETURNS)
    await connection.execute("VACUUM FULL returns")
    size = await connection.fetchval("SELECT pg_total_relation_size('returns')")
    print(f"{'a return of one line':20} {size / ORDERS:7.0f} bytes")
    await connection.close()


async def _print(connection: asyncpg.Connection, title: str) -> None:
    await connection.execute("VACUUM FULL")
    print(title)
    tables = (
        "orders",
        "order_lines",
        "updates",
        "shipments",
        "events",
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
    """Import, acknowledge and ship some orders of two lines, and measure their size."""
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedPostgres.start(Path(folder) / "data") as server,
    ):
        migrate.upgrade(server.url)
        asyncio.run(_measure(server.url))


if __name__ == "__main__":
    main()
