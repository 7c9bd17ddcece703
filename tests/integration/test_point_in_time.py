"""Point-in-time recovery as docs/operations.md describes it: a base backup, and archived WAL."""

import asyncio
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import asyncpg
import pytest

from app.storage.postgres import readiness
from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.postgres.embedded import EmbeddedPostgres
from app.storage.postgres.os_account import OsAccount, programs
from app.usecases.orders import ship
from tests.builders import a_package, items
from tests.harness.databases import Server
from tests.harness.waiting import limited
from tests.harness.world import ACTOR, World, open_world

# As in docs/operations.md.
ARCHIVE = "test ! -f {0}/%f && cp %p {0}/%f"
FASTER = {"fsync": "off", "shared_buffers": "32MB"}


def base_backup(url: str, folder: Path) -> None:
    """Copy a running server into a folder that `EmbeddedPostgres` can start."""
    account = OsAccount.for_server(folder)
    account.own(folder)
    place = ("--host", parse_qs(urlsplit(url).query)["host"][0], "--username", "postgres")
    words = ("--pgdata", str(folder / "postgres"), "--checkpoint", "fast", "--no-sync")
    account.run(programs() / "pg_basebackup", *place, *words)


async def shipped(world: World, order_id: UUID, number: str) -> None:
    package = a_package(number, items=items(l1=1))
    await ship.ship(world.context, order_id, package, actor=ACTOR)


@pytest.mark.one_postgresql("the backup of one server")
async def test_a_database_comes_back_as_it_was_before_a_mistake(
    server: Server, data_folder: Path
) -> None:
    archive = data_folder / "archive"
    OsAccount.for_server(data_folder / "used").own(archive)
    # The tests' own server archives nothing.
    await asyncio.to_thread(base_backup, server.url, data_folder / "used")
    archiving = {"archive_mode": "on", "archive_command": ARCHIVE.format(archive), **FASTER}
    used = await asyncio.to_thread(EmbeddedPostgres.start, data_folder / "used", options=archiving)
    try:
        async with open_world(used.url) as world:
            order = await world.an_order(3)
            await shipped(world, order.id, "1ZBEFORE")
            await asyncio.to_thread(base_backup, used.url, data_folder / "restored")
            await shipped(world, order.id, "1ZAFTER")
            moment = await make_a_mistake(used.url)
    finally:
        await asyncio.to_thread(used.stop)
    (data_folder / "restored" / "postgres" / "recovery.signal").touch()
    recovering = {
        "restore_command": f"cp {archive}/%f %p",
        "recovery_target_time": moment,
        "recovery_target_action": "promote",
        **FASTER,
    }
    restored = await asyncio.to_thread(
        EmbeddedPostgres.start, data_folder / "restored", options=recovering
    )
    try:
        async with open_world(restored.url) as world, limited():
            while await readiness.not_ready(world.database) is not None:
                await asyncio.sleep(0.02)
            shipments = (await world.order(order.id)).shipments
            assert [each.tracking_number for each in shipments] == ["1ZBEFORE", "1ZAFTER"]
    finally:
        await asyncio.to_thread(restored.stop)


async def make_a_mistake(url: str) -> str:
    """Delete every shipment, archive that as well; return the moment before."""
    session = await asyncpg.connect(**asyncpg_arguments(url))
    moment = await session.fetchval("SELECT clock_timestamp()::text")
    await session.execute("TRUNCATE shipments, updates CASCADE")
    segment = await session.fetchval("SELECT pg_walfile_name(pg_switch_wal())")
    archived = "SELECT coalesce(last_archived_wal, '') >= $1 FROM pg_stat_archiver"
    async with limited():
        while not await session.fetchval(archived, segment):
            await asyncio.sleep(0.02)
    await session.close()
    return str(moment)
