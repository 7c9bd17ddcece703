"""Calls a second through httpx: its own connection pool compared with our transport."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable

import httpx
import uvloop

from app.http_client.transport import AiohttpTransport
from bench.peers import body
from tests.processes import free_port

CALLS = 1000
_BODY = json.dumps(body()).encode()
_HEADERS = {"Content-Type": "application/json", "WM_SEC.ACCESS_TOKEN": "t" * 200}


def measure(*, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Calls a second at 16 and 64 in flight, one figure per round, interleaved."""
    port = free_port()
    sink = subprocess.Popen([sys.executable, "-m", "bench.sink", str(port)])
    try:
        time.sleep(1)
        return uvloop.run(_measure(f"http://127.0.0.1:{port}/v3/orders/1/shipping", rounds))
    finally:
        sink.terminate()
        sink.wait(10)


async def _measure(url: str, rounds: int) -> dict[str, dict[str, list[float]]]:
    found: dict[str, dict[str, list[float]]] = {}
    for in_flight in (16, 64):
        figures: dict[str, list[float]] = {"httpx": [], "ours": []}
        for _ in range(rounds):
            figures["httpx"].append(await _rate(url, in_flight, _httpx))
            figures["ours"].append(await _rate(url, in_flight, _ours))
        found[str(in_flight)] = figures
    return found


def _httpx(connections: int) -> httpx.AsyncBaseTransport:
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    return httpx.AsyncHTTPTransport(limits=limits)


def _ours(connections: int) -> httpx.AsyncBaseTransport:
    return AiohttpTransport(max_connections=connections, keep_alive=20)


async def _rate(
    url: str, in_flight: int, transport: Callable[[int], httpx.AsyncBaseTransport]
) -> float:
    left = CALLS
    async with httpx.AsyncClient(transport=transport(in_flight), trust_env=False) as http:

        async def call() -> None:
            (await http.post(url, headers=_HEADERS, content=_BODY)).raise_for_status()

        async def work() -> None:
            nonlocal left
            while left > 0:
                left -= 1
                await call()

        await asyncio.gather(*(call() for _ in range(in_flight)))
        began = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(in_flight)))
        return CALLS / (time.perf_counter() - began)
