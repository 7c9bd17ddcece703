"""A real PgBouncer in transaction mode in front of a test's PostgreSQL."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.harness.databases import APPLICATION
from tests.harness.waiting import LIMIT
from tests.processes import free_port

# Fewer server connections than any of our processes has clients, so that they are really shared.
POOL_SIZE = 3
# A process of root must change to another account; this one exists wherever Debian's PostgreSQL does.
_ACCOUNTS = ("postgres", "nobody")


@contextmanager
def pgbouncer(url: str, folder: Path) -> Iterator[str]:
    """Start a PgBouncer for the server of this URL; yield the URL through it."""
    parts = urlsplit(url)
    host = parse_qs(parts.query)["host"][0]
    port = free_port()
    folder.mkdir(mode=0o755, exist_ok=True)
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(
        f"""[databases]
* = host={host} user={APPLICATION}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {POOL_SIZE}
max_client_conn = 300
logfile = {folder / "pgbouncer.log"}
pidfile = {folder / "pgbouncer.pid"}
"""
    )
    command = [shutil.which("pgbouncer") or "/usr/sbin/pgbouncer", str(configuration)]
    if os.geteuid() == 0:
        account = next(name for name in _ACCOUNTS if _exists(name))
        shutil.chown(folder, account)
        command[1:1] = ["-u", account]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _wait(port, process)
        yield f"postgresql://postgres@127.0.0.1:{port}{parts.path}"
    finally:
        process.terminate()
        process.communicate(timeout=LIMIT)


def _exists(account: str) -> bool:
    return subprocess.run(["id", account], capture_output=True, check=False).returncode == 0


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        if process.poll() is not None:
            _, complaint = process.communicate()
            raise AssertionError(f"PgBouncer ended: {complaint.decode()} ({getpass.getuser()})")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("PgBouncer does not listen")
