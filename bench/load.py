"""A load generator: ships orders over keep-alive connections, each order once.

`python -m bench.load URL --key K --orders FILE --first N --connections C --seconds S` prints
JSON: requests a second, p50 and p99 in milliseconds, used orders, answers by status. Requests
are formatted by hand, so that the generator uses little of the machine it measures.

With `--requests FILE` instead of `--orders`, it sends other requests: each line of the file is
JSON, [path, Idempotency-Key, body].

With `--rate R` it sends R requests a second, independent of the answers: a request that finds no
free connection waits for one, and is timed from when it was due.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import uvloop

_HEAD = (
    "POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n"
    "Content-Type: application/json\r\nIdempotency-Key: {once}\r\nContent-Length: {length}\r\n\r\n"
)


class _Connection(asyncio.Protocol):
    """Sends the next request when an answer is complete."""

    def __init__(self, run: "_Run") -> None:
        self._run = run
        self._buffer = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have no common base class.
        self._transport = cast("asyncio.Transport", transport)
        self._run.free(self)

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
        self._run.free(self)

    def connection_lost(self, error: Exception | None) -> None:
        del error
        self._run.left -= 1
        if not self._run.left:
            self._run.done.set()

    def send(self, request: bytes, since: float) -> None:
        """Send a request; since: when it was due."""
        assert self._transport is not None  # noqa: S101 - connected
        self._sent_at = since
        self._transport.write(request)

    def close(self) -> None:
        """Close the connection."""
        assert self._transport is not None  # noqa: S101 - connected
        self._transport.close()


class _Run:
    def __init__(self, wanted: argparse.Namespace) -> None:
        self._requests = self._stored(wanted) if wanted.requests else self._shipments(wanted)
        self._began = time.perf_counter()
        self._until = self._began + wanted.seconds
        self._rate: float | None = wanted.rate
        self._idle: deque[_Connection] = deque()
        # Until the next request is due; one for all connections.
        self._timer: asyncio.TimerHandle | None = None
        self.left: int = wanted.connections
        self.done = asyncio.Event()
        self.took: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.used = 0

    def _stored(self, wanted: argparse.Namespace) -> Iterator[bytes]:
        for line in Path(wanted.requests).read_text().splitlines():
            path, once, body = json.loads(line)
            yield _request(path, once, json.dumps(body), wanted.key)

    def _shipments(self, wanted: argparse.Namespace) -> Iterator[bytes]:
        orders = Path(wanted.orders).read_text().split()[wanted.first :]
        for number, order in enumerate(orders):
            body = json.dumps(
                {
                    "carrier_code": "ups",
                    "tracking_number": f"1ZBENCH{number:09}",
                    "items": [{"line_number": "1", "quantity": 1}],
                }
            )
            yield _request(f"/v1/orders/{order}/shipments", order, body, wanted.key)

    def free(self, connection: _Connection) -> None:
        """Mark a connection as free."""
        self._idle.append(connection)
        self._go()

    def _go(self) -> None:
        """Send the requests that are due, while there are free connections."""
        while self._idle:
            now = time.perf_counter()
            due = now if self._rate is None else self._began + self.used / self._rate
            if due > now:
                if self._timer is None:
                    self._timer = asyncio.get_running_loop().call_later(due - now, self._in_time)
                return
            asked = next(self._requests, None) if now < self._until else None
            connection = self._idle.popleft()
            if asked is None:
                connection.close()
            else:
                self.used += 1
                connection.send(asked, due)

    def _in_time(self) -> None:
        self._timer = None
        self._go()

    def answered(self, status: int, seconds: float) -> None:
        self.statuses[status] += 1
        self.took.append(seconds)


def _request(path: str, once: str, body: str, key: str) -> bytes:
    return (_HEAD.format(path=path, once=once, key=key, length=len(body)) + body).encode()


async def _load(wanted: argparse.Namespace) -> dict[str, object]:
    url = urlsplit(wanted.url)
    run = _Run(wanted)
    began = time.perf_counter()
    loop = asyncio.get_running_loop()
    for _ in range(wanted.connections):
        await loop.create_connection(lambda: _Connection(run), url.hostname, url.port)
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
    """Load an address and print the results."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--key", required=True)
    parser.add_argument("--orders")
    parser.add_argument("--requests")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rate", type=float)
    wanted = parser.parse_args()
    found = uvloop.run(_load(wanted))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
