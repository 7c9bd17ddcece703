"""`python -m bench.floods [seconds]`: slow clients, floods, huge and hostile bodies, and `/livez`.

Each attack runs for so many seconds against an API process of its own kind of load, while another
client asks `/livez` four times a second. It prints the slowest answer of `/livez` and the most
memory that the process held. Exits with 1 if one of them took a second or was not 200.
"""

import asyncio
import contextlib
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil

from app.storage.postgres import migrate
from app.storage.postgres.embedded import EmbeddedPostgres
from tests.processes import Deployment, deployed

_SLOWEST = 1.0
_CLIENTS = 200
_SLOW_CLIENTS = 1_500
_HOSTILE = (
    b"[" * 100_000,
    b'{"a":' * 40_000,
    b"9" * 200_000,
    b'{"items": [' + b'{"sku": "x"},' * 15_000 + b"{}]}",
    b"{" + b",".join(b'"k%d": 1' % n for n in range(20_000)) + b"}",
    b"\xff" * 250_000,
    b'{"a": "' + b"\\ud800" * 30_000 + b'"}',
)


@dataclass
class Victim:
    """The process under attack, and what was seen of it."""

    deployment: Deployment
    process: psutil.Process
    slowest: float = 0.0
    unanswered: int = 0
    megabytes: float = 0.0
    answers: Counter[int | str] = field(default_factory=Counter)

    @property
    def where(self) -> tuple[str, int]:
        """Host and port."""
        address = urlsplit(self.deployment.api)
        return address.hostname or "", address.port or 80

    async def weigh(self) -> None:
        """Note the memory four times a second until canceled."""
        while True:
            self.megabytes = max(self.megabytes, self.process.memory_info().rss / 2**20)
            await asyncio.sleep(0.25)


def look(url: str, seconds: float) -> tuple[float, int]:
    """Ask `/livez` four times a second: the slowest answer in seconds, and how many failed."""
    slowest, unanswered, end = 0.0, 0, time.monotonic() + seconds
    with httpx.Client(base_url=url, timeout=10, trust_env=False) as client:
        while time.monotonic() < end:
            began = time.monotonic()
            try:
                unanswered += client.get("/livez").status_code != 200
            except httpx.HTTPError:
                unanswered += 1
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.25)
    return slowest, unanswered


async def _slow_clients(victim: Victim, until: float) -> None:
    """Headers that are never complete."""

    async def one() -> None:
        while time.monotonic() < until:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(*victim.where)
                writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n")
                while time.monotonic() < until:
                    writer.write(b"X-A: 1\r\n")
                    await writer.drain()
                    await asyncio.sleep(2)
                writer.close()
            await asyncio.sleep(0.5)

    await asyncio.gather(*(one() for _ in range(_SLOW_CLIENTS)))


async def _slow_bodies(victim: Victim, until: float) -> None:
    """Bodies of which a byte comes every other second."""
    head = f"Authorization: Bearer {victim.deployment.key}\r\nContent-Type: application/json\r\n"
    lines = f"POST /v1/orders HTTP/1.1\r\nHost: x\r\n{head}Content-Length: 200000\r\n\r\n"

    async def one() -> None:
        while time.monotonic() < until:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(*victim.where)
                writer.write(lines.encode())
                while time.monotonic() < until:
                    writer.write(b"[")
                    await writer.drain()
                    await asyncio.sleep(2)
                writer.close()
            await asyncio.sleep(0.5)

    await asyncio.gather(*(one() for _ in range(_CLIENTS)))


async def _wrong_keys(victim: Victim, until: float) -> None:
    """Guessed keys, as fast as answers come."""
    async with _clients(victim) as client:

        async def one() -> None:
            while time.monotonic() < until:
                headers = {"Authorization": f"Bearer wb_{secrets.token_urlsafe(32)}"}
                await _send(victim, client.get("/v1/orders", headers=headers))

        await asyncio.gather(*(one() for _ in range(_CLIENTS)))


async def _requests(victim: Victim, until: float) -> None:
    """Lists, with a right key, as fast as answers come."""
    async with _clients(victim, key=victim.deployment.key) as client:

        async def one() -> None:
            while time.monotonic() < until:
                await _send(victim, client.get("/v1/orders?limit=200"))

        await asyncio.gather(*(one() for _ in range(_CLIENTS)))


async def _huge_bodies(victim: Victim, until: float) -> None:
    """Bodies of 64 MiB, some of them without a length."""

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(1024):
            yield b"x" * 65_536

    async with _clients(victim, key=victim.deployment.key) as client:

        async def one() -> None:
            while time.monotonic() < until:
                await _send(victim, client.post("/v1/orders", content=endless()))

        await asyncio.gather(*(one() for _ in range(20)))


async def _hostile_bodies(victim: Victim, until: float) -> None:
    """Bodies within the limits that are costly to read or to refuse."""
    async with _clients(victim, key=victim.deployment.key) as client:
        paths = ("/v1/orders", "/v1/stores", "/v1/updates/retry", "/v1/shipments/bulk?store_id=x")

        async def one(number: int) -> None:
            while time.monotonic() < until:
                for body in _HOSTILE:
                    headers = {"Content-Type": "application/json"}
                    path = paths[number % len(paths)]
                    await _send(victim, client.post(path, content=body, headers=headers))

        await asyncio.gather(*(one(n) for n in range(40)))


def _clients(victim: Victim, key: str | None = None) -> httpx.AsyncClient:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    limits = httpx.Limits(max_connections=_CLIENTS)
    return httpx.AsyncClient(
        base_url=victim.deployment.api, headers=headers, limits=limits, timeout=60, trust_env=False
    )


async def _send(victim: Victim, asked: Awaitable[httpx.Response]) -> None:
    try:
        victim.answers[(await asked).status_code] += 1
    except httpx.HTTPError as error:
        victim.answers[type(error).__name__] += 1


ATTACKS: tuple[Callable[[Victim, float], Awaitable[None]], ...] = (
    _slow_clients,
    _slow_bodies,
    _wrong_keys,
    _requests,
    _huge_bodies,
    _hostile_bodies,
)


async def _attacked(
    victim: Victim, attack: Callable[..., Awaitable[None]], seconds: float, pool: Executor
) -> None:
    weighing = asyncio.create_task(victim.weigh())
    # In a process of its own: an attack takes the time of its own loop too.
    looking = asyncio.get_running_loop().run_in_executor(
        pool, look, victim.deployment.api, seconds + 0.5
    )
    await attack(victim, time.monotonic() + seconds)
    victim.slowest, victim.unanswered = await looking
    weighing.cancel()
    await asyncio.gather(weighing, return_exceptions=True)


def main() -> int:
    """Attack and print."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    wrong = 0
    with (
        ProcessPoolExecutor(1, get_context("spawn")) as pool,
        tempfile.TemporaryDirectory() as folder,
    ):
        folder_path = Path(folder)
        with EmbeddedPostgres.start(folder_path / "data") as server:
            migrate.upgrade(server.url)
            quiet = {"WAYBILL_LOG_LEVEL": "error"}
            with deployed(server.url, folder_path, pollers=0, **quiet) as deployment:
                process = psutil.Process(deployment.processes["api"].pid)
                for attack in ATTACKS:
                    victim = Victim(deployment, process)
                    asyncio.run(_attacked(victim, attack, seconds, pool))
                    print(
                        f"{attack.__name__.strip('_'):15} slowest /livez {victim.slowest:6.3f} s, "
                        f"{victim.unanswered} unanswered; {victim.megabytes:6.1f} MiB; "
                        f"{dict(victim.answers)}"
                    )
                    wrong += victim.slowest >= _SLOWEST or victim.unanswered > 0
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
