"""Migrations: from an empty database to head, concurrently, and each step with rows in it.

Each step has a test: a database is brought to the revision before it, its tables are filled as
that version of the code does, it is upgraded, and the rows are checked.

Concurrent migrations are separate processes here, as replicas are; within one process Alembic
keeps its context in globals.
"""

import asyncio
import hashlib
import io
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from app.domain import ids
from app.domain.outbox import lag
from app.domain.outbox.rate_limits import WRITTEN_TO, Endpoint
from app.storage import queries
from app.storage.imports import leases, webhook_inbox
from app.storage.outbox import retention, rollup
from app.storage.postgres import migrate, revisions
from app.storage.postgres.database import open_database
from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.queries import KeysetPage, OrderFilter, OrderSort
from app.storage.returns import returns
from app.storage.stores import api_keys, sessions
from app.storage.stores.sessions import Access

LOCK = "24595496943840364"  # 'Waybill' as a number: replicas of two versions must use the same
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_try_advisory_lock%'"
UPGRADE = "import sys; from app.storage.postgres import migrate; migrate.upgrade(sys.argv[1])"


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(**asyncpg_arguments(url))
    try:
        yield connection
    finally:
        await connection.close()


async def ask(url: str, question: str) -> object:
    async with connected(url) as connection:
        return await connection.fetchval(question)


async def revision(url: str) -> object:
    """The revision of the database; None for an empty one."""
    if await ask(url, "SELECT to_regclass('alembic_version')") is None:
        return None
    return await ask(url, "SELECT version_num FROM alembic_version")


async def start_upgrade(url: str) -> asyncio.subprocess.Process:
    """`migrate.upgrade` in a process of its own."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", UPGRADE, url, stderr=subprocess.PIPE
    )


async def test_an_empty_database_is_upgraded_to_head_and_a_second_run_changes_nothing(
    empty_url: str,
) -> None:
    assert await revision(empty_url) is None
    for _ in range(2):
        await asyncio.to_thread(migrate.upgrade, empty_url)
        assert await revision(empty_url) == revisions.head()
        assert await ask(empty_url, "SELECT count(*) FROM stores") == 0


async def test_a_confirmed_shipment_gets_its_first_confirmation_by_the_upgrade(
    empty_url: str,
) -> None:
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611231200")
    async with connected(empty_url) as session:
        # Only the two tables that the step reads are filled.
        await session.execute("SET session_replication_role = replica")
        await session.execute(_SHIPMENTS_BEFORE)
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611240200")
    found = "SELECT array_agg(first_confirmed_at = '2026-11-23T10:00Z' ORDER BY number)"
    assert await ask(empty_url, f"{found} FROM shipments") == [True, None]


async def test_existing_orders_are_counted_by_the_upgrade_and_only_once(
    empty_url: str,
) -> None:
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611240301")
    async with connected(empty_url) as session:
        await session.execute("SET session_replication_role = replica")
        await session.execute(_ORDERS.format(first=1, last=3))
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611240340")
    async with connected(empty_url) as session:
        # Written between the two steps, by a version without counts.
        await session.execute(_STORE)
        await session.execute(_ORDERS.format(first=4, last=5))
        await session.execute("UPDATE orders SET status = 'shipped' WHERE id::text LIKE '%1'")
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611240341")
    counted = """SELECT jsonb_object_agg(status, orders) FROM (
        SELECT status, sum(orders) AS orders FROM order_count_changes GROUP BY status) c"""
    assert json.loads(str(await ask(empty_url, counted))) == {"open": 4, "shipped": 1}


_STORE = """
    INSERT INTO stores (id, code, name, market, walmart_client_id, walmart_client_secret)
    VALUES (gen_random_uuid(), 'main', 'Main', 'US', 'seller', 'sealed');
"""
_ORDERS = """
    INSERT INTO orders (store_id, id, purchase_order_id)
    SELECT 1, ('01a20a61-4a87-7d0f-8311-81ea0000000' || n)::uuid, 'po' || n
      FROM generate_series({first}, {last}) n
"""
_SHIPMENTS_BEFORE = """
    INSERT INTO updates (store_id, id, target, subject, kind, sequence, payload, requested_by,
                         state, active, finished_at)
    SELECT 1, ('00000000-0000-7000-8000-00000000000' || n)::uuid, 'walmart', 'po' || n,
           'shipment', 1, '{}', 'test', 'confirmed', false, '2026-11-23T10:00Z'
      FROM generate_series(1, 2) n;
    INSERT INTO shipments (store_id, id, order_id, update_id, carrier_code, tracking_number,
                           tracking_key, shipped_at, method_code, fingerprint,
                           override_cancel_request, walmart_carrier, items)
    SELECT 1, id, id, id, 'ups', '1ZA', '1ZA', now(), 'Standard', '', false, '{}',
           jsonb_build_array(jsonb_build_object('line_number', '1', 'quantity', 1, 'reserved', 0,
             'confirmed', CASE subject WHEN 'po1' THEN 1 ELSE 0 END))
      FROM updates ORDER BY subject;
"""


async def test_two_concurrent_migrations_both_succeed(empty_url: str) -> None:
    replicas = [await start_upgrade(empty_url) for _ in range(2)]
    for replica in replicas:
        _, complaint = await replica.communicate()
        assert (replica.returncode, complaint) == (0, b"")
    assert await revision(empty_url) == revisions.head()


async def test_a_migration_waits_for_a_running_one_without_holding_a_snapshot(
    empty_url: str,
) -> None:
    async with connected(empty_url) as holder:
        await holder.execute(f"SELECT pg_advisory_lock({LOCK})")
        replica = await start_upgrade(empty_url)
        while not await holder.fetchval(f"{WAITING} AND pid <> pg_backend_pid()"):
            assert replica.returncode is None
            await asyncio.sleep(0.05)
        # This waits for every older snapshot, so it would never end beside a waiting statement.
        await holder.execute("SET statement_timeout = '20s'")
        await holder.execute("CREATE TABLE other (id int)")
        await holder.execute("CREATE INDEX CONCURRENTLY ON other (id)")
        assert await revision(empty_url) is None
        await holder.execute(f"SELECT pg_advisory_unlock({LOCK})")
        _, complaint = await replica.communicate()
    assert (replica.returncode, complaint) == (0, b"")
    assert await revision(empty_url) == revisions.head()


async def test_a_migration_that_waits_too_long_says_so_and_changes_nothing(empty_url: str) -> None:
    async with connected(empty_url) as holder:
        await holder.execute(f"SELECT pg_advisory_lock({LOCK})")
        with pytest.raises(migrate.SchemaBusy, match="another migration has held the lock"):
            await asyncio.to_thread(migrate.upgrade, empty_url, lock_wait=0)
        assert await revision(empty_url) is None


async def test_a_migration_gives_up_on_a_table_that_stays_locked(empty_url: str) -> None:
    async with connected(empty_url) as holder:
        await holder.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
        async with holder.transaction():
            await holder.execute("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(migrate.SchemaBusy, match="lock timeout"):
                await asyncio.to_thread(migrate.upgrade, empty_url)
    assert await ask(empty_url, "SELECT to_regclass('stores')") is None


async def test_no_session_keeps_the_lock_after_a_migration(fresh_url: str) -> None:
    await asyncio.to_thread(migrate.upgrade, fresh_url)
    assert await ask(fresh_url, f"SELECT pg_try_advisory_lock({LOCK})")


async def test_the_sql_for_a_run_by_hand_builds_the_same_schema(empty_url: str) -> None:
    sql = offline_sql()
    async with connected(empty_url) as session:
        for statement in filter(str.strip, sql.split(";\n\n")):
            await session.execute(statement)
        assert await session.fetchval("SHOW lock_timeout") == "4s"
        assert await session.fetchval("SHOW statement_timeout") == "10min"
    assert await revision(empty_url) == revisions.head()
    await asyncio.to_thread(command.check, quiet(empty_url))


async def test_the_sql_for_a_run_by_hand_waits_for_a_running_migration() -> None:
    sql = offline_sql()
    assert sql.index(f"pg_try_advisory_lock({LOCK})") < sql.index("CREATE TABLE")
    assert f"pg_advisory_unlock({LOCK})" in sql.splitlines()[-2]


async def test_the_tables_in_the_code_match_the_migrations(fresh_url: str) -> None:
    await asyncio.to_thread(command.check, quiet(fresh_url))


FIRST = """
    INSERT INTO stores (id, code, name, market, walmart_client_id, walmart_client_secret)
    VALUES (gen_random_uuid(), 'main', 'Main', 'US', 'seller', 'sealed');
    INSERT INTO lanes (store_id, endpoint, paused_until, reason)
    VALUES (1, '*', now() + interval '1 hour', 'credentials_rejected'),
           (1, 'shipment', now() + interval '1 hour', 'throttled');
    INSERT INTO orders (store_id, id, purchase_order_id, ship_by)
    VALUES (1, '01a20a61-4a87-7d0f-8311-81ea00000001', '1796330120075', now());
    INSERT INTO updates (store_id, id, subject, order_id, kind, sequence, active)
    VALUES (1, '01a20a61-4e2e-7a4b-a5ca-b16f00000001', '1796330120075',
            '01a20a61-4a87-7d0f-8311-81ea00000001', 'shipment', 1, true);
"""


async def test_lanes_and_urgency_are_added_to_a_database_in_use(empty_url: str) -> None:
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611231200")
    async with connected(empty_url) as session:
        await session.execute(FIRST)
    await asyncio.to_thread(migrate.upgrade, empty_url)
    async with connected(empty_url) as session:
        lanes = await session.fetch("SELECT endpoint, reason, failures FROM lanes ORDER BY 1")
        # Lanes of later versions are added with the first call to them.
        known = {Endpoint.ALL, Endpoint.READ, *WRITTEN_TO.values()}
        assert {row["endpoint"] for row in lanes} == known
        assert [row["reason"] for row in lanes if row["reason"]] == ["credentials_rejected"]
        update = await session.fetchrow("SELECT state, active, urgent FROM updates")
        assert tuple(update) == ("pending", True, False)
        assert await session.fetchval("SELECT ship_by_warned_at FROM orders") is None
        invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
        assert await session.fetchval(invalid) == 0


async def test_existing_orders_have_no_open_commerce_events(empty_url: str) -> None:
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611250700")
    async with connected(empty_url) as session:
        await session.execute(FIRST)
    await asyncio.to_thread(migrate.upgrade, empty_url)
    assert await ask(empty_url, "SELECT commerce_open IS NULL FROM orders")
    assert await ask(empty_url, "SELECT count(*) FROM commerce_events") == 0


async def test_updates_at_rest_before_the_upgrade_are_archived_after_it(
    empty_url: str,
) -> None:
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611240360")
    async with connected(empty_url) as session:
        await session.execute(FIRST)
        await session.execute(
            "UPDATE updates SET state = 'confirmed', active = false, finished_at = now() - "
            "interval '91 days'"
        )
    await asyncio.to_thread(migrate.upgrade, empty_url)
    database = open_database(empty_url, pool_size=2)
    assert await retention.archive_updates(database, 90) == 1
    await database.close()
    assert await ask(empty_url, "SELECT kind FROM archived_updates") == "shipment"


# The index entries for one version of an order's row, and for the rows of a new shipment.
_WRITTEN = """
    SELECT c.relname, pg_get_expr(i.indpred, i.indrelid) AS met
      FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
     WHERE c.relname IN ('orders', 'order_lines', 'updates', 'shipments')
"""


async def entries(session: asyncpg.Connection) -> int:
    """The number of index entries for one accepted shipment in empty tables."""
    count = 0
    for index in await session.fetch(_WRITTEN):
        found = f"SELECT count(*) FROM {index['relname']} WHERE {index['met'] or 'true'}"
        count += await session.fetchval(found)
    return count


async def test_the_indexes_of_lists_add_no_writes_to_an_accepted_shipment(
    empty_url: str,
) -> None:
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611250700")
    async with connected(empty_url) as session:
        await session.execute(FIRST)
        before = await entries(session)
    await asyncio.to_thread(migrate.upgrade, empty_url)
    async with connected(empty_url) as session:
        assert await entries(session) <= before
        assert await session.fetchval("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 0


async def test_a_purchase_order_stays_unique_in_its_store_through_the_upgrade(
    empty_url: str,
) -> None:
    twice = "INSERT INTO orders (store_id, id, purchase_order_id) VALUES (1, $1, 'po1')"
    again = f"{twice} ON CONFLICT (store_id, purchase_order_id) DO NOTHING"
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611250700")
    async with connected(empty_url) as session:
        await session.execute(_STORE)
        await session.execute(_ORDERS.format(first=1, last=3))
        for step in ("202611260100", "202611260101", "202611260102"):
            await asyncio.to_thread(command.upgrade, quiet(empty_url), step)
            # Both versions write an order that may already exist in this form.
            assert await session.execute(again, uuid4()) == "INSERT 0 0"
        with pytest.raises(asyncpg.UniqueViolationError):
            await session.execute(twice, uuid4())


async def test_stores_that_share_an_account_or_a_name_keep_working_after_the_upgrade(
    empty_url: str,
) -> None:
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611260301")
    async with connected(empty_url) as session:
        for code, name, market, seller in (
            ("a", "Main", "US", "seller"),
            ("b", "main", "US", "other"),
            ("c", "Third", "US", "seller"),
            ("d", "Fourth", "CA", "seller"),
        ):
            await session.execute(
                "INSERT INTO stores (id, code, name, market, walmart_client_id, "
                "walmart_client_secret) VALUES (gen_random_uuid(), $1, $2, $3, $4, 'sealed')",
                code,
                name,
                market,
                seller,
            )
    await asyncio.to_thread(migrate.upgrade, empty_url)
    async with connected(empty_url) as session:
        shared = await session.fetch("SELECT code FROM stores WHERE account_shared")
        assert [row["code"] for row in shared] == ["c"]
        shared = await session.fetch("SELECT code FROM stores WHERE name_shared")
        assert [row["code"] for row in shared] == ["b"]
        with pytest.raises(asyncpg.UniqueViolationError, match="uq_stores_account"):
            await session.execute("UPDATE stores SET walmart_client_id = 'seller' WHERE code = 'b'")


async def test_an_import_continues_after_the_upgrade_where_it_was(empty_url: str) -> None:
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611250700")
    async with connected(empty_url) as session:
        await session.execute(FIRST)
        await session.execute(
            "UPDATE stores SET webhook_secret = 'sealed';"
            "INSERT INTO imports (store_id, read_until, returns_until, imported)"
            "VALUES (1, '2026-11-20T00:00:00Z', '2026-11-20T00:00:00Z', 7);"
            "INSERT INTO webhook_events (store_id, event_id, event_type, purchase_order_id)"
            "VALUES (1, 'e', 'ORDER_UPDATES', '1796330120075')"
        )
    await asyncio.to_thread(migrate.upgrade, empty_url)
    database = open_database(empty_url, pool_size=2)
    async with database.begin() as connection:
        assert await webhook_inbox.due(connection) == []
        assert await leases.due(connection, 60.0) == []
        run = await leases.begin(connection, 1, uuid4(), 0.0)
    await database.close()
    assert run is not None
    assert run.read_until == datetime(2026, 11, 20, tzinfo=UTC)
    assert await ask(empty_url, "SELECT webhooks_since IS NOT NULL FROM stores")
    assert await ask(empty_url, "SELECT count(*) FROM import_places") == 0


async def test_only_errors_after_the_upgrade_are_notified(
    empty_url: str,
) -> None:
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611250700")
    update = (
        "INSERT INTO updates (store_id, id, subject, kind, sequence, state, last_error) VALUES "
        "(1, gen_random_uuid(), '{}', 'shipment', 1, '{}', '{{\"code\": \"no\"}}')"
    )
    async with connected(empty_url) as session:
        await session.execute(
            "INSERT INTO stores (store_id, id, code, name, market, walmart_client_id, "
            "walmart_client_secret) VALUES (1, gen_random_uuid(), 'a', 'A', 'US', 'c', '')"
        )
        await session.execute(update.format("1", "failed"))
        await session.execute(update.format("2", "pending"))
    await asyncio.to_thread(migrate.upgrade, empty_url)
    async with connected(empty_url) as session:
        await session.execute("UPDATE updates SET state = 'failed' WHERE subject = '2'")
        # The store enables notifications from here on.
        await session.execute("UPDATE stores SET notify_url = 'sealed'")
        await session.execute("UPDATE updates SET state = 'pending'")
        await session.execute("UPDATE updates SET state = 'failed' WHERE subject = '2'")
        await session.execute("UPDATE updates SET state = 'failed' WHERE subject = '2'")
    assert await ask(empty_url, "SELECT count(*) FROM notifications") == 1
    assert await ask(empty_url, "SELECT what || kind || code FROM notifications") == (
        "updateshipmentno"
    )


async def test_existing_returns_are_read_again_for_their_orders(
    empty_url: str,
) -> None:
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611250700")
    async with connected(empty_url) as session:
        await session.execute(FIRST)
        await session.execute(_RETURN_BEFORE)
    await asyncio.to_thread(migrate.upgrade, empty_url)
    async with connected(empty_url) as session:
        columns = "return_type, arrived_at, closed, import_error"
        row = await session.fetchrow(f"SELECT {columns} FROM returns")
        assert tuple(row) == ("refund", None, False, None)
        assert await session.fetchval("SELECT reference FROM refunds") is None
        until = await session.fetchrow("SELECT read_until, returns_until FROM imports")
        assert [each is None for each in until] == [False, True]
        invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
        assert await session.fetchval(invalid) == 0
    database = open_database(empty_url, pool_size=2)
    async with database.begin() as connection:
        (known,) = await returns.of_order(connection, 1, "1796330120075")
    await database.close()
    assert [known.returned.order_of(line) for line in known.returned.lines] == ["1796330120075"]


_RETURN_BEFORE = """
    INSERT INTO imports (store_id, read_until, returns_until) VALUES (1, now(), now());
    INSERT INTO returns (store_id, id, return_order_id, customer_order_id, purchase_order_id,
                         lines, refunded)
    VALUES (1, '01a20a61-4a87-7d0f-8311-81ea00000002', '106', '200', '1796330120075',
            '[{"number": 1, "line_number": "1", "sku": "ABC", "quantity": 1, "refunded": 0,
               "name": null, "reason": null}]', false);
    INSERT INTO refunds (store_id, id, return_id, order_id, update_id, items)
    VALUES (1, '01a20a61-4a87-7d0f-8311-81ea00000003', '01a20a61-4a87-7d0f-8311-81ea00000002',
            '01a20a61-4a87-7d0f-8311-81ea00000001', '01a20a61-4e2e-7a4b-a5ca-b16f00000001',
            '[{"number": 1, "quantity": 1, "target": 1}]');
    INSERT INTO archived_updates (store_id, id, target, subject, kind, sequence, payload, state,
                                  attempts, ambiguous, created_at, updated_at, finished_at)
    VALUES (1, '01a20a61-4a87-7d0f-8311-81ea00000004', 'walmart', 'sku:ABC', 'inventory', 1, '{}',
            'confirmed', 1, false, now(), now(), now());
"""


async def test_unreadable_returns_of_before_the_upgrade_are_not_notified(
    empty_url: str,
) -> None:
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611260500")
    unreadable = (
        "INSERT INTO returns (store_id, id, return_order_id, customer_order_id, lines, refunded, "
        "import_error) VALUES (1, gen_random_uuid(), '{}', '', '[]', false, '{{\"code\": \"no\"}}')"
    )
    async with connected(empty_url) as session:
        await session.execute(_STORE)
        await session.execute("UPDATE stores SET notify_url = 'sealed'")
        await session.execute(unreadable.format("1"))
    await asyncio.to_thread(migrate.upgrade, empty_url)
    async with connected(empty_url) as session:
        await session.execute('UPDATE returns SET import_error = \'{"code": "again"}\'')
        assert await session.fetchval("SELECT count(*) FROM notifications") == 0
        await session.execute(unreadable.format("2"))
        assert await session.fetchval("SELECT count(*) FROM notifications") == 1


async def test_unclear_updates_of_before_the_upgrade_are_in_doubt_after_it(empty_url: str) -> None:
    """Rows written by the previous version while it still runs are translated too."""
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611260600")
    update = (
        "INSERT INTO updates (store_id, id, subject, kind, sequence, state, ambiguous, "
        "may_have_left_at) VALUES (1, gen_random_uuid(), '{}', 'shipment', 1, '{}', {}, {})"
    )
    left = "timestamptz '2026-11-28 12:00+00'"
    async with connected(empty_url) as session:
        await session.execute(_STORE)
        for subject, state, ambiguous, moment in (
            ("unclear", "verifying", True, left),
            ("failed", "failed", True, left),
            ("dismissed", "dismissed", True, left),
            ("confirmed", "confirmed", True, left),
            ("clear", "retrying", False, left),
            ("fresh", "pending", False, "NULL"),
        ):
            await session.execute(update.format(subject, state, ambiguous, moment))
    await asyncio.to_thread(migrate.upgrade, empty_url)
    async with connected(empty_url) as session:
        rows = await session.fetch("SELECT subject, in_doubt_until, faults, known_at FROM updates")
        until = datetime(2026, 11, 28, 12, 2, tzinfo=UTC)
        doubts = {row["subject"]: row["in_doubt_until"] for row in rows}
        assert doubts == {
            "unclear": until,
            "failed": until,
            "dismissed": until,
            "confirmed": None,
            "clear": None,
            "fresh": None,
        }
        assert {(row["faults"], row["known_at"]) for row in rows} == {(0, None)}
        # The previous version: an unclear write, then a try without effect.
        await session.execute(
            "UPDATE updates SET state = 'verifying', ambiguous = true, may_have_left_at = now() "
            "WHERE subject = 'fresh'"
        )
        await session.execute(
            "UPDATE updates SET state = 'retrying', may_have_left_at = now() "
            "WHERE subject = 'clear'"
        )
        ahead = "in_doubt_until - may_have_left_at = interval '120 seconds'"
        assert await session.fetchval(f"SELECT {ahead} FROM updates WHERE subject = 'fresh'")
        # This version: a column that it does not write causes no doubt.
        await session.execute(
            "UPDATE updates SET in_doubt_until = NULL, due_at = now() WHERE subject = 'unclear'"
        )
        rows = await session.fetch("SELECT subject FROM updates WHERE in_doubt_until IS NOT NULL")
        assert {row["subject"] for row in rows} == {"failed", "dismissed", "fresh"}
        invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
        assert await session.fetchval(invalid) == 0
        index = "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_updates_in_doubt'"
        assert "in_doubt_until IS NOT NULL" in str(await session.fetchval(index))


async def test_orders_and_stores_of_before_the_upgrade_have_no_other_charges(
    empty_url: str,
) -> None:
    """The version before writes neither column, while it still runs too."""
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611290101")
    async with connected(empty_url) as session:
        await session.execute(_STORE)
        order = await session.fetchval(
            "INSERT INTO orders (store_id, id, purchase_order_id) "
            "VALUES (1, gen_random_uuid(), 'p') RETURNING id"
        )
        line = (
            "INSERT INTO order_lines (store_id, order_id, line_number, position, sku, ordered) "
            f"VALUES (1, '{order}', '{{}}', 0, 'ABC', 1)"
        )
        await session.execute(line.format(1))
    await asyncio.to_thread(migrate.upgrade, empty_url)
    async with connected(empty_url) as session:
        await session.execute(line.format(2))
        rows = await session.fetch("SELECT other_charges FROM order_lines")
        assert [row["other_charges"] for row in rows] == [None, None]
        assert await session.fetchval("SELECT charge_amount_is FROM stores") == "unit"


async def test_stores_of_before_the_upgrade_have_the_zone_of_their_market(empty_url: str) -> None:
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611300300")
    async with connected(empty_url) as session:
        await session.execute(_STORE)
    await asyncio.to_thread(migrate.upgrade, empty_url)
    async with connected(empty_url) as session:
        assert await session.fetchval("SELECT count(*) FROM stores") == 1
        assert await session.fetchval("SELECT time_zone FROM stores") is None
        # A writer of the earlier version does not name the column.
        await session.execute("UPDATE stores SET name = 'Another'")


async def test_lines_and_shipments_of_before_the_upgrade_have_no_composite_products(
    empty_url: str,
) -> None:
    """The version before names neither column, while it still runs too."""
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611300900")
    line = (
        "INSERT INTO order_lines (store_id, order_id, line_number, position, sku, ordered) "
        "SELECT 1, id, '{}', 0, 'ABC', 1 FROM orders"
    )
    shipment = (
        "INSERT INTO shipments (store_id, id, order_id, update_id, carrier_code, tracking_number, "
        "tracking_key, shipped_at, method_code, fingerprint, override_cancel_request, "
        "walmart_carrier, items) SELECT 1, gen_random_uuid(), id, gen_random_uuid(), 'ups', '1Z', "
        "'1Z', now(), 'Standard', '', false, '{}', '[]' FROM orders"
    )
    async with connected(empty_url) as session:
        await session.execute(_STORE)
        await session.execute(
            "INSERT INTO orders (store_id, id, purchase_order_id) VALUES (1, gen_random_uuid(), 'p')"
        )
        await session.execute(line.format(1))
        await session.execute(shipment)
    await asyncio.to_thread(migrate.upgrade, empty_url)
    async with connected(empty_url) as session:
        await session.execute(line.format(2))
        await session.execute(shipment)
        for table in ("order_lines", "shipments"):
            rows = await session.fetch(f"SELECT commerce_items FROM {table}")
            assert [row["commerce_items"] for row in rows] == [None, None]


async def test_keys_of_before_the_upgrade_keep_their_secrets_beside_those_that_sign(
    empty_url: str,
) -> None:
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611301200")
    key = (
        "INSERT INTO api_keys (id, name, prefix, secret_hash, scopes) "
        "VALUES (gen_random_uuid(), '{0}', 'wb_', '{0}', '{{read}}')"
    )
    async with connected(empty_url) as session:
        await session.execute(key.format("before"))
    await asyncio.to_thread(migrate.upgrade, empty_url)
    async with connected(empty_url) as session:
        # A writer of the earlier version gives each key a secret, and finds keys by it.
        await session.execute(key.format("beside"))
        await session.execute(
            "INSERT INTO api_keys (id, name, prefix, scopes) "
            "SELECT gen_random_uuid(), 'signs' || n, 'oauth', '{read}' FROM generate_series(1, 2) n"
        )
        rows = await session.fetch("SELECT name FROM api_keys WHERE secret_hash IS NOT NULL")
        assert {row["name"] for row in rows} == {"before", "beside"}
        assert await session.fetchval("SELECT count(*) FROM oauth_credentials") == 0


async def test_refunds_and_items_of_before_the_upgrade_are_found_by_number(empty_url: str) -> None:
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611301300")
    async with connected(empty_url) as session:
        await session.execute(FIRST)
        await session.execute(_RETURN_BEFORE)
        await session.execute(
            "INSERT INTO order_lines (store_id, order_id, line_number, position, sku, ordered, "
            "commerce_item_id) SELECT store_id, id, '1', 0, 'ABC', 1, 70 FROM orders"
        )
    await asyncio.to_thread(migrate.upgrade, empty_url)
    database = open_database(empty_url, pool_size=2)
    async with database.begin() as connection:
        order = await queries.order_of_item(connection, 1, 70)
        assert order is not None
        found = await queries.refund_of_number(connection, 1, 1)
        assert found == (order, UUID("01a20a61-4a87-7d0f-8311-81ea00000002"))
    await database.close()
    made = "SELECT count(*) FROM pg_indexes WHERE indexname = ANY($1::text[])"
    names = ["ix_refunds_number", "ix_refunds_order", "ix_order_lines_commerce_item_id"]
    async with connected(empty_url) as session:
        assert await session.fetchval(made, names) == len(names)
        invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
        assert await session.fetchval(invalid) == 0


async def test_keys_of_before_the_audit_work_without_an_expiry(empty_url: str) -> None:
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611301400")
    secret = api_keys.new_secret()
    async with connected(empty_url) as session:
        await session.execute(
            "INSERT INTO api_keys (id, name, prefix, secret_hash, scopes) "
            "VALUES (gen_random_uuid(), 'before', 'wb_', $1, '{read}')",
            hashlib.sha256(secret.encode()).digest(),
        )
    await asyncio.to_thread(migrate.upgrade, empty_url)
    database = open_database(empty_url, pool_size=2)
    async with database.begin() as connection:
        found = await api_keys.find(connection, secret)
        assert found is not None
        assert (found.name, found.revoked_at) == ("before", None)
    await database.close()
    assert await ask(empty_url, "SELECT count(*) = 0 FROM audit")


async def test_deliveries_of_before_the_upgrade_are_summed_up_by_pollers(empty_url: str) -> None:
    """The version before writes attempts and no sums, while it still runs too."""
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611301400")
    made_at = datetime.now(UTC) - timedelta(hours=1)
    identifier = ids.new_id(1, int(made_at.timestamp() * 1000), 1)
    async with connected(empty_url) as session:
        await session.execute(_STORE)
        await session.execute(
            "INSERT INTO lanes (store_id, endpoint, paused_until, reason) "
            "VALUES (1, '*', '-infinity', '')"
        )
        await session.execute(
            "INSERT INTO updates (store_id, id, subject, kind, sequence, state) "
            "VALUES (1, gen_random_uuid(), 's', 'shipment', 1, 'confirmed')"
        )
        await session.execute(
            "INSERT INTO attempts (store_id, id, update_id, number, poller, started_at, ended_at, "
            "verdict) SELECT 1, $1, id, 1, 'p', now(), now(), 'confirmed' FROM updates",
            identifier,
        )
    await asyncio.to_thread(migrate.upgrade, empty_url)
    database = open_database(empty_url, pool_size=2)
    assert await rollup.due(database) == [1]
    assert await rollup.sum_up(database, 1) == lag.floor(made_at)
    assert await rollup.due(database) == []
    await database.close()
    assert await ask(empty_url, "SELECT sum(first_try) FROM delivery_rollup_steps") == 3


async def test_keys_of_before_the_upgrade_sign_people_in(empty_url: str) -> None:
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611301400")
    key = UUID("01a20a61-4a87-7d0f-8311-81ea00000000")
    async with connected(empty_url) as session:
        await session.execute(
            "INSERT INTO api_keys (id, name, prefix, secret_hash, scopes) "
            "VALUES ($1, 'ops', 'wb_', 'x', '{read,write}')",
            key,
        )
    await asyncio.to_thread(migrate.upgrade, empty_url)
    database = open_database(empty_url, pool_size=2)
    access = Access("Jane", None, "write", key, "ops")
    async with database.begin() as connection:
        await sessions.create(connection, access, key, "0-token")
        found = await sessions.find(connection, "0-token", used=True)
    assert found is not None
    assert found.access == access
    await database.close()


async def test_stores_of_before_the_upgrade_have_no_address_of_commerce_admin(
    empty_url: str,
) -> None:
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611301611")
    async with connected(empty_url) as session:
        await session.execute(FIRST)
    await asyncio.to_thread(migrate.upgrade, empty_url)
    async with connected(empty_url) as session:
        assert await session.fetchval("SELECT admin_order_url FROM stores") is None


async def test_the_last_comparison_of_before_the_upgrade_has_no_findings(empty_url: str) -> None:
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611301612")
    async with connected(empty_url) as session:
        await session.execute(FIRST)
        await session.execute("INSERT INTO reconciliations (store_id, orders) VALUES (1, 7)")
    await asyncio.to_thread(migrate.upgrade, empty_url)
    async with connected(empty_url) as session:
        # A writer of the earlier version does not know the column.
        await session.execute("UPDATE reconciliations SET orders = 8")
        assert await session.fetchval("SELECT findings FROM reconciliations") == "[]"
        invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
        assert await session.fetchval(invalid) == 0


async def test_a_job_of_a_later_version_is_due_beside_the_rows_of_before(empty_url: str) -> None:
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611301615")
    await asyncio.to_thread(migrate.upgrade, empty_url)
    job = (
        "INSERT INTO jobs (store_id, id, kind, selection, actor) "
        "VALUES (0, gen_random_uuid(), 'retry', '{}', 'a') RETURNING state, done, due_at <= now()"
    )
    async with connected(empty_url) as session:
        assert tuple(await session.fetchrow(job)) == ("queued", 0, True)


async def test_orders_of_before_the_upgrade_are_found_by_what_they_need(empty_url: str) -> None:
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611301400")
    async with connected(empty_url) as session:
        await session.execute(_STORE)
        await session.execute(
            "INSERT INTO orders (store_id, id, purchase_order_id, status, cancel_requested) "
            "SELECT 1, gen_random_uuid(), 'P' || n, CASE n WHEN 1 THEN 'error' ELSE 'open' END, "
            """CASE n WHEN 2 THEN jsonb '{"lines": ["1"], "seen_at": null}' END """
            "FROM generate_series(1, 3) n"
        )
    await asyncio.to_thread(migrate.upgrade, empty_url)
    database = open_database(empty_url, pool_size=2)
    async with database.read() as connection:
        wanted = OrderFilter(1, sort=OrderSort.ATTENTION)
        listed, _ = await queries.orders(connection, wanted, KeysetPage(3))
        assert {order.purchase_order_id for order in listed[:2]} == {"P1", "P2"}
        asked, _ = await queries.orders(
            connection, OrderFilter(1, cancel_requested=True), KeysetPage(3)
        )
        assert [order.purchase_order_id for order in asked] == ["P2"]
    await database.close()


async def test_a_cursor_of_before_the_previews_has_none_and_stays(empty_url: str) -> None:
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611301635")
    async with connected(empty_url) as session:
        await session.execute(_STORE)
        # As a writer of the earlier version does, which may run beside this one.
        write = (
            "INSERT INTO delivery_rollup_cursors (store_id, next_id) VALUES (1, $1) "
            "ON CONFLICT (store_id) DO UPDATE SET next_id = excluded.next_id"
        )
        await session.execute(write, ids.first_id(datetime.now(UTC)))
        await asyncio.to_thread(migrate.upgrade, empty_url)
        await session.execute(write, ids.first_id(datetime.now(UTC)))
    database = open_database(empty_url, pool_size=2)
    assert await rollup.previews_due(database) == []
    await rollup.preview(database, 1)
    await database.close()
    asked = "SELECT previewed_at IS NOT NULL FROM delivery_rollup_cursors"
    assert await ask(empty_url, asked)


async def test_stores_of_before_the_upgrade_are_notified_of_errors_as_before(
    empty_url: str,
) -> None:
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611301640")
    lane = (
        "INSERT INTO lanes (store_id, endpoint, reason, paused_until) VALUES (1, '{}', 'x', now())"
    )
    stopped = "UPDATE lanes SET reason = 'credentials_rejected' WHERE endpoint = '{}'"
    async with connected(empty_url) as session:
        await session.execute(_STORE)
        await session.execute("UPDATE stores SET notify_url = 'sealed', notify_secret = 'sealed'")
        for endpoint in ("a", "b", "c"):
            await session.execute(lane.format(endpoint))
        await session.execute(stopped.format("a"))
        await asyncio.to_thread(migrate.upgrade, empty_url)
        assert await session.fetchval("SELECT notify_kinds FROM stores") == ["errors"]
        await session.execute(stopped.format("b"))
        await session.execute("UPDATE stores SET notify_kinds = '{credentials_rejected}'")
        await session.execute(stopped.format("c"))
        # Errors are no longer wanted.
        await session.execute("UPDATE stores SET notify_kinds = '{drift}'")
        await session.execute("UPDATE lanes SET reason = 'x'")
        await session.execute(stopped.format("a"))
        rows = await session.fetch("SELECT what, kind FROM notifications ORDER BY id")
    assert [tuple(row) for row in rows] == [
        ("lane", "a"),
        ("lane", "b"),
        ("credentials_rejected", "c"),
    ]


async def test_rows_of_the_audit_from_before_can_no_longer_be_changed(empty_url: str) -> None:
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611302008")
    async with connected(empty_url) as session:
        await session.execute(
            "INSERT INTO audit (store_id, id, what, actor, subject) "
            "VALUES (0, gen_random_uuid(), 'signed_in', 'jane', 'jane')"
        )
        await asyncio.to_thread(migrate.upgrade, empty_url)
        for statement in ("UPDATE audit SET actor = 'x'", "DELETE FROM audit", "TRUNCATE audit"):
            with pytest.raises(asyncpg.RestrictViolationError):
                await session.execute(statement)
    assert await ask(empty_url, "SELECT count(*) FROM audit") == 1


async def test_updates_of_before_know_no_request_and_the_earlier_version_goes_on_writing(
    empty_url: str,
) -> None:
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611302027")
    write = "INSERT INTO updates (store_id, id, subject, kind, sequence) VALUES (1, $1, $2, $3, 1)"
    async with connected(empty_url) as session:
        await session.execute(_STORE)
        await session.execute(write, uuid4(), "sku:A", "inventory")
        await asyncio.to_thread(migrate.upgrade, empty_url)
        await session.execute(write, uuid4(), "sku:B", "inventory")
    asked = "SELECT count(*) FROM updates WHERE request_id IS NULL AND traceparent IS NULL"
    assert await ask(empty_url, asked) == 2


async def test_of_the_audit_from_before_only_a_note_can_be_erased(empty_url: str) -> None:
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611302034")
    erased = """UPDATE audit SET after = after || '{"note": "erased"}'"""
    async with connected(empty_url) as session:
        await session.execute(
            "INSERT INTO audit (store_id, id, what, actor, subject, after) VALUES "
            """(0, gen_random_uuid(), 'update_dismissed', 'jane', 'u', '{"note": "typed", "n": 1}')"""
        )
        await asyncio.to_thread(migrate.upgrade, empty_url)
        for statement in (
            """UPDATE audit SET after = after || '{"note": "another"}'""",
            """UPDATE audit SET after = '{"note": "erased"}'""",
            f"{erased}, actor = 'x'",
            "DELETE FROM audit",
            "TRUNCATE audit",
        ):
            with pytest.raises(asyncpg.RestrictViolationError):
                await session.execute(statement)
        await session.execute(erased)
        assert await session.fetchval("SELECT after->>'note' FROM audit") == "erased"


async def test_an_invalid_index_is_created_again(empty_url: str) -> None:
    """A failed CREATE INDEX CONCURRENTLY leaves an invalid index behind."""
    await asyncio.to_thread(command.upgrade, quiet(empty_url), "202611240010")
    async with connected(empty_url) as session:
        await session.execute("CREATE INDEX ix_updates_lane ON updates (id)")
    await asyncio.to_thread(migrate.upgrade, empty_url)
    assert await ask(
        empty_url,
        "SELECT indexdef LIKE '%urgent%' FROM pg_indexes WHERE indexname = 'ix_updates_lane'",
    )


def test_the_migrations_form_one_line_with_dated_names() -> None:
    scripts = ScriptDirectory.from_config(migrate.configuration())
    assert scripts.get_heads() == [revisions.head()]
    names = [Path(script.path).name for script in scripts.walk_revisions()]
    assert names == sorted(names, reverse=True)
    assert all(name[:4].isdecimal() for name in names)


def offline_sql() -> str:
    """Return the output of `alembic upgrade head --sql`."""
    config = migrate.configuration()
    config.output_buffer = io.StringIO()
    command.upgrade(config, "head", sql=True)
    return config.output_buffer.getvalue()


def quiet(url: str) -> Config:
    """Alembic's configuration, without its output to the user."""
    config = migrate.configuration(url)
    config.stdout = io.StringIO()
    return config
