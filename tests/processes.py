"""Waybill as it is deployed: simulator, API and pollers as separate processes."""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import httpx
from cryptography.fernet import Fernet

from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.tables import metadata
from tests.harness.waiting import LIMIT
from tests.tls import TLS

WAYBILL = (sys.executable, "-m", "app.cli.main")
_ROOT = Path(__file__).resolve().parent.parent

QUICK = {
    "WAYBILL_POLL_INTERVAL": "0.2",
    "WAYBILL_SURVEY_INTERVAL": "0.02",
    "WAYBILL_RETRY_BASE": "0.05",
    "WAYBILL_RETRY_CAP": "0.5",
    "WAYBILL_QUIET_PERIOD": "1",
    "WAYBILL_WALMART_TIMEOUT": "2",
    "WAYBILL_LEASE": "20",
    "WAYBILL_RECONCILE_INTERVAL": "0",
    "WAYBILL_IMPORT_INTERVAL": "0",
}


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Process(Protocol):
    """One of our processes, with the interface of `subprocess.Popen`."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, number: int, /) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


# Starts a `waybill` command: its arguments, its environment, and its output files.
Launch = Callable[[Sequence[str], Mapping[str, str], Path, Path], Process]


def executed(
    words: Sequence[str], environment: Mapping[str, str], out: Path, errors: Path
) -> subprocess.Popen[bytes]:
    """Start a `waybill` command in a new interpreter."""
    with out.open("wb") as output, ExitStack() as stack:
        return subprocess.Popen(
            [*WAYBILL, *words],
            cwd=_ROOT,
            env=environment,
            stdout=output,
            stderr=output if errors == out else stack.enter_context(errors.open("wb")),
            stdin=subprocess.DEVNULL,
        )


def run(
    launch: Launch, words: Sequence[str], environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a `waybill` command to its end."""
    with tempfile.TemporaryDirectory() as folder:
        out, errors = Path(folder) / "out", Path(folder) / "errors"
        code = launch(words, environment, out, errors).wait(LIMIT)
        return subprocess.CompletedProcess(words, code, out.read_text(), errors.read_text())


@dataclass
class Deployment:
    """The processes and their addresses. Each is ended by its id after the test."""

    api: str
    walmart: str
    key: str
    environment: Mapping[str, str]
    folder: Path
    launch: Launch = executed
    processes: dict[str, Process] = field(default_factory=dict)

    owner_url: str = ""
    """Of the database, as the role that owns the tables."""

    @property
    def database_url(self) -> str:
        return self.owner_url or self.environment["WAYBILL_DATABASE_URL"]

    def start(self, name: str, *words: str, **variables: str) -> Process:
        """Start a `waybill` command with its output in a file of this name.

        variables: added to its environment, beside the deployment's.
        """
        log = self.folder / f"{name}.log"
        # The library for another clock must be loaded first.
        launch = executed if "LD_PRELOAD" in variables else self.launch
        self.processes[name] = launch(words, {**self.environment, **variables}, log, log)
        return self.processes[name]

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a `waybill` command to its end; variables: added to its environment."""
        return run(self.launch, words, {**self.environment, **variables})

    def log(self, name: str) -> str:
        """The output of a process so far."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def stop(self, name: str) -> int:
        """Send SIGTERM to a process; return its exit code."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(LIMIT)

    def kill(self, name: str) -> None:
        """End a process as a power cut would."""
        process = self.processes.pop(name)
        process.kill()
        process.wait(LIMIT)

    def stop_all(self) -> None:
        for name in reversed(list(self.processes)):
            process = self.processes.pop(name)
            process.terminate()
            try:
                process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(LIMIT)

    def empty(self) -> None:
        """Delete all rows and Walmart's state, while the processes keep running."""
        asyncio.run(_truncate(self.database_url))
        simulator(self, "reset")

    def wait_for(self, url: str, name: str) -> None:
        """Wait until an address answers; fail with the process's output if it ends instead."""
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            if self.processes[name].poll() is not None:
                raise AssertionError(f"{name} ended:\n{self.log(name)}")
            try:
                if httpx.get(url, timeout=2, trust_env=False, verify=TLS).status_code < 500:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError(f"{name} does not answer:\n{self.log(name)}")

    def client(self) -> httpx.Client:
        """A Commerce integrator's client."""
        return httpx.Client(
            base_url=self.api,
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=LIMIT,
            trust_env=False,
            verify=TLS,
        )

    def async_client(self) -> httpx.AsyncClient:
        """The same client with async calls, for many requests at once."""
        return httpx.AsyncClient(
            base_url=self.api,
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=LIMIT,
            trust_env=False,
            verify=TLS,
            limits=httpx.Limits(max_connections=50, max_keepalive_connections=50),
        )


async def execute(url: str, *statements: str) -> None:
    """Execute statements in a deployment's database."""
    connection = await asyncpg.connect(**asyncpg_arguments(url))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def _truncate(url: str) -> None:
    connection = await asyncpg.connect(**asyncpg_arguments(url))
    tables = ", ".join(table.name for table in metadata.sorted_tables)
    # The audit has a trigger that forbids it.
    await connection.execute("SET session_replication_role = replica")
    while True:
        # A poller may be reading some of them.
        with contextlib.suppress(asyncpg.DeadlockDetectedError):
            # Store numbers continue: processes cache what they know of a store by its number.
            await connection.execute(f"TRUNCATE {tables} CONTINUE IDENTITY")
            break
    await connection.close()


@dataclass(frozen=True)
class Processes:
    """What the tests of a module share: the number of separate pollers, and the settings."""

    pollers: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def deployed(
    database_url: str,
    folder: Path,
    launch: Launch = executed,
    /,
    *,
    owner_url: str = "",
    pollers: int = 1,
    **settings: str,
) -> Iterator[Deployment]:
    """Start the simulator, an API without a poller, and pollers, all on 127.0.0.1.

    owner_url: of the database, where the role of database_url does not own the tables.
    """
    api_port, walmart_port = free_port(), free_port()
    key = f"wb_{secrets.token_urlsafe(32)}"
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("WAYBILL_")},
        **QUICK,
        "WAYBILL_DATABASE_URL": database_url,
        "WAYBILL_WALMART_BASE_URL": f"http://127.0.0.1:{walmart_port}",
        "WAYBILL_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "WAYBILL_ADMIN_KEY": key,
        **settings,
    }
    api, walmart = f"http://127.0.0.1:{api_port}", f"http://127.0.0.1:{walmart_port}"
    deployment = Deployment(api, walmart, key, environment, folder, launch, owner_url=owner_url)
    with ExitStack() as stack:
        stack.callback(deployment.stop_all)
        deployment.start("simulator", "simulator", "--port", str(walmart_port))
        deployment.start("api", "serve", "--no-poller", "--port", str(api_port))
        for number in range(pollers):
            deployment.start(f"poller-{number}", "poller")
        deployment.wait_for(f"{walmart}/simulator/ledger", "simulator")
        deployment.wait_for(f"{api}/readyz", "api")
        yield deployment


def a_store(client: httpx.Client, seller: str = "seller-1", **changes: Any) -> str:
    """Connect a store; return its id."""
    body = {
        "name": f"Store of {seller}",
        "walmart": {"client_id": seller, "client_secret": "right"},
        **changes,
    }
    answer = client.post("/v1/stores", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def an_order(
    deployment: Deployment,
    client: httpx.Client,
    store_id: str,
    purchase_order_id: str,
    *quantities: int,
    seller: str = "seller-1",
) -> dict[str, Any]:
    """Let a buyer order units at Walmart and import the order."""
    lines = [
        {"line_number": str(n), "sku": f"SKU-{n}", "quantity": units}
        for n, units in enumerate(quantities or (1,), start=1)
    ]
    at_walmart = {
        "client_id": seller,
        "purchase_order_id": purchase_order_id,
        "lines": lines,
        "status": "Acknowledged",
    }
    made = httpx.post(
        f"{deployment.walmart}/simulator/orders", json=at_walmart, trust_env=False, verify=TLS
    )
    assert made.is_success, made.text
    answer = client.post(
        "/v1/orders/import", json={"store_id": store_id, "purchase_order_id": purchase_order_id}
    )
    # A poller may have imported it already.
    assert answer.status_code in {200, 201}, answer.text
    order: dict[str, Any] = answer.json()
    return order


def until(question: Any, patience: float = LIMIT) -> Any:
    """Poll until the answer is true, and return it; fail with the last one.

    The longer it takes, the less often it polls: polling takes processor time from what it waits for.
    """
    deadline, pause = time.monotonic() + patience, 0.02
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"still {answer!r} after {patience} s")
        time.sleep(pause)
        pause = min(1.5 * pause, 0.2)


def ledger(deployment: Deployment, **query: str) -> list[dict[str, Any]]:
    """Every effect that Walmart applied, in order."""
    answer = httpx.get(
        f"{deployment.walmart}/simulator/ledger", params=query, trust_env=False, verify=TLS
    )
    entries = answer.raise_for_status().json()
    return list(entries["entries"] if isinstance(entries, dict) else entries)


def calls(deployment: Deployment, operation: str | None = None) -> list[dict[str, Any]]:
    """The calls that Walmart received, in order."""
    answer = httpx.get(f"{deployment.walmart}/simulator/calls", trust_env=False, verify=TLS)
    found = answer.raise_for_status().json()["calls"]
    return [each for each in found if operation in {None, each["operation"]}]


def simulator(deployment: Deployment, path: str, **body: Any) -> None:
    answer = httpx.post(
        f"{deployment.walmart}/simulator/{path}", json=body, trust_env=False, verify=TLS
    )
    answer.raise_for_status()


def shipped_orders(
    deployment: Deployment, client: httpx.Client, store: str, seller: str, count: int, first: int
) -> list[str]:
    """This many orders with one waiting shipment each; return their ids."""
    found = []
    for number in range(first, first + count):
        order = an_order(deployment, client, store, str(number), 1, seller=seller)
        path = f"/v1/orders/{order['id']}/shipments"
        answer = client.post(path, json={"carrier_code": "ups", "tracking_number": f"1Z{number}"})
        assert answer.status_code == 202, answer.text
        found.append(order["id"])
    return found


def faketime_library() -> str:
    """The library that gives a process another clock (Debian: apt-get install faketime)."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    assert found, "libfaketime is missing: apt-get install -y faketime"
    return str(found[0])
