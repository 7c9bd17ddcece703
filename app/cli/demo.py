"""`waybill demo`, which is `make run`: database, simulator, API and poller in one command.

The simulator and the API run as processes of their own, as in a deployment. Secrets are stored in
the data folder, so that a second run can read its data.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
from cryptography.fernet import Fernet

from app.cli import demo_data
from app.cli.demo_data import CannotDemonstrate
from app.settings import Settings
from app.storage.postgres import migrate
from app.storage.postgres.embedded import EmbeddedPostgres

# Ctrl-C, kill, and a closed terminal.
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PATIENCE = 30.0


class _Stopped(Exception):
    """The process received a signal that ends it."""


@dataclass(frozen=True, slots=True)
class _Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def alive(self) -> None:
        """Raise CannotDemonstrate with the end of its log if it has ended."""
        if self.process.poll() is not None:
            words = "\n".join(self.log.read_text(errors="replace").splitlines()[-8:])
            raise CannotDemonstrate(f"the {self.name} ended:\n{words}")


def run(settings: Settings, *, port: int, simulator_port: int) -> int:
    """Run until Ctrl-C or SIGTERM; returns the exit code. Raises CannotDemonstrate."""
    for number in _ENDINGS:
        signal.signal(number, _on_signal)
    folder = settings.data_dir
    folder.mkdir(parents=True, exist_ok=True)
    kept = _secrets(folder)
    api, walmart = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{simulator_port}"
    try:
        print("Waybill: starting PostgreSQL …", flush=True)
        with EmbeddedPostgres.start(folder) as server:
            migrate.upgrade(server.url)
            environment = _environment(settings, kept, server.url, api, walmart)
            with (
                _child("simulator", folder, environment, "--port", str(simulator_port)) as first,
                _child("serve", folder, environment, "--port", str(port)) as second,
            ):
                _wait(f"{walmart}/simulator/faults", first)
                _wait(f"{api}/readyz", second)
                orders = demo_data.create_orders(api, walmart, kept["admin_key"])
                demo_data.subscribe(environment, api)
                link = demo_data.sign_in_link(environment)
                print(_welcome(api, walmart, kept["admin_key"], orders, link), flush=True)
                while True:
                    time.sleep(0.5)
                    first.alive()
                    second.alive()
    except _Stopped:
        print("\nWaybill: stopped, everything is saved.", flush=True)
        return 0


def _on_signal(_: int, __: FrameType | None) -> None:
    # A second Ctrl-C must not interrupt the clean-up.
    for number in _ENDINGS:
        signal.signal(number, signal.SIG_IGN)
    raise _Stopped


def _secrets(folder: Path) -> dict[str, str]:
    file = folder / "demo-secrets.json"
    if file.exists():
        kept: dict[str, str] = json.loads(file.read_text())
        return kept
    kept = {
        "encryption_key": Fernet.generate_key().decode(),
        "admin_key": f"wb_{secrets.token_urlsafe(32)}",
    }
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as opened:
        json.dump(kept, opened)
    return kept


def _environment(
    settings: Settings, kept: Mapping[str, str], url: str, api: str, walmart: str
) -> dict[str, str]:
    keys = settings.keys or [kept["encryption_key"]]
    return {
        "WAYBILL_LOG_FORMAT": "text",
        **os.environ,
        "WAYBILL_DATABASE_URL": url,
        # The demo uses its own database, whatever the environment says.
        "WAYBILL_DATABASE_DIRECT_URL": url,
        "WAYBILL_DATABASE_POOLER": "none",
        "WAYBILL_ENCRYPTION_KEYS": ",".join(keys),
        "WAYBILL_ADMIN_KEY": kept["admin_key"],
        "WAYBILL_WALMART_BASE_URL": walmart,
        "WAYBILL_PUBLIC_URL": api,
        "WAYBILL_DEMO_SIMULATOR": walmart,
        "WAYBILL_API_RATE": "0",
        # A trial of notifications receives them on this machine.
        "WAYBILL_NOTIFICATION_PRIVATE_NETWORKS": "allow",
    }


@contextmanager
def _child(
    command: str, folder: Path, environment: Mapping[str, str], *words: str
) -> Iterator[_Child]:
    log = folder / f"{command}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command, no shell
            [sys.executable, "-m", "app.cli.main", command, *words],
            env=dict(environment),
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            # Ctrl-C would reach the whole process group; the demo stops its children in order.
            start_new_session=True,
        )
    try:
        yield _Child(command, process, log)
    finally:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(url: str, child: _Child) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        child.alive()
        with suppress(httpx.TransportError):
            if httpx.get(url, timeout=2, trust_env=False).is_success:
                # Another program on the port could have answered: check that the child runs.
                time.sleep(0.1)
                child.alive()
                return
        time.sleep(0.05)
    raise CannotDemonstrate(
        f"`waybill {child.name}` gave no answer for {_PATIENCE:g} seconds; see {child.log}"
    )


def _welcome(api: str, walmart: str, key: str, orders: list[dict[str, Any]], link: str) -> str:
    first, second, third = orders[0]["id"], orders[1]["id"], orders[2]["id"]
    return f"""
Waybill is running.

  The page            {link}
                      (it signs you in, once, within 10 minutes; after that sign in at
                      {api}/ with the API key)
  API and its docs    {api}/docs
  Walmart simulator   {walmart}/
  API key             {key}

Try it (in another terminal):

  export WAYBILL={api} SIMULATOR={walmart} KEY={key}
  export ORDER={first} OTHER={second} THIRD={third}

  # ship one unit of the first line, then all that remains
  curl -s -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\
    $WAYBILL/v1/orders/$ORDER/shipments -d '{{"carrier_code": "ups",
    "tracking_number": "1Z999AA10123456784", "items": [{{"line_number": "1", "quantity": 1}}]}}'
  curl -s -H "Authorization: Bearer $KEY" $WAYBILL/v1/orders/$ORDER

  # cancel another order
  curl -s -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\
    $WAYBILL/v1/orders/$OTHER/cancellation -d '{{"reason": "out_of_stock"}}'

  # a buyer orders at Walmart: the order is here, and acknowledged, within a second or two
  curl -s $SIMULATOR/simulator/orders -d '{{"client_id": "demo",
    "lines": [{{"line_number": "1", "sku": "TEAPOT", "quantity": 2}}]}}'
  curl -s -H "Authorization: Bearer $KEY" "$WAYBILL/v1/orders?without_commerce_order=true"

The README goes on from here. Ctrl-C stops everything.
"""
