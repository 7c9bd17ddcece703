"""A failing database: nothing is written in part, and the client is asked to retry."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil
import pytest
import sqlalchemy as sa

from app.domain.errors import NotAvailable, Stale
from app.storage.postgres import readiness
from app.storage.postgres.database import Database, open_database
from app.storage.postgres.embedded import EmbeddedPostgres
from app.storage.postgres.retry import again
from tests.harness.waiting import LIMIT
from tests.harness.world import World

PACKAGE = {"carrier_code": "ups", "tracking_number": "1ZA"}
NOT_NOW = {
    "08006": "connection_failure",
    "25006": "read_only_sql_transaction",
    "25P03": "idle_in_transaction_session_timeout",
    "28000": "invalid_authorization_specification",
    "28P01": "invalid_password",
    "3D000": "invalid_catalog_name",
    "40001": "serialization_failure",
    "40P01": "deadlock_detected",
    "53100": "disk_full",
    "53200": "out_of_memory",
    "53300": "too_many_connections",
    "55P03": "lock_not_available",
    "57014": "query_canceled",
    "57P01": "admin_shutdown",
    "57P02": "crash_shutdown",
    "57P03": "cannot_connect_now",
    "58030": "io_error",
}


async def execute(database: Database, statement: str) -> Any:
    async with database.begin() as connection:
        result = await connection.execute(sa.text(statement))
        return result.all() if result.returns_rows else None


async def raise_at(world: World, table: str, state: str) -> None:
    """Make PostgreSQL answer every write to a table with this error."""
    await execute(
        world.database,
        f"""CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'trouble' USING ERRCODE = '{state}'; END $$""",
    )
    await execute(
        world.database,
        f"CREATE TRIGGER trouble BEFORE INSERT ON {table} EXECUTE FUNCTION trouble()",
    )


@pytest.mark.parametrize("state", sorted(NOT_NOW))
async def test_a_temporary_database_error_is_answered_as_such(
    database: Database, state: str
) -> None:
    raising = f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{state}'; END $$"
    with pytest.raises(NotAvailable):
        await execute(database, raising)
    assert await execute(database, "SELECT 1") == [(1,)]


async def test_an_internal_error_is_not_reported_as_a_database_failure(database: Database) -> None:
    with pytest.raises(sa.exc.DBAPIError):
        await execute(database, "SELECT nothing FROM nowhere")


@pytest.mark.parametrize("table", ["updates", "shipments"])
async def test_a_full_disk_refuses_a_shipment_whole(
    world: World, client: httpx.AsyncClient, table: str
) -> None:
    order = await world.an_order(1)
    await raise_at(world, table, "53100")
    answer = await client.post(f"/v1/orders/{order.id}/shipments", json=PACKAGE)
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    for name in ("shipments", "updates"):
        assert await execute(world.database, f"SELECT count(*) FROM {name}") == [(0,)]
    assert (await world.order(order.id)).lines[0].quantity.pending == 0


async def test_a_read_only_database_is_still_read(world: World, client: httpx.AsyncClient) -> None:
    order = await world.an_order(1)
    name = (await execute(world.database, "SELECT current_database()"))[0][0]
    readonly = f"ALTER DATABASE {name} SET default_transaction_read_only = on"
    await execute(world.database, readonly)
    # It applies to connections made from now on.
    await world.database.engine.dispose()
    answer = await client.post(f"/v1/orders/{order.id}/shipments", json=PACKAGE)
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert (await client.get(f"/v1/orders/{order.id}")).status_code == 200


async def test_cut_connections_are_replaced(world: World, client: httpx.AsyncClient) -> None:
    order = await world.an_order(1)
    other = open_database(world.url, pool_size=2)
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
    await execute(other, cut)
    await other.close()
    answer = await client.post(f"/v1/orders/{order.id}/shipments", json=PACKAGE)
    assert answer.status_code == 202
    (shipment,) = (await world.order(order.id)).shipments
    await world.deliver_until(shipment.update.id)


@asynccontextmanager
async def taking_no_writes(world: World) -> AsyncIterator[None]:
    """The server is a standby for a while; connections made in that time stay read-only."""
    outside = open_database(world.url, pool_size=1)
    name = (await execute(outside, "SELECT current_database()"))[0][0]
    await execute(outside, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    await world.database.engine.dispose()
    world.database.grouped.pool.renew()
    yield
    await execute(outside, f"ALTER DATABASE {name} RESET default_transaction_read_only")
    await outside.close()


async def test_sessions_of_a_demoted_server_are_closed_and_the_next_are_tried(
    world: World, client: httpx.AsyncClient
) -> None:
    first, second = await world.an_order(1), await world.an_order(1)
    path = f"/v1/orders/{second.id}"
    async with taking_no_writes(world):
        refused = await client.post(f"/v1/orders/{first.id}/shipments", json=PACKAGE)
        assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
        # Several sessions that only read, so that they are kept.
        reads = [world.database.begin() for _ in range(3)]
        async with AsyncExitStack() as opened:
            for each in reads:
                await opened.enter_async_context(each)
    shipped = await client.post(f"/v1/orders/{first.id}/shipments", json=PACKAGE)
    linked = await client.patch(path, json={"commerce_order_number": "1"})
    assert (shipped.status_code, linked.status_code) == (202, 200)


async def test_a_process_is_not_ready_while_the_database_is_read_only(world: World) -> None:
    assert await readiness.not_ready(world.database) is None
    async with taking_no_writes(world):
        assert await readiness.not_ready(world.database) is not None
        async with world.database.begin():
            pass
    assert await readiness.not_ready(world.database) is None


async def test_a_statement_made_stale_by_a_migration_is_run_again(
    world: World, client: httpx.AsyncClient
) -> None:
    await world.a_store()
    assert (await client.get("/v1/stores")).status_code == 200
    outside = open_database(world.url, pool_size=1)
    await execute(outside, "ALTER TABLE stores ALTER COLUMN name TYPE varchar(300)")
    await outside.close()
    assert (await client.get("/v1/stores")).status_code == 200


async def test_a_statement_that_is_stale_again_is_answered_as_such(fresh_url: str) -> None:
    read, widths = "SELECT name FROM stores", iter(range(300, 305))
    database, outside = (open_database(fresh_url, pool_size=1) for _ in range(2))

    async def overtaken() -> None:
        """Run a migration before each try, while there are any."""
        await execute(database, read)
        for width in widths:
            change = f"ALTER TABLE stores ALTER COLUMN name TYPE varchar({width})"
            await execute(outside, change)
            await execute(database, read)

    async with AsyncExitStack() as opened:
        for each in (database, outside):
            opened.push_async_callback(each.close)
        with pytest.raises(Stale):
            await again(overtaken)
    # It was run twice.
    assert next(widths) == 302


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.InterfaceError("the handler is closed"),
        asyncpg.InternalClientError("unexpected state"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        RuntimeError("unable to perform operation on a closed transport"),
        ConnectionResetError("reset"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_connection_that_dies_during_setup_is_answered_as_such(
    fresh_url: str, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def dies(**_: object) -> None:
        raise error

    database = open_database(fresh_url)
    with monkeypatch.context() as patched:
        patched.setattr(asyncpg, "connect", dies)
        for ask in (execute(database, "SELECT 1"), database.direct.fetch("SELECT 1")):
            with pytest.raises(NotAvailable):
                await ask
    assert await execute(database, "SELECT 1") == [(1,)]
    await database.close()


@pytest.mark.parametrize("pooler", [False, True])
async def test_every_transaction_has_time_outs(fresh_url: str, pooler: bool) -> None:
    database = open_database(fresh_url, statement_timeout_ms=200, pooler=pooler)
    shown = "SELECT current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout')"
    assert await execute(database, shown) == [("5s", "30s")]
    # A repeatable transaction waits for a row only for a moment.
    assert await again(lambda: execute(database, shown)) == [("100ms", "30s")]
    with pytest.raises(NotAvailable):
        await execute(database, "SELECT pg_sleep(20)")
    async with database.read() as connection:
        limit = await connection.execute(sa.text("SHOW statement_timeout"))
        assert limit.scalar_one() == "200ms"
    await database.close()


async def test_an_exhausted_pool_is_waited_for_and_then_reported(fresh_url: str) -> None:
    database = open_database(fresh_url, pool_size=1, pool_timeout=0.1)
    async with database.begin():
        with pytest.raises(NotAvailable):
            await execute(database, "SELECT 1")
    assert await asyncio.wait_for(execute(database, "SELECT 1"), LIMIT) == [(1,)]
    await database.close()


async def test_a_server_that_stops_during_statements_is_answered_as_such(data_folder: Path) -> None:
    """For every error of the driver when a connection ends during a statement."""
    folder = data_folder / "going-away"
    outcomes: Counter[str] = Counter()
    with ExitStack() as servers:
        server = servers.enter_context(EmbeddedPostgres.start(folder))
        database = open_database(server.url, pool_timeout=2)
        stop = asyncio.Event()
        asking = [asyncio.create_task(_ask(database, outcomes, stop)) for _ in range(12)]
        for _ in range(3):
            await asyncio.sleep(0.2)
            postmaster = int((folder / "postgres" / "postmaster.pid").read_text().split()[0])
            os.kill(postmaster, signal.SIGINT)
            while psutil.pid_exists(postmaster):
                await asyncio.sleep(0.02)
            again = await asyncio.to_thread(EmbeddedPostgres.start, folder)
            servers.enter_context(again)
        stop.set()
        await asyncio.gather(*asking)
        await database.close()
    assert outcomes["not now"]
    assert outcomes["answered"]


async def _ask(database: Database, outcomes: Counter[str], stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await database.direct.fetch("SELECT 1")
            outcomes["answered"] += 1
        except NotAvailable:
            outcomes["not now"] += 1
            await asyncio.sleep(0.01)
        await asyncio.sleep(0)
