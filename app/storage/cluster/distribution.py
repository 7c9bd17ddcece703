"""Distributes the tables over the nodes of a cluster (Citus), in one transaction.

Citus distributes no table with a foreign key of a local one, and a trigger would fire again for
each row that is copied. So both are taken away before and put back after; a run that breaks off is
rolled back on every node. A later migration distributes what it creates by `place_new_tables`.

The functions run inside `AsyncConnection.run_sync`, as Alembic's migrations do.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from app.storage.cluster.functions import StoreFunction
from app.storage.tables import metadata
from app.storage.tables.base import is_reference

MIGRATIONS = 0x57617962696C6C  # "Waybill"
"""The advisory lock of a process that changes the schema."""
_ANCHOR = "orders"
"""All distributed tables lie as this one does, so rows of a store are on one node."""
# Seconds that a run waits for a table that a running Waybill uses.
_PATIENCE = "10s"
_SETTINGS = (
    f"SET LOCAL lock_timeout = '{_PATIENCE}'",
    "SET LOCAL statement_timeout = 0",
    # A backend that copies rows notices that its command was killed.
    "SET LOCAL client_connection_check_interval = '1s'",
    "SET LOCAL client_min_messages = error",
)
# Triggers write rows of the same store, thus on the same node. One connection to each node: a
# transaction that has used several may not change a reference table any more.
FOR_DDL = (
    "citus.enable_unsafe_triggers = on",
    "citus.multi_shard_modify_mode = 'sequential'",
)
_PLACED = """
    SELECT c.relname, p.partmethod = 'h' AS distributed, p.repmodel = 't' AS copied,
           (SELECT count(*) FROM pg_dist_shard s WHERE s.logicalrelid = c.oid) AS shards
      FROM pg_dist_partition p JOIN pg_class c ON c.oid = p.logicalrelid
     WHERE c.relnamespace = 'public'::regnamespace
"""
_THERE = """
    SELECT relname FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
"""
_FOREIGN_KEYS = """
    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS drop,
           format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname,
                  pg_get_constraintdef(oid)) AS make
      FROM pg_constraint
     WHERE contype = 'f' AND conparentid = 0
       AND (conrelid = ANY (CAST(:tables AS regclass[]))
            OR confrelid = ANY (CAST(:tables AS regclass[])))
     ORDER BY conrelid::regclass::text, conname
"""
_TRIGGERS = """
    SELECT format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass) AS drop,
           pg_get_triggerdef(oid) AS make
      FROM pg_trigger
     WHERE NOT tgisinternal AND tgrelid = ANY (CAST(:tables AS regclass[]))
     ORDER BY tgrelid::regclass::text, tgname
"""
_SIZE = "SELECT sum(pg_table_size(oid)) FROM unnest(CAST(:tables AS regclass[])) AS t (oid)"


@dataclass(frozen=True, slots=True)
class Distribution:
    """What a run has done."""

    distributed: Sequence[str]
    copied: Sequence[str]
    """Tables of which each node has a copy."""
    shards: int
    size: int
    """Bytes of the tables before, without their indexes."""
    foreign_keys: int
    triggers: int
    """Those that were taken away and put back."""


class AlreadySharded(Exception):
    """The tables have another number of shards than the one asked for."""


class SchemaChanges(Exception):
    """A migration, or another distribution, is under way."""


def undistributed(connection: sa.Connection) -> list[sa.Table]:
    """The tables of this version that are there and not yet where they belong."""
    there = set(connection.execute(sa.text(_THERE)).scalars())
    placed = {
        row.relname: "copied" if row.copied else "distributed" if row.distributed else None
        for row in connection.execute(sa.text(_PLACED))
    }
    return [
        table
        for table in metadata.sorted_tables
        if table.name in there and placed.get(table.name) != _kind(table)
    ]


def shards(connection: sa.Connection) -> int | None:
    """The number of shards of the tables. None if they are not distributed."""
    found = (row.shards for row in connection.execute(sa.text(_PLACED)) if row.relname == _ANCHOR)
    return next(found, None)


def distribute(
    connection: sa.Connection,
    wanted: int | None = None,
    functions: Sequence[StoreFunction] = (),
) -> Distribution:
    """Distribute what is not distributed yet; the caller's transaction is the only one.

    wanted: the number of shards; None means the cluster's `citus.shard_count`, or that of the
    tables that are distributed already. functions: made unless they are there. Raises
    AlreadySharded, SchemaChanges, and SQLAlchemy's DBAPIError for what the database refuses.
    """
    for setting in (*_SETTINGS, *(f"SET LOCAL {each}" for each in FOR_DDL)):
        connection.exec_driver_sql(setting)
    alone = connection.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock({MIGRATIONS})")
    if not alone.scalar_one():
        raise SchemaChanges
    before = shards(connection)
    if None not in (before, wanted) and before != wanted:
        raise AlreadySharded(before)
    tables = undistributed(connection)
    keys, triggers, size = _taken_away(connection, [table.name for table in tables])
    # The anchor is first of those that are distributed, and copies are before all.
    for table in sorted(tables, key=lambda each: (not is_reference(each), each.name != _ANCHOR)):
        _place(connection, table, wanted)
    for statement in (*keys, *triggers):
        connection.exec_driver_sql(statement)
    for function in functions:
        function.make(connection)
    return Distribution(
        [table.name for table in tables if not is_reference(table)],
        [table.name for table in tables if is_reference(table)],
        shards(connection) or 0,
        size,
        len(keys),
        len(triggers),
    )


@contextmanager
def place_new_tables(
    connection: sa.Connection, functions: Sequence[StoreFunction] = ()
) -> Iterator[None]:
    """During the block a table that is created is put where it belongs, with its foreign keys.

    Only where the others are distributed; then triggers can be created as well. functions: made
    there after the block, unless they are there.
    """
    cluster = has_citus(connection) and shards(connection) is not None
    for setting in FOR_DDL if cluster else ():
        connection.exec_driver_sql(f"SET {setting}")
    # The migrations begin transactions of their own.
    connection.commit()
    if not cluster:
        yield
        return
    keys: dict[str, list[sa.schema.AddConstraint]] = {}

    def hold(table: sa.Table, _: sa.Connection, **_more: object) -> None:
        # AddConstraint leaves the key out of CREATE TABLE: a local table may not refer to others.
        keys[table.name] = [sa.schema.AddConstraint(key) for key in table.foreign_key_constraints]

    def place(table: sa.Table, on: sa.Connection, **_more: object) -> None:
        _place(on, metadata.tables.get(table.name, table))
        for key in keys.pop(table.name):
            on.execute(key)

    sa.event.listen(sa.Table, "before_create", hold)
    sa.event.listen(sa.Table, "after_create", place)
    try:
        yield
    finally:
        sa.event.remove(sa.Table, "before_create", hold)
        sa.event.remove(sa.Table, "after_create", place)
    for function in functions:
        function.make(connection)
    connection.commit()


def has_citus(connection: sa.Connection) -> bool:
    """Whether the database has the extension."""
    there = "SELECT to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL"
    return bool(connection.exec_driver_sql(there).scalar_one())


def _kind(table: sa.Table) -> str:
    return "copied" if is_reference(table) else "distributed"


def _taken_away(connection: sa.Connection, tables: list[str]) -> tuple[list[str], list[str], int]:
    """Drop the foreign keys and triggers of tables; returns what makes them, and the size."""
    values = {"tables": [f"public.{name}" for name in tables]}
    made: list[list[str]] = []
    size = int(connection.execute(sa.text(_SIZE), values).scalar() or 0)
    for name in tables:
        connection.exec_driver_sql(f"LOCK TABLE public.{name} IN ACCESS EXCLUSIVE MODE")
    for question in (_FOREIGN_KEYS, _TRIGGERS):
        rows = connection.execute(sa.text(question), values).all()
        for row in rows:
            connection.exec_driver_sql(row.drop)
        made.append([row.make for row in rows])
    return made[0], made[1], size


def _place(connection: sa.Connection, table: sa.Table, wanted: int | None = None) -> None:
    if is_reference(table):
        connection.exec_driver_sql(f"SELECT create_reference_table('public.{table.name}')")
    else:
        how = f"colocate_with => 'public.{_ANCHOR}'"
        if table.name == _ANCHOR:
            how = "colocate_with => 'none'" + (f", shard_count => {wanted}" if wanted else "")
        connection.exec_driver_sql(
            f"SELECT create_distributed_table('public.{table.name}', 'store_id', {how})"
        )
    # The rows were copied; without this the coordinator would keep them, unseen.
    connection.exec_driver_sql(
        f"SELECT truncate_local_data_after_distributing_table('public.{table.name}')"
    )
