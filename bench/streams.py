"""`python -m bench.streams [rounds]`: accepting shipments beside 200 open pages, and without them.

The streams of hints and the shipments share one process of the API. Both take turns within each
round. The pages are connections that read what comes and ask for nothing more.
"""

import asyncio
import statistics
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.storage.postgres import migrate
from app.storage.postgres.embedded import EmbeddedPostgres
from app.web.live import MOST_OF_ONE
from bench import accept
from tests.processes import Deployment, a_store, deployed

STREAMS = 200
_ORDERS = 60_000
_CONNECTIONS = 16
_SETTINGS = {
    "WAYBILL_LOG_LEVEL": "warning",
    "WAYBILL_POLL_INTERVAL": "5",
    "WAYBILL_API_RATE": "0",
}
_REQUEST = "GET /v1/events HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {}\r\n\r\n"


def run(*, rounds: int, seconds: float) -> dict[str, list[float]]:
    """Shipments a second with and without the streams, one figure of each for each round."""
    with tempfile.TemporaryDirectory() as folder:
        folder_path = Path(folder)
        with EmbeddedPostgres.start(folder_path / "data") as server:
            migrate.upgrade(server.url)
            with deployed(server.url, folder_path, pollers=0, **_SETTINGS) as deployment:
                return _measure(deployment, server.url, folder_path, rounds, seconds)


def _measure(
    deployment: Deployment, database_url: str, folder: Path, rounds: int, seconds: float
) -> dict[str, list[float]]:
    with deployment.client() as client:
        store = a_store(client, "seller-streams")
        people = [{"name": f"page {n}", "scope": "read"} for n in range(STREAMS // MOST_OF_ONE)]
        keys = [client.post("/v1/keys", json=each).json()["secret"] for each in people]
    listing = folder / "orders"
    listing.write_text("\n".join(asyncio.run(accept.prepare(database_url, store, _ORDERS))))
    found: dict[str, list[float]] = {"without": [], "with": []}
    used = 0

    def shipped() -> dict[str, Any]:
        return accept.load(
            deployment.api,
            deployment.key,
            listing,
            first=used,
            connections=_CONNECTIONS,
            seconds=seconds,
        )

    for number in range(rounds):
        # Each is first in every other round.
        for name in ("without", "with")[:: 1 if number % 2 else -1]:
            if name == "with":
                with streaming(deployment.api, keys):
                    result = shipped()
            else:
                result = shipped()
            used += result["used"]
            found[name].append(result["per_second"])
    return found


@contextmanager
def streaming(url: str, keys: Sequence[str]) -> Iterator[None]:
    """Hold the streams during the block, in a thread of their own."""
    loop, ready, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(_hold(url, keys, ready, stop)))
    thread.start()
    ready.wait()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


async def _hold(url: str, keys: Sequence[str], ready: threading.Event, stop: asyncio.Event) -> None:
    parts = urlsplit(url)
    reading = []
    for number in range(STREAMS):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(_REQUEST.format(keys[number % len(keys)]).encode())
        await reader.readuntil(b"event: alive")
        reading.append((asyncio.create_task(_drain(reader)), writer))
    ready.set()
    await stop.wait()
    for task, writer in reading:
        task.cancel()
        writer.close()


async def _drain(reader: asyncio.StreamReader) -> None:
    while await reader.read(65536):
        pass


def main() -> int:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    found = run(rounds=rounds, seconds=2.0)
    alone, beside = (statistics.median(found[name]) for name in ("without", "with"))
    ratios = [b / a for a, b in zip(found["without"], found["with"], strict=True)]
    print(f"{STREAMS} streams, medians of {rounds} rounds")
    print(f"  without {alone:6,.0f} shipments a second")
    print(f"  with    {beside:6,.0f} shipments a second")
    print(f"  with to without {beside / alone:.3f}; of each round {statistics.median(ratios):.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
