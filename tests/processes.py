"""Waybill as it is deployed: simulator, API and pollers as processes of their own."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from cryptography.fernet import Fernet

from tests.tls import TLS

WAYBILL = (sys.executable, "-m", "app.cli")
_ROOT = Path(__file__).resolve().parent.parent
# Seconds; a machine under load gets time, a test never waits for them when all is well.
_PATIENCE = 60.0

QUICK = {
    "WAYBILL_POLL_INTERVAL": "0.2",
    "WAYBILL_RETRY_BASE": "0.05",
    "WAYBILL_RETRY_CAP": "0.5",
    "WAYBILL_QUIET_PERIOD": "1",
    "WAYBILL_WALMART_TIMEOUT": "2",
    "WAYBILL_LEASE": "20",
    "WAYBILL_RECONCILE_INTERVAL": "0",
    "WAYBILL_IMPORT_INTERVAL": "0",
}


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Deployment:
    """The processes, and how to reach them. Each is ended by its id when the test is over."""

    api: str
    walmart: str
    key: str
    environment: Mapping[str, str]
    folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *words: str, **variables: str) -> subprocess.Popen[bytes]:
        """Start a `waybill` command; its output goes to a file named after it.

        variables: of its environment, besides the deployment's.
        """
        log = (self.folder / f"{name}.log").open("wb")
        process = subprocess.Popen(
            [*WAYBILL, *words],
            cwd=_ROOT,
            env={**self.environment, **variables},
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        log.close()
        self.processes[name] = process
        return process

    def log(self, name: str) -> str:
        """What a process has written so far."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def stop(self, name: str) -> int:
        """Ask a process to end, and answer its exit code."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(_PATIENCE)

    def kill(self, name: str) -> None:
        """End a process as a power cut would."""
        process = self.processes.pop(name)
        process.kill()
        process.wait(_PATIENCE)

    def stop_all(self) -> None:
        for name in reversed(list(self.processes)):
            process = self.processes.pop(name)
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(15)

    def wait_for(self, url: str, name: str) -> None:
        """Wait until an address answers; fail with the process's own words if it ends instead."""
        deadline = time.monotonic() + _PATIENCE
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
            timeout=30,
            trust_env=False,
            verify=TLS,
        )

    def async_client(self) -> httpx.AsyncClient:
        """The same, for many requests at once."""
        return httpx.AsyncClient(
            base_url=self.api,
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=60,
            trust_env=False,
            verify=TLS,
            limits=httpx.Limits(max_connections=50, max_keepalive_connections=50),
        )


@contextmanager
def deployed(
    database_url: str, folder: Path, *, pollers: int = 1, **settings: str
) -> Iterator[Deployment]:
    """Start the simulator, an API without a poller, and pollers, all on 127.0.0.1."""
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
    deployment = Deployment(api, walmart, key, environment, folder)
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
    """Connect a store; answers its id."""
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
    assert answer.status_code == 201, answer.text
    order: dict[str, Any] = answer.json()
    return order


def until(question: Any, patience: float = _PATIENCE) -> Any:
    """Ask until the answer is true, and answer it; fail with the last one."""
    deadline = time.monotonic() + patience
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"still {answer!r} after {patience} s")
        time.sleep(0.05)


def ledger(deployment: Deployment, **query: str) -> list[dict[str, Any]]:
    """Every effect that Walmart applied, in order."""
    answer = httpx.get(
        f"{deployment.walmart}/simulator/ledger", params=query, trust_env=False, verify=TLS
    )
    entries = answer.raise_for_status().json()
    return list(entries["entries"] if isinstance(entries, dict) else entries)


def calls(deployment: Deployment, operation: str | None = None) -> list[dict[str, Any]]:
    """What Walmart was asked, in order."""
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
    """So many orders with one shipment each that waits for Walmart; their ids."""
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
