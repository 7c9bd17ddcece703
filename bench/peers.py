"""Other queues with the same calls: `python -m bench.peers NAME DATABASE WALMART N SLOTS`.

pgqueuer and procrastinate fetch jobs from their own tables and make the call of each with our HTTP
client; bare makes the same calls in a loop, and nothing else. Prints the seconds from the first
call until the last job is recorded as done.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import asyncpg
import procrastinate
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.queries import Queries

from app.cli.http_server import freeze_garbage
from app.http_client.transport import open_http
from app.storage.postgres.dsn import asyncpg_arguments
from app.walmart.client import WalmartClient
from app.walmart.credentials import SellerCredentials
from app.walmart.request_bodies import ShipLine
from app.walmart.shipment_payload import Package

Call = Callable[[str], Awaitable[None]]
ACCOUNT = SellerCredentials(1, "seller-1", "right", "US")
_PACKAGE = {
    "carrier": {"carrier": "UPS"},
    "tracking_number": "1ZBENCH",
    "tracking_url": None,
    "shipped_at": "2026-01-02T03:04:05Z",
    "method_code": "Standard",
    "override_cancel_request": False,
}


def body() -> dict[str, Any]:
    """The request body of each order."""
    return dict(Package.from_json(_PACKAGE).body([ShipLine("1", 1)], "C1"))


async def bare(database: str, call: Call, jobs: int, slots: int) -> float:
    """A loop of our client."""
    del database
    left = iter(range(jobs))

    async def work() -> None:
        for number in left:
            await call(str(number))

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(slots)))
    return time.perf_counter() - began


async def pgqueuer(database: str, call: Call, jobs: int, slots: int) -> float:
    """https://pgqueuer.readthedocs.io, on a pool, batches of half the slots."""
    pool = await asyncpg.create_pool(**asyncpg_arguments(database), min_size=4, max_size=10)
    queue = PgQueuer.from_asyncpg_pool(pool)
    queries = Queries(queue.connection)
    await queries.uninstall()
    await queries.install()
    content = json.dumps(body()).encode()
    await queries.enqueue(["ship"] * jobs, [content] * jobs, [0] * jobs)
    await pool.execute("VACUUM ANALYZE")
    began = 0.0

    @queue.entrypoint("ship")
    async def ship(job: object) -> None:
        nonlocal began
        began = began or time.perf_counter()
        await call(str(job.id))  # type: ignore[attr-defined]

    running = asyncio.create_task(
        queue.run(
            batch_size=max(slots // 2, 1),
            max_concurrent_tasks=slots,
            dequeue_timeout=timedelta(seconds=1),
        )
    )
    while await pool.fetchval("SELECT EXISTS (SELECT FROM pgqueuer)"):  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    took = time.perf_counter() - began
    queue.shutdown.set()
    await running
    return took


async def procrastinated(database: str, call: Call, jobs: int, slots: int) -> float:
    """https://procrastinate.readthedocs.io, on psycopg's pool."""
    app = procrastinate.App(
        connector=procrastinate.PsycopgConnector(conninfo=database, max_size=10)
    )
    began = 0.0

    @app.task(name="ship")
    async def ship(number: int, sent: dict[str, Any]) -> None:
        nonlocal began
        del sent
        began = began or time.perf_counter()
        await call(str(number))

    async with app.open_async():
        if not await app.check_connection_async():
            await app.schema_manager.apply_schema_async()
        sent = body()
        wanted: list[dict[str, Any]] = [{"number": n, "sent": sent} for n in range(jobs)]
        await ship.batch_defer_async(*wanted)
        await app.run_worker_async(wait=False, concurrency=slots, install_signal_handlers=False)
    return time.perf_counter() - began


PEERS = {"bare": bare, "pgqueuer": pgqueuer, "procrastinate": procrastinated}


async def _main(name: str, database: str, walmart: str, jobs: int, slots: int) -> float:
    freeze_garbage()
    async with open_http(timeout=30, max_connections=slots) as http:
        client = WalmartClient(http, base_url=walmart, timeout=30, now=lambda: datetime.now(UTC))
        sent = body()

        async def call(number: str) -> None:
            await client.ship(ACCOUNT, quote(number), sent)

        return await PEERS[name](database, call, jobs, slots)


if __name__ == "__main__":
    peer, where, walmart, jobs, slots = sys.argv[1:]
    print(uvloop.run(_main(peer, where, walmart, int(jobs), int(slots))))
