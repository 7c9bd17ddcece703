"""Waybill processes that do not import it again: importing takes two seconds of processor time.

A server imports everything once and forks each process from then on. A process has its own
environment, output and exit code, and runs what `python -m app.cli.main` runs.
"""

import multiprocessing
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from tests import processes
from tests.harness.databases import as_application

_ROOT = Path(__file__).resolve().parent.parent
_forks = multiprocessing.get_context("forkserver")
# Modules that the commands import when they run.
_forks.set_forkserver_preload(
    [
        "tests.forked",
        "app.cli.main",
        "app.cli.doctor",
        "app.cli.import_shipments",
        "app.cli.api_keys",
        "app.cli.poller",
        "app.cli.reconcile",
        "app.cli.recover",
        "app.cli.migrate",
        "app.cli.serve",
        "app.simulator.serve",
        "app.web.probes",
        "app.cli.webhooks",
    ]
)


class Forked:
    """A `waybill` command, with the interface of `subprocess.Popen`.

    descriptors: the soft limit of its file descriptors; None for that of the tests.
    """

    def __init__(
        self,
        words: Sequence[str],
        environment: Mapping[str, str],
        out: Path,
        errors: Path,
        descriptors: int | None = None,
    ) -> None:
        arguments = (list(words), dict(environment), str(out), str(errors), descriptors)
        self._process = _forks.Process(target=_run, args=arguments)
        self._process.start()

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; return the exit code. Raises TimeoutExpired."""
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("waybill", timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


def _run(
    words: list[str], environment: dict[str, str], out: str, errors: str, descriptors: int | None
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(_ROOT)
    for stream, name in ((1, out), (2, errors)):
        # It may be the same file: each appends to it.
        opened = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        os.dup2(opened, stream)
        os.close(opened)
    if descriptors is not None:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, hard))
    sys.argv = ["waybill", *words]
    from app.cli.main import main

    main()


def deployed(
    database_url: str, folder: Path, *, pollers: int = 1, **settings: str
) -> AbstractContextManager[processes.Deployment]:
    """Start a deployment like `processes.deployed`, with forked processes.

    They run as the application's role, which owns no table; the test itself as the superuser.
    """
    limited = as_application(database_url)
    return processes.deployed(
        limited, folder, Forked, owner_url=database_url, pollers=pollers, **settings
    )
