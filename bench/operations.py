"""`python -m bench.operations [rounds] [folder]`: what a request costs the API, by operation.

Prints the processor time of the API process per request, medians of the rounds. With the folder
of another checkout it measures both in turn, on one database, and prints the ratio.
"""

import asyncio
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from app.storage.postgres import migrate
from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.postgres.embedded import EmbeddedPostgres
from bench import processor_time
from bench.accept import _FUNCTION
from tests.processes import WAYBILL, Deployment, a_store, deployed, free_port

# Requests of a round.
_EACH = 200
_ORDERS = 20_000
_SETTINGS = {
    "WAYBILL_LOG_LEVEL": "warning",
    "WAYBILL_POLL_INTERVAL": "5",
    "WAYBILL_API_RATE": "0",
}
_PACKAGE = {"carrier_code": "ups", "tracking_number": "1Z999AA10123456784"}
# Method, path and body. {order} is an order without an update.
_OPERATIONS: dict[str, tuple[str, str, dict[str, str] | None]] = {
    "ship": ("POST", "/v1/orders/{order}/shipments", _PACKAGE),
    "cancel": ("POST", "/v1/orders/{order}/cancellation", {"reason": "out_of_stock"}),
    "get order": ("GET", "/v1/orders/{shipped}", None),
    "list orders": ("GET", "/v1/orders?limit=10", None),
    "get update": ("GET", "/v1/updates/{update}", None),
}


def main() -> int:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres.start(Path(folder) / "d") as pg:
        migrate.upgrade(pg.url)
        with deployed(pg.url, Path(folder), pollers=0, **_SETTINGS) as deployment:
            servers = [(deployment.api, deployment.processes["api"].pid)]
            if len(sys.argv) > 2:
                with _other(deployment, sys.argv[2]) as other:
                    _measure(deployment, [*servers, other], rounds)
            else:
                _measure(deployment, servers, rounds)
    return 0


@contextmanager
def _other(deployment: Deployment, checkout: str) -> Iterator[tuple[str, int]]:
    """An API of another checkout, on the same database."""
    port = free_port()
    process = subprocess.Popen(
        [*WAYBILL, "serve", "--no-poller", "--port", str(port)],
        cwd=checkout,
        env=deployment.environment,
    )
    deployment.processes["other"] = process
    deployment.wait_for(f"http://127.0.0.1:{port}/readyz", "other")
    yield f"http://127.0.0.1:{port}", process.pid


async def _orders(database_url: str, store: str) -> list[str]:
    connection = await asyncpg.connect(**asyncpg_arguments(database_url))
    try:
        number = await connection.fetchval("SELECT store_id FROM stores WHERE id = $1", store)
        await connection.execute(_FUNCTION.read_text())
        await connection.fetch("SELECT bench_orders($1, $2)", number, _ORDERS)
        await connection.execute("VACUUM ANALYZE")
        return [str(row[0]) for row in await connection.fetch("SELECT order_id FROM bench_numbers")]
    finally:
        await connection.close()


def _measure(deployment: Deployment, servers: list[tuple[str, int]], rounds: int) -> None:
    with deployment.client() as client:
        store = a_store(client, "seller-operations")
        orders = iter(asyncio.run(_orders(deployment.database_url, store)))
        known = {"shipped": next(orders)}
        path = f"/v1/orders/{known['shipped']}/shipments"
        known["update"] = client.post(path, json=_PACKAGE).json()["update"]["id"]
    for name, (method, path, body) in _OPERATIONS.items():
        found: list[list[float]] = [[] for _ in servers]
        for _ in range(rounds):
            for server, figures in zip(servers, found, strict=True):
                paths = (path.format(order=next(orders), **known) for _ in range(_EACH))
                figures.append(_cost(server, deployment.key, method, paths, body))
        costs = [statistics.median(each) for each in found]
        ratio = f", {costs[0] / costs[1]:.2f} of the other" if len(costs) > 1 else ""
        sys.stdout.write(f"{name:12} {costs[0]:6.0f} us a request{ratio}\n")
        sys.stdout.flush()


def _cost(
    server: tuple[str, int], key: str, method: str, paths: Iterator[str], body: object
) -> float:
    """Processor time of a request in microseconds."""
    url, pid = server
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    content = None if body is None else json.dumps(body)
    before, count = processor_time.of_process(pid), 0
    for path in paths:
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": uuid.uuid4().hex}
        if content is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, path, content, headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise AssertionError(f"{method} {path}: {answer.status}")
        count += 1
    connection.close()
    return (processor_time.of_process(pid) - before) / count * 1e6


if __name__ == "__main__":
    sys.exit(main())
