"""A large database with the rows that a list without a matching index would read.

One store has many orders, updates and returns of the two most frequent kinds, and a few of every
other kind. The few come last in each list's order, so a list that only follows that order reads
all the others first.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from app.domain.update import Kind, State

MANY = 6000
START = datetime(2026, 1, 1, tzinfo=UTC)
STORES = """
    INSERT INTO stores (id, code, name, market, walmart_client_id, walmart_client_secret)
    SELECT gen_random_uuid(), 'code' || n, 'n' || n, 'US', 'i' || n, '' FROM generate_series(1, 4) n
"""
# As a store has them from its start.
LANES = """
    INSERT INTO lanes (store_id, endpoint, paused_until, reason)
    SELECT store_id, '*', '-infinity', '' FROM stores
"""
_RARE = """
    INSERT INTO orders (store_id, id, purchase_order_id, customer_order_id, commerce_order_number,
                        status, fulfillment_status, ordered_at, updated_at, ship_by, ship_method,
                        fulfilled_by, cancel_requested, ship_by_warned_at)
    SELECT s, md5('o' || s || '-' || n)::uuid, 'R' || n, 'R' || n,
           CASE n % 2 WHEN 0 THEN 'R' || n END, status,
           CASE status WHEN 'error' THEN 'open' ELSE status END,
           timestamptz '2026-01-01Z' + n * interval '1 s',
           timestamptz '2026-03-01Z' + n * interval '1 s',
           timestamptz '2026-03-01Z' + n * interval '1 s',
           CASE n % 3 WHEN 0 THEN 'Freight' END, CASE n % 4 WHEN 0 THEN 'walmart' ELSE 'seller' END,
           CASE n % 10 WHEN 0 THEN jsonb_build_object('lines', '["1"]', 'seen_at', null) END,
           CASE WHEN n % 5 < 3 THEN now() END
      FROM generate_series(1, 4) s, generate_series(1, 60) n, LATERAL (
        SELECT (ARRAY['open', 'partially_shipped', 'shipped', 'canceled', 'error'])[1 + n / 2 % 5]
               AS status) as_of;
    INSERT INTO updates (store_id, id, subject, order_id, kind, sequence, state, last_error,
                         created_at, lease_token, leased_until)
    SELECT s, md5('u' || s || kind || state || n)::uuid, 'R' || kind || state || n,
           CASE WHEN kind IN ('refund', 'tracking') THEN md5('o' || s || '-1')::uuid END, kind, 1,
           state,
           jsonb_build_object('code', CASE n WHEN 1 THEN 'rare' ELSE 'common' END, 'message', 'No.',
             'origin', 'walmart', 'field', null, 'suggestion', null, 'retryable', false),
           timestamptz '2026-01-01Z' + n * interval '1 s',
           CASE state WHEN 'sending' THEN gen_random_uuid() END,
           CASE state WHEN 'sending' THEN now() END
      FROM generate_series(1, 4) s, generate_series(1, 2) n,
           unnest($kinds::text[]) kind, unnest($states::text[]) state;
    INSERT INTO returns (store_id, id, return_order_id, customer_order_id, purchase_order_id,
                         order_id, requested_at, lines, refunded)
    SELECT s, md5('r' || s || '-' || n)::uuid, 'R' || n, 'R' || n, 'R' || n, md5('o' || s || '-1')::uuid,
           timestamptz '2026-01-01Z' + n * interval '1 s', '[]', n % 3 = 0
      FROM generate_series(1, 4) s, generate_series(1, 9) n;
    INSERT INTO refunds (store_id, id, return_id, order_id, update_id, items)
    SELECT s, md5('f' || s)::uuid, md5('r' || s || '-1')::uuid, md5('o' || s || '-1')::uuid,
           md5('u' || s || 'refund' || 'failed' || 1)::uuid, '[]' FROM generate_series(1, 4) s;
"""
_MANY = """
    INSERT INTO orders (store_id, id, purchase_order_id, customer_order_id, commerce_order_number,
                        status, fulfillment_status, ordered_at, updated_at, ship_by)
    SELECT 2, md5('m' || n)::uuid, 'M' || n, 'M' || n, 'M' || n, status, status,
           timestamptz '2026-02-01Z' + n * interval '1 s',
           timestamptz '2026-02-01Z' + n * interval '1 s',
           timestamptz '2026-02-01Z' + n * interval '1 s'
      FROM generate_series(1, $many) n,
           LATERAL (SELECT CASE n % 2 WHEN 0 THEN 'open' ELSE 'shipped' END AS status) as_of;
    INSERT INTO updates (store_id, id, subject, kind, sequence, state, last_error, created_at)
    SELECT 2, md5('m' || n)::uuid, 'M' || n, 'shipment', 1,
           CASE n % 2 WHEN 0 THEN 'confirmed' ELSE 'failed' END,
           CASE n % 2 WHEN 1 THEN jsonb_build_object('code', 'common', 'message', 'No.', 'origin',
             'walmart', 'field', null, 'suggestion', null, 'retryable', false) END,
           timestamptz '2026-02-01Z' + n * interval '1 s'
      FROM generate_series(1, $many) n;
    INSERT INTO returns (store_id, id, return_order_id, customer_order_id, purchase_order_id,
                         requested_at, lines, refunded)
    SELECT 2, md5('m' || n)::uuid, 'M' || n, 'M' || n, 'M' || n,
           timestamptz '2026-02-01Z' + n * interval '1 s', '[]', n % 2 = 0
      FROM generate_series(1, $many) n;
    INSERT INTO shipments (store_id, id, order_id, update_id, carrier_code, tracking_number,
                           tracking_key, shipped_at, method_code, fingerprint,
                           override_cancel_request, walmart_carrier, items)
    SELECT store_id, id, id, id, 'ups', purchase_order_id, purchase_order_id, now(), 'Standard', '',
           false, '{}', '[]' FROM orders WHERE store_id = 2 AND purchase_order_id LIKE 'M%';
    UPDATE updates SET order_id = id WHERE store_id = 2 AND kind = 'shipment' AND order_id IS NULL
       AND subject LIKE 'M%';
    INSERT INTO order_lines (store_id, order_id, line_number, position, sku, ordered)
    SELECT store_id, id, '1', 1, purchase_order_id, 1 FROM orders;
    INSERT INTO events (store_id, id, order_id, what)
    SELECT store_id, id, id, 'linked' FROM orders;
    INSERT INTO attempts (store_id, id, update_id, order_id, number, poller, started_at, ended_at,
                          verdict)
    SELECT store_id, id, id, id, 1, 'p', now(), now(), 'confirmed' FROM orders;
"""
_TABLES = (
    "orders, order_lines, updates, archived_updates, shipments, returns, refunds, events, attempts"
)


async def grow(url_arguments: dict[str, Any], *, known: bool) -> None:
    """Fill a database; known: whether PostgreSQL has analyzed the tables since they grew."""
    connection = await asyncpg.connect(**url_arguments)
    try:
        await _fill(connection, known=known)
    finally:
        await connection.close()


async def _fill(connection: asyncpg.Connection, *, known: bool) -> None:
    for table in _TABLES.split(", "):
        await connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
    await connection.execute(STORES)
    await connection.execute(LANES)
    await connection.execute("SET session_replication_role = replica")
    named = {"kinds": list(map(str, Kind)), "states": list(map(str, State)), "many": MANY}
    rare, many = _RARE, _MANY
    for name, value in named.items():
        rare, many = (text.replace(f"${name}", _literal(value)) for text in (rare, many))
    await connection.execute(rare)
    await connection.execute(f"ANALYZE {_TABLES}")
    await connection.execute(many)
    if known:
        await connection.execute(f"ANALYZE {_TABLES}")


class Watched:
    """A session that records how many rows PostgreSQL reads for each statement.

    planned: "force_generic_plan" for one plan for all values, or "force_custom_plan" for a plan for
    each set of values.
    """

    def __init__(self, connection: Any, planned: str) -> None:
        self.connection, self._planned = connection, planned
        self.read: list[tuple[int, str]] = []

    async def fetch(self, statement: str, *values: object) -> Sequence[Any]:
        """Run the statement twice, once with EXPLAIN."""
        execute = self.connection.execute
        await execute(f"SET plan_cache_mode = {self._planned}")
        await execute(f"PREPARE asked AS {statement}")
        given = f"({', '.join(map(_literal, values))})" if values else ""
        plan = await self.connection.fetchval(
            f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE asked{given}"
        )
        await execute("DEALLOCATE asked")
        top = json.loads(plan)[0]["Plan"]
        self.read.append((rows_read(top), f"{statement}\n{json.dumps(top, indent=1)}"))
        rows: Sequence[Any] = await self.connection.fetch(statement, *values)
        return rows

    async def is_sharded(self) -> bool:
        """Whether the tables are distributed by store: these never are."""
        return False


def rows_read(node: dict[str, Any]) -> int:
    """Table rows and index entries that were read, including those filtered out."""
    read = 0.0
    if "Relation Name" in node or "Index Name" in node:
        removed = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
        read = node["Actual Rows"] + sum(node.get(each, 0) for each in removed)
    own: int = round(read * node["Actual Loops"])
    return own + sum(rows_read(each) for each in node.get("Plans", ()))


def _literal(value: object) -> str:
    """A value in SQL of any type."""
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return f"'{{{','.join(map(str, value))}}}'"
    if isinstance(value, datetime) and value.tzinfo is None:
        return "'infinity'" if value.year > 2000 else "'-infinity'"
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    assert isinstance(value, str | bool | datetime | UUID)
    return f"'{value}'"
