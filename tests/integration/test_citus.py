"""Can the tables be distributed by store? What the catalogue and the logged statements show.

Waybill was not run on Citus; these are the conditions that its documentation names.
"""

import re
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.intake import cancel, ship
from app.orders.requests import CancelRequest
from app.storage import optimistic, overview
from app.storage.database import Database
from app.storage.tables import metadata
from tests.world import World, a_package

SCRIPT = Path("deploy/citus.sql").read_text()
DISTRIBUTED = re.findall(r"create_distributed_table\('(\w+)', 'store_id'", SCRIPT)
REFERENCE = re.findall(r"create_reference_table\('(\w+)'", SCRIPT)

# Statements of every store at once, each with the reason why it may be. They run in pollers,
# some times a second or less, and each shard answers from a small partial index.
ACROSS_STORES = {
    "WITH RECURSIVE found AS": "who has something due: once a round of each poller",
    "WITH lapsed AS": "leases that ended: once an interval of each poller",
    "SELECT store_id, id FROM orders WHERE fulfillment_status": "the ship-by clock, as above",
    "DELETE FROM attempts": "retention, as above",
    "DELETE FROM idempotency_keys": "retention, as above",
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


async def test_the_hot_path_never_asks_across_stores(world: World) -> None:
    """Ship, cancel, deliver, record and show an order, with every statement logged."""
    store = await world.a_store()
    orders = [
        await world.imported(await world.at_walmart(2, store=store, **changes), store)
        for changes in ({"status": "Acknowledged"}, {"status": "Acknowledged"}, {})
    ]
    logged: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        logged.append(statement)

    engine = world.database.engine.sync_engine
    sa.event.listen(engine, "before_cursor_execute", note)
    shipped = [
        await ship.ship(world.desk, order.id, a_package("1ZA", reference="r"), actor="t")
        for order in (orders[0], orders[2], orders[0])
    ]
    canceled = await cancel.cancel(
        world.desk, orders[1].id, CancelRequest("out_of_stock"), actor="t"
    )
    await world.deliver_until(*(each.shipment.update.id for each in shipped), canceled.update.id)
    async with world.database.read() as connection:
        await overview.order(connection, store.store_id, orders[0].id)
        await overview.timeline(connection, store.store_id, orders[0].id)
    sa.event.remove(engine, "before_cursor_execute", note)
    tables = re.compile(rf"\b({'|'.join(DISTRIBUTED)})\b")
    # These two go to the database without SQLAlchemy.
    logged += [optimistic._LOOK, optimistic._WRITE]
    asked = {" ".join(each.split()) for each in logged if tables.search(each)}
    assert len(asked) > 20
    assert [each for each in asked if "store_id" not in each] == []
    unbound = [
        each
        for each in asked
        if not re.search(r"store_id\s*(=|,|\))|\(store_id|q\.store_id", each)
        and not each.startswith(tuple(ACROSS_STORES))
    ]
    assert unbound == []
