"""Memory of an API and a poller, idle and with 100,000 due updates, and their time to readiness."""

import asyncio
import time
from pathlib import Path

import httpx
import psutil

from bench import drain
from tests.processes import Deployment, free_port

DUE = 100_000
# Seconds that a poller works on them before it is measured; Walmart's answers take as long, which
# keeps its slots full meanwhile.
WORKING = 8.0


def measure(url: str, folder: Path, *, rounds: int) -> dict[str, list[float]]:
    """MiB resident, and seconds from the start of a process until it reports readiness."""
    found: dict[str, list[float]] = {}

    def note(name: str, figure: float) -> None:
        found.setdefault(name, []).append(figure)

    with drain.connected(url, folder) as (deployment, stores), drain.walmart(deployment, WORKING):
        for _ in range(rounds):
            for name, words in (("api", ("serve", "--no-poller")), ("poller", ("poller",))):
                note(f"{name}_ready_seconds", _start(deployment, name, *words))
                # The work after a start is done by then.
                time.sleep(1)
                note(f"{name}_idle_mib", _resident(deployment, name))
                deployment.stop(name)
        asyncio.run(drain.make_due(url, stores, DUE))
        for name, words in (("api", ("serve", "--no-poller")), ("poller", ("poller",))):
            port = free_port()
            _start(deployment, name, *words, port=port)
            if name == "api":
                _ask(deployment, port)
            time.sleep(WORKING)
            note(f"{name}_with_100000_due_mib", _resident(deployment, name))
            deployment.stop(name)
    return found


def _start(deployment: Deployment, name: str, *words: str, port: int = 0) -> float:
    port = port or free_port()
    began = time.perf_counter()
    deployment.start(name, *words, "--port", str(port))
    deployment.wait_for(f"http://127.0.0.1:{port}/readyz", name)
    return time.perf_counter() - began


def _ask(deployment: Deployment, port: int) -> None:
    headers = {"Authorization": f"Bearer {deployment.key}"}
    for path in ("/v1/updates", "/v1/orders", "/v1/orders/summary", "/metrics"):
        httpx.get(
            f"http://127.0.0.1:{port}{path}", headers=headers, trust_env=False, timeout=30
        ).raise_for_status()


def _resident(deployment: Deployment, name: str) -> float:
    return psutil.Process(deployment.processes[name].pid).memory_info().rss / 2**20
