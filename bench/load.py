"""A load generator: ships orders over keep-alive connections, each order once.

`python -m bench.load URL --key K --orders FILE --first N --connections C --seconds S` prints
JSON: requests a second, p50 and p99 in milliseconds, orders used, answers by status. Requests
are written by hand, so that the generator takes little of the machine it measures.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import uvloop

_HEAD = (
    "POST /v1/orders/{order}/shipments HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n"
    "Content-Type: application/json\r\nIdempotency-Key: {order}\r\nContent-Length: {length}\r\n\r\n"
)


class _Connection(asyncio.Protocol):
    """Sends the next request when an answer is complete."""

    def __init__(self, run: "_Run") -> None:
        self._run = run
        self._buffer = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are of no common class.
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lowered = head.lower()
        start = lowered.index(b"content-length:") + 15
        length = int(lowered[start:].split(b"\r\n", 1)[0])
        if len(rest) < length:
            return
        self._buffer = b""
        self._run.answered(int(head[9:12]), time.perf_counter() - self._sent_at)
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        del error
        self._run.left -= 1
        if not self._run.left:
            self._run.done.set()

    def _send(self) -> None:
        request = self._run.next_request()
        assert self._transport is not None  # noqa: S101 - connected
        if request is None:
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)


class _Run:
    def __init__(self, orders: list[str], key: str, connections: int, seconds: float) -> None:
        self._requests = self._written(orders, key)
        self._until = time.perf_counter() + seconds
        self.left = connections
        self.done = asyncio.Event()
        self.took: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.used = 0

    def _written(self, orders: list[str], key: str) -> Iterator[bytes]:
        for number, order in enumerate(orders):
            body = json.dumps(
                {
                    "carrier_code": "ups",
                    "tracking_number": f"1ZBENCH{number:09}",
                    "items": [{"line_number": "1", "quantity": 1}],
                }
            )
            yield (_HEAD.format(order=order, key=key, length=len(body)) + body).encode()

    def next_request(self) -> bytes | None:
        if time.perf_counter() >= self._until:
            return None
        request = next(self._requests, None)
        self.used += request is not None
        return request

    def answered(self, status: int, seconds: float) -> None:
        self.statuses[status] += 1
        self.took.append(seconds)


async def _load(wanted: argparse.Namespace, orders: list[str]) -> dict[str, object]:
    place = urlsplit(wanted.url)
    run = _Run(orders, wanted.key, wanted.connections, wanted.seconds)
    began = time.perf_counter()
    loop = asyncio.get_running_loop()
    for _ in range(wanted.connections):
        await loop.create_connection(lambda: _Connection(run), place.hostname, place.port)
    await asyncio.wait_for(run.done.wait(), wanted.seconds + 30)
    took = sorted(run.took)
    return {
        "per_second": len(took) / (time.perf_counter() - began),
        "p50_ms": statistics.median(took) * 1000,
        "p99_ms": took[int(len(took) * 0.99)] * 1000,
        "used": run.used,
        "statuses": dict(run.statuses),
    }


def main() -> None:
    """Load an address and print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--key", required=True)
    parser.add_argument("--orders", required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=3)
    wanted = parser.parse_args()
    orders = Path(wanted.orders).read_text().split()[wanted.first :]
    print(json.dumps(uvloop.run(_load(wanted, orders))))


if __name__ == "__main__":
    main()
