"""`waybill distribute`, later migrations, rights and the audit on a cluster."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.migration import MigrationContext
from alembic.operations import Operations
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import create_async_engine

from app.cli import cluster_checks, distribute
from app.cli.database_checks import Check
from app.cli.distribute import CannotDistribute
from app.settings import Settings
from app.storage.cluster import distribution
from app.storage.cluster.facts import cluster_facts
from app.storage.postgres import grants, migrate
from app.storage.postgres.database import open_database
from app.storage.postgres.dsn import asyncpg_arguments, sqlalchemy_url
from app.storage.removal import expired
from app.usecases.orders import ship
from tests.builders import a_package
from tests.harness import citus
from tests.harness.databases import APPLICATION, as_application
from tests.harness.world import open_world

FOREIGN_KEYS = """
    SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
      FROM pg_constraint
     WHERE contype = 'f' AND connamespace = 'public'::regnamespace AND conname !~ '_[0-9]{6}$'
     ORDER BY 1
"""
TRIGGERS = """
    SELECT pg_get_triggerdef(t.oid)
      FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
     WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace ORDER BY 1
"""
PLACES = """
    SELECT format('%s %s %s %s', logicalrelid, partmethod, repmodel, shards)
      FROM pg_dist_partition
      JOIN (SELECT logicalrelid, count(*) AS shards FROM pg_dist_shard GROUP BY 1) s
           USING (logicalrelid)
     ORDER BY 1
"""
COUNTS = """
    SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM order_lines),
           (SELECT count(*) FROM updates), (SELECT count(*) FROM events),
           (SELECT sum(orders) FROM order_count_changes)
"""
AN_ACT = """
    INSERT INTO audit (store_id, id, at, what, actor, subject)
    SELECT n, gen_random_uuid(), now() - interval '500 days', 'key_created', 'test', 'k'
      FROM generate_series(0, 5) AS s (n)
"""
NEXT_NUMBER = "SELECT nextval(pg_get_serial_sequence('shipments', 'number'))"
MAY_INSERT = """
    SELECT array_agg(has_table_privilege($1, oid, 'INSERT')) FROM pg_class
     WHERE relkind = 'r' AND relname ~ '^later_rows(_[0-9]+)?$'
"""
SHARDS_OF = """
    SELECT count(*) FROM pg_dist_placement JOIN pg_dist_node USING (groupid) WHERE nodeid = $1
"""
A_SHARD = """
    SELECT shard_name(p.logicalrelid, s.shardid)
      FROM pg_dist_shard p JOIN pg_dist_placement s USING (shardid)
      JOIN pg_dist_local_group l ON l.groupid = s.groupid
     WHERE p.logicalrelid = 'audit'::regclass LIMIT 1
"""
ORPHAN = """
    INSERT INTO events (store_id, id, order_id, at, what, actor)
    VALUES (1, gen_random_uuid(), gen_random_uuid(), now(), 'x', 'x')
"""


@dataclass(frozen=True)
class ClusterDatabase:
    """A database on all nodes; the coordinator is the first."""

    urls: list[str]

    def url(self, node: int = 0) -> str:
        """Return its address on a node."""
        return self.urls[node]

    async def fetch(self, text: str, *values: Any, node: int = 0) -> list[asyncpg.Record]:
        """Run a statement on a node, in a session of its own."""
        connection = await asyncpg.connect(**asyncpg_arguments(self.urls[node]))
        try:
            return list(await connection.fetch(text, *values))
        finally:
            await connection.close()

    async def value(self, text: str, *values: Any, node: int = 0) -> Any:
        """Return the first value of a statement."""
        return (await self.fetch(text, *values, node=node))[0][0]


@asynccontextmanager
async def empty_cluster() -> AsyncIterator[ClusterDatabase]:
    """Make a database without any table on all nodes."""
    async with citus.empty() as urls:
        yield ClusterDatabase(urls)


@pytest.fixture
async def cluster() -> AsyncIterator[ClusterDatabase]:
    """A migrated database on all nodes, of which no table is distributed."""
    async with empty_cluster() as made:
        await asyncio.to_thread(migrate.upgrade, made.url())
        yield made


def settings(url: str) -> Settings:
    return Settings(database_url=SecretStr(url))


async def distributed(cluster: ClusterDatabase, **options: Any) -> str:
    """Run the command; returns what it prints."""
    lines = await asyncio.to_thread(
        lambda: list(distribute.run(settings(cluster.url()), **options))
    )
    return "\n".join(lines)


async def refused(cluster: ClusterDatabase, **options: Any) -> str:
    """Run the command, which changes nothing; returns why."""
    with pytest.raises(CannotDistribute) as why:
        await distributed(cluster, **options)
    return str(why.value)


async def schema(cluster: ClusterDatabase) -> list[list[str]]:
    """The foreign keys, triggers and places of all tables."""
    found = [await cluster.fetch(each) for each in (FOREIGN_KEYS, TRIGGERS, PLACES)]
    return [[row[0] for row in rows] for rows in found]


async def a_shipment(cluster: ClusterDatabase, number: int = 1) -> int:
    """Ship an order of a new store, the store of this number; returns the shipment's."""
    unique = f"n{number}"
    async with open_world(cluster.url()) as world:
        store = await world.a_store(name=unique, walmart_client_id=unique)
        order = await world.an_order(2, store=store)
        await ship.ship(world.context, order.id, a_package("1Z1"), actor="t")
    return int(await cluster.value("SELECT max(number) FROM shipments"))


async def test_rows_counts_numbers_keys_and_triggers_are_as_before(
    cluster: ClusterDatabase,
) -> None:
    for store in (1, 2, 3):
        number = await a_shipment(cluster, store)
    keys, triggers, _ = await schema(cluster)
    counts = await cluster.fetch(COUNTS)
    said = await distributed(cluster, shards=4)
    assert "over 4 shards on 2 nodes: archived_updates, " in said
    assert f"{len(keys)} foreign keys and {len(triggers)} triggers were taken away" in said
    assert await cluster.fetch(COUNTS) == counts
    after = await schema(cluster)
    assert after[:2] == [keys, triggers]
    assert sum(place.endswith(" h s 4") for place in after[2]) > len(keys)
    assert await cluster.value(NEXT_NUMBER) == number + 1
    assert "Nothing to do" in await distributed(cluster)
    assert "The tables have 4 shards" in await refused(cluster, shards=8)
    assert await schema(cluster) == after


async def test_a_run_that_fails_changes_nothing_and_the_next_one_completes_it(
    cluster: ClusterDatabase,
) -> None:
    await a_shipment(cluster)
    before = [await schema(cluster), await cluster.fetch(COUNTS)]
    session = await asyncpg.connect(**asyncpg_arguments(cluster.url()))
    # Only when it is put back does its foreign key find this row.
    await session.execute("SET session_replication_role = replica")
    await session.execute(ORPHAN)
    assert "violates foreign key" in await refused(cluster, shards=2)
    await session.execute("DELETE FROM events WHERE what = 'x'")
    assert [await schema(cluster), await cluster.fetch(COUNTS)] == before
    async with session.transaction():
        await session.execute("LOCK TABLE jobs IN ACCESS SHARE MODE")
        assert "Stop `waybill serve`" in await refused(cluster, shards=2)
    await session.execute(f"SELECT pg_advisory_lock({distribution.MIGRATIONS})")
    assert "migration or distribution runs" in await refused(cluster, shards=2)
    await session.close()
    assert "over 2 shards" in await distributed(cluster, shards=2)
    assert await cluster.fetch(COUNTS) == before[1]


async def test_a_schema_that_is_migrated_later_is_the_same(cluster: ClusterDatabase) -> None:
    """Three tables with foreign keys, three triggers and several indexes came after the first."""
    await distributed(cluster, shards=2)
    async with empty_cluster() as older:
        config = migrate.configuration(older.url())
        await asyncio.to_thread(command.upgrade, config, "202611290101")
        engine = create_async_engine(sqlalchemy_url(older.url()))
        async with engine.begin() as connection:
            await connection.run_sync(distribution.distribute, 2)
        await engine.dispose()
        assert "run `waybill migrate`" in await refused(older)
        await asyncio.to_thread(migrate.upgrade, older.url())
        assert await schema(older) == await schema(cluster)


async def test_what_a_migration_creates_is_distributed_by_itself_or_by_a_second_run(
    cluster: ClusterDatabase,
) -> None:
    await distributed(cluster, shards=2)
    engine = create_async_engine(sqlalchemy_url(cluster.url()))
    async with engine.connect() as connection:
        await connection.run_sync(_a_later_migration)
    await engine.dispose()
    keys, triggers, places = await schema(cluster)
    assert {"later_rows h s 2", "later_words n t 1"} <= set(places)
    assert sum(key.startswith("later_rows ") for key in keys) == 2
    assert any("ON public.later_rows" in trigger for trigger in triggers)
    # A table that a migration did not put into its place.
    definition = "SELECT undistribute_table('webhooks_expected')"
    await cluster.fetch(
        "ALTER TABLE webhooks_expected DROP CONSTRAINT fk_webhooks_expected_store_id"
    )
    await cluster.fetch(definition)
    assert "tables are not distributed: webhooks_expected" in str(await checks(cluster))
    await cluster.fetch(
        "ALTER TABLE webhooks_expected ADD CONSTRAINT fk_webhooks_expected_store_id "
        "FOREIGN KEY (store_id) REFERENCES stores (store_id)"
    )
    said = await distributed(cluster)
    assert "over 2 shards on 2 nodes: webhooks_expected." in said
    assert await schema(cluster) == [keys, triggers, places]


def _a_later_migration(connection: sa.Connection) -> None:
    with distribution.place_new_tables(connection):
        context = MigrationContext.configure(connection)
        with context.begin_transaction():
            op = Operations(context)
            op.create_table(
                "later_rows",
                sa.Column("store_id", sa.Integer, nullable=False),
                sa.Column("id", sa.Uuid, nullable=False),
                sa.Column("order_id", sa.Uuid, nullable=False, index=True),
                sa.PrimaryKeyConstraint("store_id", "id"),
                sa.ForeignKeyConstraint(["store_id"], ["stores.store_id"]),
                sa.ForeignKeyConstraint(["store_id", "order_id"], ["orders.store_id", "orders.id"]),
            )
            op.create_table("later_words", sa.Column("word", sa.Text, primary_key=True))
            op.execute(
                "CREATE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
            )
            op.execute(
                "CREATE TRIGGER later BEFORE INSERT ON later_rows FOR EACH ROW "
                "EXECUTE FUNCTION later()"
            )


async def checks(cluster: ClusterDatabase) -> list[Check]:
    """What `waybill doctor` says of the cluster."""
    engine = create_async_engine(sqlalchemy_url(cluster.url()))
    async with engine.begin() as connection:
        facts = await cluster_facts(connection)
    await engine.dispose()
    assert facts is not None
    return list(cluster_checks.of_running(facts))


async def test_doctor_names_a_node_that_is_away_with_its_shards(cluster: ClusterDatabase) -> None:
    assert "tables are not distributed: " in str(await checks(cluster))
    await distributed(cluster, shards=4)
    assert "over 4 shards" in str([each for each in await checks(cluster) if each.fine])
    # Its address leads to nothing, as that of a server that died.
    node = await cluster.value("SELECT max(nodeid) FROM pg_dist_node")
    await cluster.fetch("UPDATE pg_dist_node SET nodeport = 1 WHERE nodeid = $1", node)
    (away,) = [each for each in await checks(cluster) if not each.fine and each.serious]
    shards = await cluster.value(SHARDS_OF, node)
    assert f":1 with {shards} shards is away: failed to connect" in away.what
    assert "this is a worker" in str(await checks(ClusterDatabase(cluster.urls[1:])))


async def test_the_audit_keeps_its_promise_on_every_node(cluster: ClusterDatabase) -> None:
    await distributed(cluster, shards=2)
    await cluster.fetch(AN_ACT)
    for node in range(len(cluster.urls)):
        shard = await cluster.value(A_SHARD, node=node) if node else "audit"
        for statement in (
            "UPDATE audit SET actor = 'x'",
            "DELETE FROM audit",
            "TRUNCATE audit",
            f"DELETE FROM {shard}",
        ):
            with pytest.raises(asyncpg.RestrictViolationError):
                await cluster.fetch(statement, node=node)
    database = open_database(cluster.url())
    assert await expired.AUDIT.remove(database, 400) == 6
    await cluster.fetch(AN_ACT)
    # The mark ended with its transaction, on the workers too.
    async with database.begin() as connection:
        with pytest.raises(sa.exc.DBAPIError, match="neither changed nor deleted"):
            await connection.exec_driver_sql("DELETE FROM audit WHERE store_id = 1")
    await database.close()


async def test_the_applications_rights_are_the_same_on_shards(cluster: ClusterDatabase) -> None:
    await asyncio.to_thread(grants.give, cluster.url(), APPLICATION)
    await distributed(cluster, shards=2)
    async with open_world(as_application(cluster.url())) as world:
        await world.an_order(1, store=await world.a_store())
    assert await cluster.value("SELECT count(*) FROM order_count_changes") == 1
    engine = create_async_engine(sqlalchemy_url(cluster.url()))
    async with engine.connect() as connection:
        await connection.run_sync(_a_later_migration)
    await engine.dispose()
    for node in (1, 2):
        assert await cluster.value(MAY_INSERT, APPLICATION, node=node) == [True, True]
        shard = await cluster.value(A_SHARD, node=node)
        session = await asyncpg.connect(**asyncpg_arguments(as_application(cluster.url(node))))
        # Without this Citus itself refuses what concerns shards.
        await session.execute("SET citus.enable_manual_changes_to_shards = on")
        for statement in (
            f"UPDATE {shard} SET actor = 'x'",
            f"TRUNCATE {shard}",
            "UPDATE audit SET actor = 'x'",
            "TRUNCATE orders",
            f"DROP TABLE {shard}",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await session.execute(statement)
        await session.close()
