"""Other queues with the same calls: `python -m bench.peers NAME DATABASE WALMART N SLOTS`.

pgqueuer and procrastinate fetch jobs from their own tables and make the call of each with our HTTP
client; bare makes the same calls in a loop, and nothing else. With `+records` after a name, the
jobs are the orders that `drain.make_due` made due, and each leaves behind what a poller leaves
(bench/peer_records.py). Prints the seconds from the first call until the last job is recorded as
done.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import asyncpg
import procrastinate
import uvloop
from pgqueuer import Job, PgQueuer
from pgqueuer.queries import Queries

from app import logs
from app.bootstrap.process import freeze_garbage
from app.domain.seller_credentials import SellerCredentials
from app.http_client.transport import open_http
from app.storage.postgres.dsn import asyncpg_arguments
from app.walmart.client import WalmartClient, WalmartReply
from app.walmart.request_bodies import ShipLine
from app.walmart.shipment_payload import Package
from bench.peer_records import RECORDS, Writer, evidence

# What a job does, with its arguments.
Work = Callable[[dict[str, Any]], Awaitable[None]]
Jobs = Sequence[dict[str, Any]]
# database, work, jobs, how many at once; answers the time at which the last job was done.
Peer = Callable[[str, Work, Jobs, int], Awaitable[float]]
# Jobs that are under way for each call that is.
AHEAD = 2
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


async def bare(database: str, work: Work, jobs: Jobs, tasks: int) -> float:
    """A loop of our client."""
    del database
    left = iter(jobs)

    async def loop() -> None:
        for job in left:
            await work(job)

    await asyncio.gather(*(loop() for _ in range(tasks)))
    return time.perf_counter()


async def pgqueuer(database: str, work: Work, jobs: Jobs, tasks: int) -> float:
    """https://pgqueuer.readthedocs.io, on a pool, batches of half the tasks."""
    pool = await asyncpg.create_pool(**asyncpg_arguments(database), min_size=4, max_size=10)
    queue = PgQueuer.from_asyncpg_pool(pool)
    queries = Queries(queue.connection)
    await queries.uninstall()
    await queries.install()
    contents: list[bytes | None] = [json.dumps(job).encode() for job in jobs]
    await queries.enqueue(["ship"] * len(jobs), contents, [0] * len(jobs))
    await pool.execute("VACUUM ANALYZE")

    @queue.entrypoint("ship")
    async def ship(job: Job) -> None:
        await work(json.loads(job.payload or b"{}"))

    running = asyncio.create_task(
        queue.run(
            batch_size=max(tasks // 2, 1),
            max_concurrent_tasks=tasks,
            dequeue_timeout=timedelta(seconds=1),
        )
    )
    while await pool.fetchval("SELECT EXISTS (SELECT FROM pgqueuer)"):  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    ended = time.perf_counter()
    queue.shutdown.set()
    await running
    return ended


async def procrastinated(database: str, work: Work, jobs: Jobs, tasks: int) -> float:
    """https://procrastinate.readthedocs.io, on psycopg's pool."""
    app = procrastinate.App(
        connector=procrastinate.PsycopgConnector(conninfo=database, max_size=10)
    )

    @app.task(name="ship")
    async def ship(job: dict[str, Any]) -> None:
        await work(job)

    async with app.open_async():
        if not await app.check_connection_async():
            await app.schema_manager.apply_schema_async()
        arguments: list[dict[str, Any]] = [{"job": job} for job in jobs]
        await ship.batch_defer_async(*arguments)
        await app.run_worker_async(wait=False, concurrency=tasks, install_signal_handlers=False)
        return time.perf_counter()


PEERS = {"bare": bare, "pgqueuer": pgqueuer, "procrastinate": procrastinated}


@dataclass(slots=True)
class _Calls:
    """Makes the calls, at most so many at once, and notes when the first began."""

    client: WalmartClient
    limit: asyncio.Semaphore
    began: float = 0.0

    async def make(self, job: dict[str, Any]) -> WalmartReply:
        async with self.limit:
            self.began = self.began or time.perf_counter()
            return await self.client.ship(ACCOUNT, quote(job["number"]), job["sent"])

    async def make_only(self, job: dict[str, Any]) -> None:
        await self.make(job)


async def _main(name: str, database: str, walmart: str, wanted: int, slots: int) -> float:
    freeze_garbage()
    # As a poller that has nothing to say; stdout is for the figure.
    logs.configure("error")
    async with open_http(timeout=30, max_connections=slots) as http:
        client = WalmartClient(http, base_url=walmart, timeout=30, now=lambda: datetime.now(UTC))
        calls = _Calls(client, asyncio.Semaphore(slots))
        if name.endswith(RECORDS):
            return await _recorded(PEERS[name.removesuffix(RECORDS)], database, calls, slots)
        jobs = [{"number": str(n), "sent": body()} for n in range(wanted)]
        return await PEERS[name](database, calls.make_only, jobs, slots) - calls.began


async def _recorded(peer: Peer, database: str, calls: _Calls, slots: int) -> float:
    writer = await Writer.open(asyncpg_arguments(database))
    jobs = [{**job, "sent": body()} for job in await writer.take()]

    async def work(job: dict[str, Any]) -> None:
        await writer.write(evidence(job, await calls.make(job)))

    # A job may wait for its record while another makes its call.
    ended = await peer(database, work, jobs, slots * AHEAD)
    await writer.close(len(jobs))
    return ended - calls.began


if __name__ == "__main__":
    peer, where, walmart, jobs, slots = sys.argv[1:]
    print(uvloop.run(_main(peer, where, walmart, int(jobs), int(slots))))
