"""The embedded PostgreSQL as a real process: starting, surviving and stopping."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.postgres.embedded import EmbeddedPostgres
from app.storage.postgres.os_account import CannotStart

ROOT = Path(__file__).resolve().parents[2]
FAST = {"fsync": "off", "shared_buffers": "16MB"}


async def ask(server: EmbeddedPostgres, question: str) -> object:
    """Return one value from the server, over a new connection."""
    connection = await asyncpg.connect(**asyncpg_arguments(server.url))
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


def pid_of(folder: Path) -> int:
    """Return the process id of the server that runs on this folder."""
    return int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def has_pid_file(folder: Path) -> bool:
    """Whether a server runs on this folder, or died there."""
    return (folder / "postgres" / "postmaster.pid").exists()


def forge_pid_file(folder: Path, number: int) -> None:
    """Leave the file of a crashed server with the process id of another process."""
    pid_file = folder / "postgres" / "postmaster.pid"
    pid_file.write_text(f"{number}\n{folder / 'postgres'}\n1\n5432\n/tmp\n\n0 0\nready\n")
    os.chown(pid_file, folder.stat().st_uid, folder.stat().st_gid)


@pytest.fixture(scope="module")
def cluster(data_folder: Path) -> Path:
    """A data folder that was started and stopped once; creating it is slow."""
    folder = data_folder / "embedded" / "data dir's"
    folder.parent.mkdir()
    EmbeddedPostgres.start(folder, options=FAST).stop()
    return folder


@pytest.fixture
def long_cluster(cluster: Path, data_folder: Path) -> Iterator[Path]:
    """The same folder under a name too long for a socket."""
    long_name = data_folder / ("a" * 120)
    cluster.rename(long_name)
    yield long_name
    long_name.rename(cluster)


@pytest.fixture
def stranger(cluster: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """A process of the server's account that is not a server."""
    with subprocess.Popen(["sleep", "60"], user=cluster.stat().st_uid) as process:
        yield process
        process.terminate()


@pytest.fixture
def server(cluster: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres.start(cluster, options=FAST) as running:
        yield running


async def test_the_database_waybill_exists_and_uses_utf8(server: EmbeddedPostgres) -> None:
    assert await ask(server, "SELECT current_database()") == "waybill"
    assert await ask(server, "SELECT lower('ÄŻ')") == "äż"


async def test_options_reach_the_server_and_tcp_is_disabled(
    server: EmbeddedPostgres,
) -> None:
    assert await ask(server, "SHOW fsync") == "off"
    assert not await ask(server, "SHOW listen_addresses")


def test_only_the_owner_may_enter_the_data_folder(cluster: Path) -> None:
    assert stat.S_IMODE(cluster.stat().st_mode) == 0o700


async def test_data_survives_a_stop_and_a_start(cluster: Path) -> None:
    with EmbeddedPostgres.start(cluster, options=FAST) as first:
        await ask(first, "CREATE TABLE kept AS SELECT 7 AS number")
    assert not has_pid_file(cluster)
    with EmbeddedPostgres.start(cluster, options=FAST) as second:
        assert await ask(second, "SELECT number FROM kept") == 7


async def test_a_second_start_joins_and_the_last_user_stops_the_server(cluster: Path) -> None:
    with EmbeddedPostgres.start(cluster, options=FAST) as first:
        number = pid_of(cluster)
        with EmbeddedPostgres.start(cluster, options=FAST) as second:
            assert pid_of(cluster) == number
            first.stop()
            assert await ask(second, "SELECT 1") == 1
    assert not has_pid_file(cluster)


async def test_a_killed_server_is_started_again(cluster: Path) -> None:
    with EmbeddedPostgres.start(cluster, options=FAST) as first:
        os.kill(pid_of(cluster), signal.SIGKILL)
        with EmbeddedPostgres.start(cluster, options=FAST) as second:
            assert await ask(second, "SELECT 1") == 1
            first.stop()
            assert await ask(second, "SELECT 1") == 1
    assert not has_pid_file(cluster)


def test_the_server_of_a_killed_process_is_reused_and_stopped(cluster: Path) -> None:
    words = f"from {EmbeddedPostgres.__module__} import *; import os, pathlib, sys;"
    words += "EmbeddedPostgres.start(pathlib.Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", words, cluster], check=False, cwd=ROOT)
    number = pid_of(cluster)
    with EmbeddedPostgres.start(cluster):
        assert pid_of(cluster) == number
    assert not has_pid_file(cluster)


async def test_a_pid_file_of_another_process_does_not_prevent_a_start(
    cluster: Path, stranger: "subprocess.Popen[bytes]"
) -> None:
    forge_pid_file(cluster, stranger.pid)
    with EmbeddedPostgres.start(cluster, options=FAST) as server:
        assert await ask(server, "SELECT 1") == 1
    assert stranger.poll() is None


async def test_a_folder_name_too_long_for_a_socket_still_works(long_cluster: Path) -> None:
    with EmbeddedPostgres.start(long_cluster, options=FAST) as server:
        assert await ask(server, "SELECT 1") == 1


def test_a_failed_start_reports_why(cluster: Path) -> None:
    with pytest.raises(CannotStart, match="unrecognized configuration parameter"):
        EmbeddedPostgres.start(cluster, options={"no_such_setting": "on"})
