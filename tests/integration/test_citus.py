"""Can the tables be distributed by store? What the catalogue and the logged statements show.

Waybill was not run on Citus; these are the conditions that its documentation names.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import sqlalchemy as sa

from app.intake import cancel, ship
from app.orders.requests import CancelRequest, RequestedItem
from app.storage import claims, overview
from app.storage.database import Database
from app.storage.idempotency import Answer, Once
from app.storage.tables import metadata
from app.storage.urls import asyncpg_arguments
from tests.world import World, a_package, open_world

SCRIPT = Path("deploy/citus.sql").read_text()
DISTRIBUTED = re.findall(r"create_distributed_table\('(\w+)', 'store_id'", SCRIPT)
REFERENCE = re.findall(r"create_reference_table\('(\w+)'", SCRIPT)

# Read and written by runs of upkeep and by what Commerce tells only.
UPKEEP = {
    "commerce_event_ids",
    "commerce_events",
    "import_places",
    "import_retries",
    "notifications",
    "imports",
    "reconciliations",
    "refunds",
    "webhook_events",
    "webhooks_expected",
}
# Statements of every store at once, each with the reason why it may be: they run in pollers'
# rounds and upkeep, never for a request or an update.
ACROSS_STORES = {
    "WITH RECURSIVE found AS": "who has something due: once a round of each poller",
    "WITH lapsed AS": "leases that ended: once an interval of each poller",
    "WITH near AS": "the ship-by clock, as above",
    "DELETE FROM webhook_events w": "announcements of last week: as above",
    "DELETE FROM commerce_event_ids w": "Adobe's events of last week: as above",
    "DELETE FROM commerce_events w": "what nobody ever linked: as above",
    "WITH due AS MATERIALIZED ( SELECT store_id, id FROM commerce_ev": "what was linked since",
    "WITH taken AS": "how many orders there are, added up: as above",
}
# What makes the planner show by which condition each table is read, however small it is.
BY_INDEX = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_format": "json",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
}


def test_every_table_has_its_place() -> None:
    assert sorted([*DISTRIBUTED, *REFERENCE]) == sorted(metadata.tables)


async def test_every_key_of_a_distributed_table_carries_the_store(database: Database) -> None:
    """Primary keys and unique indexes, for Citus can hold a row unique only within its shard."""
    asked = sa.text("""
        SELECT c.relname, x.relname AS index, array_agg(a.attname)::text[] AS columns
          FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
          JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
         WHERE i.indisunique AND c.relname = ANY(:tables) GROUP BY 1, 2
    """)
    async with database.begin() as connection:
        found = (await connection.execute(asked, {"tables": DISTRIBUTED})).all()
    assert {row.relname for row in found} == set(DISTRIBUTED)
    assert [row.index for row in found if "store_id" not in row.columns] == []


async def test_every_reference_between_distributed_tables_carries_the_store(
    database: Database,
) -> None:
    asked = sa.text("""
        SELECT k.conname, array_agg(a.attname)::text[] AS columns
          FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
          JOIN pg_class f ON f.oid = k.confrelid
          JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY(k.conkey)
         WHERE k.contype = 'f' AND c.relname = ANY(:tables) AND f.relname = ANY(:tables)
         GROUP BY 1
    """)
    async with database.begin() as connection:
        found = (await connection.execute(asked, {"tables": DISTRIBUTED})).all()
    assert len(found) >= 5
    assert [row.conname for row in found if "store_id" not in row.columns] == []


async def test_the_hot_path_never_asks_across_stores(fresh_url: str, data_folder: Path) -> None:
    """Ship, cancel, deliver, record and show orders; every plan reads by the store."""
    connection = await asyncpg.connect(**asyncpg_arguments(fresh_url))
    name = await connection.fetchval("SELECT current_database()")
    for setting, value in BY_INDEX.items():
        await connection.execute(f"ALTER DATABASE {name} SET {setting} = '{value}'")
    await connection.close()
    log = next((data_folder / "server").rglob("server.log"))
    start = log.stat().st_size
    async with open_world(fresh_url) as world:
        await _a_day(world)
    plans = _plans(log.read_text(errors="replace")[start:])
    scans = [
        (plan["Query Text"].split(), scan)
        for plan in plans
        for scan in _scans(plan["Plan"])
        if not " ".join(plan["Query Text"].split()).startswith(tuple(ACROSS_STORES))
    ]
    assert {scan["Relation Name"] for _, scan in scans} == set(DISTRIBUTED) - UPKEEP
    unbound = [(" ".join(words), scan) for words, scan in scans if not _bound(scan)]
    assert unbound == []


async def test_where_stores_are_distributed_a_claim_is_of_one(fresh_url: str) -> None:
    async with open_world(fresh_url) as world:
        assert not await claims.distributed(world.database.by_key)
        async with world.database.begin() as connection:
            await connection.execute(
                sa.text("""
                    INSERT INTO pg_extension (oid, extname, extowner, extnamespace,
                                              extrelocatable, extversion)
                    SELECT 1, 'citus', extowner, extnamespace, false, '0' FROM pg_extension LIMIT 1
                """)
            )
        assert await claims.distributed(world.database.by_key)


async def _a_day(world: World) -> None:
    store = await world.a_store()
    orders = [
        await world.imported(await world.at_walmart(2, store=store, **changes), store)
        for changes in ({"status": "Acknowledged"}, {"status": "Acknowledged"}, {})
    ]
    once = Once(store.store_id, "k", "POST", "/p", "key", b"", lambda _: Answer(202, b"", {}))
    one_unit = {"items": (RequestedItem(1, line_number="1"),)}
    shipped = [
        # At once, behind an update that is open, and a second time under its reference.
        await ship.ship(
            world.desk,
            orders[0].id,
            a_package("1ZA", reference="r", **one_unit),
            actor="t",
            once=once,
        ),
        await ship.ship(world.desk, orders[2].id, a_package("1ZB", **one_unit), actor="t"),
        await ship.ship(
            world.desk, orders[0].id, a_package("1ZA", reference="r", **one_unit), actor="t"
        ),
    ]
    canceled = await cancel.cancel(
        world.desk, orders[1].id, CancelRequest("out_of_stock"), actor="t", once=None
    )
    await world.deliver_until(*(each.shipment.update.id for each in shipped), canceled.update.id)
    async with world.database.read() as connection:
        await overview.order(connection, store.store_id, orders[0].id)
        await overview.timeline(connection, store.store_id, orders[0].id)
        await overview.summary(connection, store.store_id)


def _plans(log: str) -> list[dict[str, Any]]:
    found = re.findall(r"plan:\n((?:\t.*\n)+)", log)
    return [json.loads(text.replace("\n\t", "\n").strip()) for text in found]


def _scans(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if node.get("Relation Name") in DISTRIBUTED and "Scan" in node["Node Type"]:
        yield node
    for child in node.get("Plans", ()):
        yield from _scans(child)


def _bound(scan: dict[str, Any]) -> bool:
    """Whether a table is read by its store: a bitmap's condition stands below it."""
    below = scan.get("Plans", [])
    conditions = [each.get(name) for each in (scan, *below) for name in ("Index Cond", "Filter")]
    return any("store_id" in each for each in conditions if each)
