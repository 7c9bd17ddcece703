"""The embedded PostgreSQL, really started: what it survives and who stops it."""

import asyncio
import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from app.storage.embedded import EmbeddedPostgres
from app.storage.urls import asyncpg_arguments

FAST = {"fsync": "off", "shared_buffers": "16MB"}


async def ask(server: EmbeddedPostgres, question: str) -> object:
    """One answer from the server, over a connection of its own."""
    connection = await asyncpg.connect(**asyncpg_arguments(server.url))
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


def pid_of(folder: Path) -> int:
    """The number of the server that runs on this folder."""
    return int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def gone(number: int) -> bool:
    """Whether a process has ended; one that its parent has not looked after yet has, too."""
    try:
        return psutil.Process(number).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that has been started and stopped once; making it is the slow part."""
    folder = tmp_path_factory.mktemp("embedded") / "data dir's"
    EmbeddedPostgres.start(folder, options=FAST).stop()
    return folder


@pytest.fixture
def server(cluster: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres.start(cluster, options=FAST) as running:
        yield running


async def test_the_database_waybill_is_there_and_speaks_unicode(server: EmbeddedPostgres) -> None:
    assert await ask(server, "SELECT current_database()") == "waybill"
    assert await ask(server, "SELECT lower('ÄŻ')") == "äż"


async def test_options_reach_the_server_and_nothing_listens_on_tcp(
    server: EmbeddedPostgres,
) -> None:
    assert await ask(server, "SHOW fsync") == "off"
    assert not await ask(server, "SHOW listen_addresses")


def test_only_the_owner_may_enter_the_data_folder(cluster: Path) -> None:
    assert stat.S_IMODE(cluster.stat().st_mode) == 0o700


async def test_what_was_written_is_there_after_a_stop_and_a_start(cluster: Path) -> None:
    with EmbeddedPostgres.start(cluster, options=FAST) as first:
        await ask(first, "SELECT set_config('a.b', 'c', false)")
        await ask(first, "CREATE TABLE kept AS SELECT 7 AS number")
    assert not (cluster / "postgres" / "postmaster.pid").exists()
    with EmbeddedPostgres.start(cluster, options=FAST) as second:
        assert await ask(second, "SELECT number FROM kept") == 7


async def test_a_second_start_joins_and_the_last_to_leave_stops_it(cluster: Path) -> None:
    first = EmbeddedPostgres.start(cluster, options=FAST)
    number = pid_of(cluster)
    second = EmbeddedPostgres.start(cluster, options=FAST)
    assert pid_of(cluster) == number
    first.stop()
    assert await ask(second, "SELECT 1") == 1
    second.stop()
    assert gone(number)


async def test_a_killed_server_is_started_again(cluster: Path) -> None:
    first = EmbeddedPostgres.start(cluster, options=FAST)
    os.kill(pid_of(cluster), signal.SIGKILL)
    await asyncio.to_thread(psutil.wait_procs, psutil.Process().children(recursive=True), 1)
    with EmbeddedPostgres.start(cluster, options=FAST) as second:
        assert await ask(second, "SELECT 1") == 1
        first.stop()
        assert await ask(second, "SELECT 1") == 1


async def test_a_pid_file_that_names_a_stranger_does_not_stop_a_start(cluster: Path) -> None:
    pid_file = cluster / "postgres" / "postmaster.pid"
    owner = cluster.stat()
    with subprocess.Popen(["sleep", "60"], user=owner.st_uid) as stranger:
        pid_file.write_text(
            f"{stranger.pid}\n{cluster / 'postgres'}\n1\n5432\n/tmp\n\n0 0\nready\n"
        )
        os.chown(pid_file, owner.st_uid, owner.st_gid)
        with EmbeddedPostgres.start(cluster, options=FAST) as server:
            assert await ask(server, "SELECT 1") == 1
        assert stranger.poll() is None
        stranger.terminate()


async def test_a_folder_name_too_long_for_a_socket_still_works(
    cluster: Path, tmp_path: Path
) -> None:
    long_name = tmp_path / ("a" * 120)
    cluster.rename(long_name)
    try:
        with EmbeddedPostgres.start(long_name, options=FAST) as server:
            assert await ask(server, "SELECT 1") == 1
    finally:
        long_name.rename(cluster)
