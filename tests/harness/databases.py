"""The databases of a test process: new ones, and one that is emptied and used again."""

import asyncio
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import sqlalchemy as sa

from app.storage.orders import accept_in_shard
from app.storage.postgres import grants, migrate
from app.storage.postgres.database import Database, open_database
from app.storage.postgres.dsn import asyncpg_arguments

_TABLES = """
    SELECT relname AS name FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version'
"""
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
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND pid <> ALL ($1)
       AND backend_type = 'client backend'
"""
_RESTART = """
    SELECT setval(seqrelid::regclass, seqmin, false)
      FROM pg_sequence JOIN pg_class ON oid = seqrelid WHERE relnamespace = 'public'::regnamespace
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
    database = open_database(url, pool_size=pool_size, survey_interval=0.02)
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
    """Migrate a new server's database, and make the role that processes under test run as.

    Some tests play a cluster on it, so it also has the functions that only a cluster needs.
    """
    asyncio.run(_execute(url, f"CREATE ROLE {APPLICATION} LOGIN"))
    migrate.upgrade(url)
    for function in accept_in_shard.FUNCTIONS:
        asyncio.run(_execute(url, function.definition))
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


@dataclass(frozen=True, slots=True)
class _Part:
    """A server's part of a database, with a session that stays beside those of a test."""

    session: asyncpg.Connection
    tables: Sequence[str]

    async def end_sessions(self, kept: Sequence[int]) -> None:
        """End the sessions of the test, but for those that the next one uses."""
        await self.session.fetch(_END_SESSIONS, kept)

    async def empty(self) -> None:
        """Delete all rows, and restart the sequences."""
        filled = ", ".join(
            f"CASE WHEN EXISTS (SELECT FROM {name}) THEN '{name}' END" for name in self.tables
        )
        # An ARRAY of several hundred elements is no trouble.
        found = await self.session.fetchval(f"SELECT array_remove(ARRAY[{filled}]::text[], NULL)")
        for table in found:
            await self.session.execute(f"DELETE FROM {table}")
        await self.session.fetch(_RESTART)


@dataclass(slots=True)
class _Reused:
    """A database that tests use one after the other."""

    name: str
    parts: Sequence[_Part]
    schema: asyncpg.Record
    uses: int = 0

    async def emptied(self, kept: Sequence[int]) -> bool:
        """End its sessions, delete its rows and restart its sequences.

        False means that this does not make it new: it is worn, or a test changed the schema.
        """
        self.uses += 1
        if self.uses == _USES or any(part.session.is_closed() for part in self.parts):
            return False
        try:
            for part in self.parts:
                await part.end_sessions(kept)
            if await self.parts[0].session.fetchrow(_SCHEMA) != self.schema:
                return False
            for part in self.parts:
                await part.empty()
        except (asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return True


@dataclass
class Server:
    """A PostgreSQL server with a migrated template database, or the servers of a cluster."""

    url: str
    runner: asyncio.Runner
    admins: list[asyncpg.Connection]
    """Make and drop databases: one for each server, which all have the same."""
    template: str = "waybill"
    prefix: str = "test"
    tables: str = _TABLES
    """Lists the relations that have a server's rows."""
    urls: Sequence[str] = ()
    """Of all servers. Empty means that there is one."""
    kept: Callable[[str], Sequence[int]] = lambda _: ()
    """The sessions of a database that its next test uses, by its URL."""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _idle: list[_Reused] = field(default_factory=list)

    def execute(self, statement: str) -> None:
        """Execute a statement outside the databases of tests."""
        self.runner.run(self._everywhere(statement))

    @contextmanager
    def fresh(self, template: str = "") -> Iterator[str]:
        """Make a database during the block, a copy of another; yields its URL."""
        name = self.runner.run(self._created(template or self.template))
        yield database_url(self.url, name)
        self._drop(name)

    @contextmanager
    def reused(self) -> Iterator[str]:
        """Lend an empty, migrated database during the block; yields its URL."""
        lent = self._idle.pop() if self._idle else self.runner.run(self._opened())
        url = database_url(self.url, lent.name)
        yield url
        if self.runner.run(lent.emptied(self.kept(url))):
            self._idle.append(lent)
        else:
            self._discard(lent)

    def close(self) -> None:
        """Drop the databases that tests used, and end the sessions."""
        while self._idle:
            self._discard(self._idle.pop())
        for admin in self.admins:
            self.runner.run(admin.close())

    def _discard(self, lent: _Reused) -> None:
        for part in lent.parts:
            part.session.terminate()
        self._drop(lent.name)

    def _drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def _everywhere(self, statement: str) -> None:
        for n, url in enumerate(self.urls):
            # A test may have killed the server meanwhile.
            if self.admins[n].is_closed():
                place = asyncpg_arguments(database_url(url, "postgres"))
                self.admins[n] = await asyncpg.connect(**place)
        await asyncio.gather(*(admin.execute(statement) for admin in self.admins))

    async def _created(self, template: str) -> str:
        name = f"{self.prefix}_{next(self._numbers)}"
        # File by file is half the work of copying by way of the write-ahead log.
        await self._everywhere(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    async def _opened(self) -> _Reused:
        name = await self._created(self.template)
        parts = [await self._part(url, name) for url in self.urls or [self.url]]
        schema = await parts[0].session.fetchrow(_SCHEMA)
        return _Reused(name, parts, schema)

    async def _part(self, url: str, name: str) -> _Part:
        session = await asyncpg.connect(
            **asyncpg_arguments(database_url(url, name)),
            server_settings={"application_name": EMPTIES},
        )
        # Neither foreign keys nor triggers follow a deletion.
        await session.execute("SET session_replication_role = replica")
        return _Part(session, [row["name"] for row in await session.fetch(self.tables)])
