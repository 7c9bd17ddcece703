"""A real PostgreSQL for every test that touches data, and how properties run."""

import asyncio
import gc
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import structlog
from hypothesis import HealthCheck, settings

from app import logs
from app.storage.postgres.database import Database
from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.postgres.embedded import EmbeddedPostgres
from tests.harness import citus, modes
from tests.harness.databases import Server, database_url, migrated
from tests.harness.kept import KeptDatabases
from tests.harness.world import IMPATIENT, PATIENT, World, open_world

# On a busy machine an example takes seconds, and drawing it too: neither is a fault.
settings.register_profile("waybill", deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile("waybill")

# The pretty tracebacks of a large statement take seconds each.
structlog.configure(
    processors=[
        logs.add_about,
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        ),
    ]
)

_SHM = Path("/dev/shm")  # noqa: S108 - a folder in it is made with a name of its own
_ROOM = 4 * 2**30  # bytes, for all workers

# What a test database may forget at a crash, it may; nothing else about it is different.
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "max_wal_size": "256MB",
    "shared_buffers": "128MB",
}


def pytest_collection_finish() -> None:
    """Collect garbage as `waybill serve` does: it took a tenth of the time."""
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave tests of one PostgreSQL out on a cluster."""
    modes.leave_out(config, items)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Learn from a process of pytest-xdist what it left out."""
    modes.learn(getattr(node, "workeroutput", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count what was left out."""
    for line in modes.lines():
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def data_folder() -> Iterator[Path]:
    """A folder for databases.

    It is not pytest's own: another pytest that starts meanwhile makes that folder private to its
    account, and PostgreSQL runs as another one.
    """
    with tempfile.TemporaryDirectory(prefix="waybill-tests-", dir=_memory()) as folder:
        yield Path(folder)


def _memory() -> Path | None:
    """Return Linux's file system in memory, if it has room: a database is made there in 40 ms.

    On a disk that takes up to ten times as long. A container has 64 MB there by default.
    """
    if _SHM.is_dir() and os.access(_SHM, os.W_OK) and shutil.disk_usage(_SHM).free >= _ROOM:
        return _SHM
    return None


@pytest.fixture(scope="session")
def server(data_folder: Path) -> Iterator[Server]:
    """A PostgreSQL server of this test process alone, or the servers of a cluster."""
    if citus.ADDRESS:
        with citus.opened() as cluster:
            yield cluster
        return
    with (
        EmbeddedPostgres.start(data_folder / "server", options=FAST) as started,
        asyncio.Runner() as runner,
    ):
        migrated(started.url)
        admin = database_url(started.url, "postgres")
        connection = runner.run(asyncpg.connect(**asyncpg_arguments(admin)))
        opened = Server(started.url, runner, [connection])
        yield opened
        opened.close()


@pytest.fixture
def fresh_url(server: Server) -> Iterator[str]:
    """The URL of a migrated database without rows, as new."""
    with server.reused() as url:
        yield url


@pytest.fixture
def other_url(server: Server) -> Iterator[str]:
    """The URL of another such database, for a Waybill beside the first."""
    with server.reused() as url:
        yield url


@pytest.fixture
def empty_url(server: Server) -> Iterator[str]:
    """The URL of a new database without any schema."""
    with server.fresh("template1") as url:
        yield url


@pytest.fixture(scope="session")
async def kept(server: Server) -> AsyncIterator[KeptDatabases]:
    """Open databases, which tests hand to each other."""
    opened = KeptDatabases(keeps=not server.urls)
    server.kept = opened.sessions
    yield opened
    await opened.close()


@pytest.fixture
async def database(fresh_url: str, kept: KeptDatabases) -> AsyncIterator[Database]:
    """A pool on a migrated database without rows."""
    async with kept.lent(fresh_url) as lent:
        yield lent


@pytest.fixture
async def world(
    database: Database, fresh_url: str, request: pytest.FixtureRequest
) -> AsyncIterator[World]:
    """A database, a Walmart, and the use cases and pollers between them, in this process."""
    impatient = request.node.get_closest_marker("impatient")
    timeout = IMPATIENT if impatient else PATIENT
    async with open_world(fresh_url, timeout=timeout, database=database) as opened:
        yield opened
