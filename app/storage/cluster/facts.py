"""What a cluster (Citus) says about itself: its nodes, its settings, and where the tables are."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import RowMapping

from app.storage.cluster import distribution
from app.storage.postgres.engine import AsyncConnection

# Seconds that a node may take to be reached.
_PATIENCE = "5s"
_AT_COORDINATOR = "SELECT groupid = 0 FROM pg_dist_local_group"
# A node that cannot be reached is a row with its reason, and no error.
_NODES = """
    SELECT n.nodename || ':' || n.nodeport AS address, n.groupid = 0 AS coordinator,
           n.isactive AS active, n.shouldhaveshards AS holds,
           coalesce(r.success, false) AS answers, coalesce(r.result, 'it is not asked') AS result,
           (SELECT count(*) FROM pg_dist_placement p WHERE p.groupid = n.groupid) AS shards
      FROM pg_dist_node n
      LEFT JOIN run_command_on_all_nodes($asked$
           SELECT json_build_object(
                  'version', (SELECT extversion FROM pg_extension WHERE extname = 'citus'),
                  'connections', current_setting('max_connections')::int,
                  'prepared', current_setting('max_prepared_transactions')::int,
                  'locks', current_setting('max_locks_per_transaction')::int,
                  'log', current_setting('wal_level'),
                  'clock', extract(epoch FROM clock_timestamp()))
           $asked$, true, true) r ON r.nodeid = n.nodeid
     WHERE n.noderole = 'primary'
     ORDER BY n.groupid
"""
_SESSION = """
    SELECT current_setting('max_connections')::int AS connections,
           current_setting('citus.max_adaptive_executor_pool_size')::int AS pool,
           current_setting('citus.override_table_visibility', true) = 'on' AS hides,
           (SELECT count(*) FROM pg_class
             WHERE relnamespace IN ('public'::regnamespace, 'pg_toast'::regnamespace)
               AND relkind IN ('r', 'i', 't') AND oid >= 16384) AS relations
"""


@dataclass(frozen=True, slots=True)
class Node:
    """A server of the cluster, as the coordinator sees it."""

    address: str
    coordinator: bool
    active: bool
    holds: bool
    """Whether rows of stores may be there."""
    shards: int
    """Parts of tables that are there."""
    trouble: str | None = None
    """Why it does not answer. None means that it does."""
    version: str = ""
    connections: int = 0
    """Its max_connections."""
    prepared: int = 0
    """Its max_prepared_transactions."""
    locks: int = 0
    """Its max_locks_per_transaction."""
    log: str = "logical"
    """Its wal_level."""
    clock: float = 0.0
    """Its time, in seconds since 1970."""

    @property
    def works(self) -> bool:
        """Whether statements reach it."""
        return self.active and self.trouble is None


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """A cluster as a session of the coordinator sees it."""

    at_coordinator: bool
    nodes: Sequence[Node]
    shards: int | None
    """The number of shards of each table. None means that the tables are not distributed."""
    undistributed: Sequence[str]
    """Tables that are not where they belong."""
    pool: int
    """Connections that a statement of several shards opens to each node."""
    connections: int
    """The coordinator's max_connections."""
    hides: bool
    """Whether each look at the catalogue asks which tables are shards."""
    relations: int
    """Tables with their indexes, which each shard has."""


async def cluster_facts(connection: AsyncConnection) -> ClusterFacts | None:
    """Examine the cluster. None where the database is a single server."""
    if not await connection.run_sync(distribution.has_citus):
        return None
    await connection.exec_driver_sql(
        f"SELECT set_config('citus.node_connection_timeout', '{_PATIENCE}', true)"
    )
    session = (await connection.exec_driver_sql(_SESSION)).one()
    nodes = (await connection.exec_driver_sql(_NODES)).mappings().all()
    return ClusterFacts(
        bool((await connection.exec_driver_sql(_AT_COORDINATOR)).scalar_one()),
        [_node(row) for row in nodes],
        await connection.run_sync(distribution.shards),
        [table.name for table in await connection.run_sync(distribution.undistributed)],
        **session._mapping,  # noqa: SLF001 - SQLAlchemy's documented name
    )


def _node(row: RowMapping) -> Node:
    known = {name: row[name] for name in ("address", "coordinator", "active", "holds", "shards")}
    if not row["answers"]:
        return Node(**known, trouble=row["result"])
    return Node(**known, **json.loads(row["result"]))
