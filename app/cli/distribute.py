"""`waybill distribute`: puts the tables of a cluster (Citus) where they belong."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import sqlalchemy as sa

from app.cli import cluster_checks, migrate
from app.cli.database_checks import Check
from app.endings import CannotGoOn
from app.settings import EMBEDDED, Settings
from app.storage.cluster import distribution
from app.storage.cluster.distribution import Distribution
from app.storage.cluster.facts import ClusterFacts, cluster_facts
from app.storage.orders import accept_in_shard
from app.storage.postgres import revisions
from app.storage.postgres.dsn import sqlalchemy_url
from app.storage.postgres.engine import AsyncConnection, create_async_engine
from app.storage.postgres.errors import sqlstate
from app.storage.postgres.readiness import in_a_line

Found = TypeVar("Found")
_LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL manual, appendix A
_ONE_SERVER = (
    "This is one PostgreSQL server, without the extension citus. CREATE EXTENSION citus on each "
    "node, then add the workers with citus_add_node."
)
_CHANGE = (
    "To change that: SELECT alter_distributed_table('orders', shard_count => N, "
    "cascade_to_colocated => true)."
)


class CannotDistribute(CannotGoOn):
    """Nothing was changed; the message says why."""


def run(settings: Settings, *, shards: int | None = None) -> Iterator[str]:
    """Check the cluster and distribute what is not distributed yet; yields lines that say so.

    shards: parts of each table. None means the cluster's own number. Raises CannotDistribute,
    BadSettings, and CannotMigrate where no address leads to PostgreSQL itself.
    """
    url = migrate.owners_url(settings)
    if url == EMBEDDED:
        raise CannotDistribute(_ONE_SERVER)
    try:
        facts, found = asyncio.run(_connected(url, lambda on: _examined(on, shards)))
        for each in found:
            yield from each.lines()
        if any(not each.fine and each.serious for each in found):
            raise CannotDistribute("Nothing was distributed: see what is marked ✘.")
        yield from _said(asyncio.run(_connected(url, lambda on: _distributed(on, shards))), facts)
    except distribution.AlreadySharded as error:
        raise CannotDistribute(f"The tables have {error} shards. {_CHANGE}") from error
    except distribution.SchemaChanges as error:
        raise CannotDistribute("A migration or distribution runs. Try again after it.") from error
    except (sa.exc.SQLAlchemyError, OSError, TimeoutError) as error:
        raise CannotDistribute(f"Nothing was distributed: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    if sqlstate(error) == _LOCK_NOT_AVAILABLE:
        return "a table is in use. Stop `waybill serve` and `waybill poller`, then run it again."
    return in_a_line(error)


async def _connected(url: str, work: Callable[[AsyncConnection], Awaitable[Found]]) -> Found:
    """Do work in one transaction."""
    engine = create_async_engine(sqlalchemy_url(url), poolclass=sa.pool.NullPool)
    try:
        async with engine.begin() as connection:
            return await work(connection)
    finally:
        await engine.dispose()


async def _examined(
    connection: AsyncConnection, shards: int | None
) -> tuple[ClusterFacts, list[Check]]:
    """The cluster and what is to be said of it. Raises CannotDistribute."""
    facts = await cluster_facts(connection)
    if facts is None:
        raise CannotDistribute(_ONE_SERVER)
    if not facts.at_coordinator:
        return facts, list(cluster_checks.checks(facts))
    current, head = await revisions.current(connection), revisions.head()
    if current != head:
        raise CannotDistribute(
            f"The schema is at {current or 'nothing'}, this version's is {head}: run `waybill "
            "migrate` first, of this version or of the newer one that shall distribute."
        )
    default = (await connection.exec_driver_sql("SHOW citus.shard_count")).scalar_one()
    made = facts.shards or shards or int(default)
    return facts, list(cluster_checks.checks(facts, made if facts.undistributed else None))


async def _distributed(connection: AsyncConnection, shards: int | None) -> Distribution:
    made = accept_in_shard.FUNCTIONS
    return await connection.run_sync(distribution.distribute, shards, made)


def _said(done: Distribution, facts: ClusterFacts) -> Iterator[str]:
    if not done.distributed and not done.copied:
        yield f"Nothing to do: the tables are distributed by store over {done.shards} shards."
        return
    if done.distributed:
        nodes = sum(node.holds for node in facts.nodes)
        yield (
            f"Distributed by store over {done.shards} shards on {nodes} nodes: "
            f"{', '.join(sorted(done.distributed))}."
        )
    if done.copied:
        yield f"Copied to each node: {', '.join(sorted(done.copied))}."
    yield (
        f"{done.size / 2**20:,.0f} MiB of rows were moved. {done.foreign_keys} foreign keys and "
        f"{done.triggers} triggers were taken away and put back."
    )
