"""The databases of a test process: new ones, and one that is emptied and used again."""

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import sqlalchemy as sa

from app.storage.postgres import grants, migrate
from app.storage.postgres.database import Database, open_database
from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.tables import metadata

_TABLES = [table.name for table in metadata.sorted_tables]
_FILLED = "SELECT array_remove(ARRAY[{}], NULL)".format(
    ", ".join(f"CASE WHEN EXISTS (SELECT FROM {name}) THEN '{name}' END" for name in _TABLES)
)
# The transactions that wrote the catalogs' rows: DDL, TRUNCATE and ANALYZE change them.
_SCHEMA = """
    SELECT (SELECT sum(xmin::text::bigint) FROM pg_class),
           (SELECT sum(xmin::text::bigint) FROM pg_attribute WHERE attrelid >= 16384),
           (SELECT sum(xmin::text::bigint) FROM pg_attrdef),
           (SELECT sum(xmin::text::bigint) FROM pg_proc WHERE oid >= 16384),
           (SELECT sum(xmin::text::bigint) FROM pg_type WHERE oid >= 16384),
           (SELECT sum(xmin::text::bigint) FROM pg_constraint),
           (SELECT sum(xmin::text::bigint) FROM pg_index),
           (SELECT sum(xmin::text::bigint) FROM pg_trigger),
           (SELECT sum(xmin::text::bigint) FROM pg_namespace),
           (SELECT count(*) FROM pg_statistic WHERE starelid >= 16384),
           (SELECT sum(xmin::text::bigint) FROM pg_database WHERE datname = current_database()),
           (SELECT count(*) FROM pg_db_role_setting
             WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())),
           (SELECT string_agg(version_num, ',') FROM alembic_version)
"""
_END_SESSIONS = """
    SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()
       AND backend_type = 'client backend'
"""
_RESTART = """
    SELECT setval(oid::regclass, 1, false) FROM pg_class
     WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace
"""
EMPTIES = "empties a test's database"
"""The application_name of the session that stays beside those of a test."""
# Dead rows stay in the files, and slow down what follows.
_USES = 50
# The statements that SQLAlchemy has compiled in this process, and the dialect that did.
_COMPILED: dict[Any, Any] = {}
_DIALECTS: list[sa.Dialect] = []


def open_compiled(url: str, *, pool_size: int = 10) -> Database:
    """Open a database, with the statements that the engines of earlier tests have compiled.

    Each engine has a dialect and a cache of its own; compiling takes a fifth of a test's time.
    """
    database = open_database(url, pool_size=pool_size)
    engine = database.engine.sync_engine
    engine.update_execution_options(compiled_cache=_COMPILED)
    # A dialect reads the server's version by the first connection of its own engine.
    if _DIALECTS and _DIALECTS[0].server_version_info:
        engine.dialect = _DIALECTS[0]
    else:
        _DIALECTS[:] = [engine.dialect]
    return database


APPLICATION = "waybill_app"
"""The role of processes under test, which owns nothing."""


def migrated(url: str) -> None:
    """Migrate a new server's database, and make the role that processes under test run as."""
    asyncio.run(_execute(url, f"CREATE ROLE {APPLICATION} LOGIN"))
    migrate.upgrade(url)
    grants.give(url, APPLICATION)


def as_application(url: str) -> str:
    """Return the URL with the application's role in place of the superuser."""
    return url.replace("//postgres@", f"//{APPLICATION}@")


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(**asyncpg_arguments(url))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def database_url(server: str, name: str) -> str:
    """Return the server's URL with the name of another of its databases."""
    return server.replace("/waybill?", f"/{name}?")


@dataclass(slots=True)
class _Reused:
    """A database that tests use one after the other."""

    name: str
    session: asyncpg.Connection
    schema: asyncpg.Record
    uses: int = 0

    async def emptied(self) -> bool:
        """End its sessions, delete its rows and restart its sequences.

        False means that this does not make it new: it is worn, or a test changed the schema.
        """
        self.uses += 1
        if self.uses == _USES or self.session.is_closed():
            return False
        try:
            await self.session.fetch(_END_SESSIONS)
            if await self.session.fetchrow(_SCHEMA) != self.schema:
                return False
            for table in await self.session.fetchval(_FILLED):
                await self.session.execute(f"DELETE FROM {table}")
            await self.session.fetch(_RESTART)
        except (asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return True


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server with a migrated template database."""

    url: str
    runner: asyncio.Runner
    admin: asyncpg.Connection
    """Makes and drops databases."""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _idle: list[_Reused] = field(default_factory=list)

    def execute(self, statement: str) -> None:
        """Execute a statement outside the databases of tests."""
        self.runner.run(self.admin.execute(statement))

    @contextmanager
    def fresh(self, template: str = "waybill") -> Iterator[str]:
        """Make a database during the block, a copy of another; yields its URL."""
        name = self._create(template)
        yield database_url(self.url, name)
        self._drop(name)

    @contextmanager
    def reused(self) -> Iterator[str]:
        """Lend an empty, migrated database during the block; yields its URL."""
        lent = self._idle.pop() if self._idle else self.runner.run(self._opened())
        yield database_url(self.url, lent.name)
        if self.runner.run(lent.emptied()):
            self._idle.append(lent)
        else:
            lent.session.terminate()
            self._drop(lent.name)

    def close(self) -> None:
        """End the sessions."""
        for session in (self.admin, *(each.session for each in self._idle)):
            self.runner.run(session.close())

    def _create(self, template: str) -> str:
        name = f"test_{next(self._numbers)}"
        # File by file is half the work of copying by way of the write-ahead log.
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    def _drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    async def _opened(self) -> _Reused:
        name = f"test_{next(self._numbers)}"
        await self.admin.execute(f"CREATE DATABASE {name} TEMPLATE waybill STRATEGY file_copy")
        arguments = asyncpg_arguments(database_url(self.url, name))
        session = await asyncpg.connect(**arguments, server_settings={"application_name": EMPTIES})
        # Neither foreign keys nor triggers follow a deletion.
        await session.execute("SET session_replication_role = replica")
        schema = await session.fetchrow(_SCHEMA)
        return _Reused(name, session, schema)
