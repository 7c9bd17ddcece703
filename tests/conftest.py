"""A real PostgreSQL for every test that touches data: each gets a clone of a migrated template."""

import asyncio
import itertools
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
import structlog

from app.storage import migrate
from app.storage.database import Database, open_database
from app.storage.embedded import EmbeddedPostgres
from app.storage.urls import asyncpg_arguments
from tests.world import World, open_world

_numbers = itertools.count(1)
# The pretty tracebacks of a large statement take seconds each.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        ),
    ]
)

# What a test database may forget at a crash, it may; nothing else about it is different.
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "128MB",
}


def database_url(server: str, name: str) -> str:
    """The server's URL, leading to another of its databases."""
    return server.replace("/waybill?", f"/{name}?")


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(**asyncpg_arguments(url))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def data_folder() -> Iterator[Path]:
    """A folder for databases.

    Not pytest's own: another pytest that starts meanwhile takes from that everybody's right
    to pass through, the one of PostgreSQL's account too.
    """
    with tempfile.TemporaryDirectory(prefix="waybill-tests-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def server_url(data_folder: Path) -> Iterator[str]:
    """A PostgreSQL server of this test process alone, with a migrated template database."""
    with EmbeddedPostgres.start(data_folder / "server", options=FAST) as server:
        migrate.upgrade(server.url)
        yield server.url


@contextmanager
def _fresh(server_url: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    admin = database_url(server_url, "postgres")
    asyncio.run(_execute(admin, f"CREATE DATABASE {name} TEMPLATE waybill"))
    yield database_url(server_url, name)
    asyncio.run(_execute(admin, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def fresh_url(server_url: str) -> Iterator[str]:
    """The URL of a new, migrated, empty database."""
    with _fresh(server_url) as url:
        yield url


@pytest.fixture
def other_url(server_url: str) -> Iterator[str]:
    """The URL of another such database, for a Waybill beside the first."""
    with _fresh(server_url) as url:
        yield url


@pytest.fixture
def empty_url(server_url: str) -> Iterator[str]:
    """The URL of a new database without any schema."""
    name = f"empty_{next(_numbers)}"
    admin = database_url(server_url, "postgres")
    asyncio.run(_execute(admin, f"CREATE DATABASE {name}"))
    yield database_url(server_url, name)
    asyncio.run(_execute(admin, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
async def database(fresh_url: str) -> AsyncIterator[Database]:
    """A pool on a new, migrated, empty database."""
    opened = open_database(fresh_url)
    yield opened
    await opened.close()


@pytest.fixture
async def world(fresh_url: str) -> AsyncIterator[World]:
    """A database, a Walmart, and the desk and pollers between them, in this process."""
    async with open_world(fresh_url) as opened:
        yield opened
