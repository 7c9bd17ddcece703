"""A cluster (Citus) in place of a test process's own server, where WAYBILL_CITUS names one.

The tests get databases of that cluster: copies, on every node, of a template that is migrated and
distributed once for each test process. With one shard nothing would be refused, so it has two.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from app.storage.postgres import grants, migrate
from app.storage.postgres.dsn import asyncpg_arguments
from tests.harness.databases import APPLICATION, Server, database_url

ADDRESS = os.environ.get("WAYBILL_CITUS", "")
"""Of the coordinator, as a superuser, with a database that has the extension and all nodes."""
SHARDS = 2
_NODES = """
    SELECT nodename AS host, nodeport AS port FROM pg_dist_node
     WHERE noderole = 'primary' AND (groupid = 0 OR shouldhaveshards) ORDER BY groupid
"""
_ROLE = f"""
    DO $$ BEGIN CREATE ROLE {APPLICATION} LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation
      THEN NULL; END $$
"""
_END = "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = $1"
# Tables that are one relation here; those of several nodes are a relation for each shard.
_SHARDS = """
    SELECT shard_name(s.logicalrelid, s.shardid) AS name
      FROM pg_dist_shard s JOIN pg_dist_placement p USING (shardid)
     WHERE p.groupid = (SELECT groupid FROM pg_dist_local_group)
"""


@contextmanager
def opened(shards: int = SHARDS) -> Iterator[Server]:
    """A server that makes databases of the cluster; its template is dropped at the end."""
    template = f"waybill_{os.getpid()}"
    with asyncio.Runner() as runner:
        urls = runner.run(_urls())
        admins = [runner.run(_connected(database_url(url, "postgres"))) for url in urls]
        server = Server(
            urls[0],
            runner,
            admins,
            template=template,
            prefix=f"test_{os.getpid()}",
            tables=_SHARDS,
            urls=urls,
        )
        try:
            runner.run(_made(urls, admins, template))
            _distributed(database_url(urls[0], template), shards)
            runner.run(_closed(admins, template))
            yield server
        finally:
            server.execute(f"DROP DATABASE IF EXISTS {template} WITH (FORCE)")
            server.close()


def nodes_of(server: Server, url: str) -> list[str]:
    """The addresses of a database on each node, the coordinator's first."""
    name = urlsplit(url).path[1:]
    return [database_url(each, name) for each in server.urls]


async def _urls() -> list[str]:
    connection = await _connected(ADDRESS)
    try:
        found = await connection.fetch(_NODES)
    finally:
        await connection.close()
    # The form of an embedded server's address, which tests take apart.
    return [
        f"postgresql://postgres@/waybill?host={row['host']}&port={row['port']}" for row in found
    ]


async def _connected(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(**asyncpg_arguments(url), timeout=60)


async def _made(urls: Sequence[str], admins: Sequence[asyncpg.Connection], name: str) -> None:
    """Make an empty cluster of databases of this name."""
    for url, admin in zip(urls, admins, strict=True):
        await admin.execute(_ROLE)
        await admin.execute(f"CREATE DATABASE {name}")
        connection = await _connected(database_url(url, name))
        await connection.execute("CREATE EXTENSION citus")
        await connection.close()
    connection = await _connected(database_url(urls[0], name))
    places = [asyncpg_arguments(url) for url in urls]
    await connection.execute(
        f"SELECT citus_set_coordinator_host('{places[0]['host']}', {places[0]['port']})"
    )
    for place in places[1:]:
        await connection.execute(f"SELECT citus_add_node('{place['host']}', {place['port']})")
    await connection.close()


def _distributed(url: str, shards: int) -> None:
    migrate.upgrade(url)
    command = [sys.executable, "-m", "app.cli.main", "distribute", "--shards", str(shards)]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("WAYBILL_")}
    said = subprocess.run(
        command,
        env=clean | {"WAYBILL_DATABASE_URL": url, "WAYBILL_MIGRATION_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    grants.give(url, APPLICATION)


async def _closed(admins: Sequence[asyncpg.Connection], name: str) -> None:
    """End all sessions of a template, and let none begin: Citus has one of its own in each."""
    for admin in admins:
        await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await admin.fetch(_END, name)


@asynccontextmanager
async def empty() -> AsyncIterator[list[str]]:
    """An empty cluster of databases of one name; yields their addresses, the coordinator's first.

    No table is there. They are dropped at the end.
    """
    name = f"test_{uuid4().hex[:12]}"
    urls = await _urls()
    async with AsyncExitStack() as stack:
        admins = []
        for url in urls:
            admins.append(await _connected(database_url(url, "postgres")))
            stack.push_async_callback(admins[-1].close)
        try:
            await _made(urls, admins, name)
            yield [database_url(url, name) for url in urls]
        finally:
            for admin in admins:
                await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
