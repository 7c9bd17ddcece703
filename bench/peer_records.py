"""What the peers record of each delivery, so that they do the work of a poller.

The same tables as Waybill's, with their indexes and triggers: an attempt with the redacted calls,
the units of the order's line and of its shipment, the order's status. Handlers hand their rows to a
writer that writes all rows that came during the statement before by the next one, as one does where
each job would otherwise be a transaction of its own. Both libraries let a handler wait for it, so a
job is done only after its record is.
"""

import asyncio
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from app.domain import ids
from app.domain.orders.snapshot import UnitStatus
from app.walmart.client import WalmartReply
from app.worker.delivery import attempt_log

_RECORD = Path(__file__).with_name("record.sql").read_text()
# Every row by its key, and one plan, as Waybill's results are written.
_SETTINGS = {
    **{f"enable_{way}": "off" for way in ("hashjoin", "mergejoin", "seqscan")},
    "plan_cache_mode": "force_generic_plan",
}
_MOST = 100
# Orders with a shipment to send. The peers have queues of their own, so ours is done.
_TAKEN = """
    UPDATE updates SET active = false, state = 'confirmed', finished_at = now() WHERE active
    RETURNING store_id, id, order_id, subject
"""
_RECORDED = """
    SELECT count(*) FROM attempts a JOIN orders o ON o.store_id = a.store_id AND o.id = a.order_id
     WHERE a.ended_at >= $1 AND o.status = 'shipped'
"""
# The name of a contestant that records ends with it.
RECORDS = "+records"


def evidence(job: Mapping[str, Any], reply: WalmartReply) -> dict[str, Any]:
    """Make the row of a delivery. Raises ValueError if Walmart does not show the unit."""
    if reply.order is None or reply.order.lines["1"].count(UnitStatus.SHIPPED) != 1:
        raise ValueError(f"{job['number']} was not shipped")
    call = reply.call
    at = int(call.ended_at.timestamp() * 1000)
    return {
        "store_id": job["store_id"],
        "id": str(ids.new_id(job["store_id"], at, secrets.randbits(42))),
        "update_id": job["update_id"],
        "order_id": job["order_id"],
        "started_at": call.started_at.isoformat(),
        "ended_at": call.ended_at.isoformat(),
        "calls": [attempt_log.call_json(call)],
    }


@dataclass(slots=True)
class Writer:
    """Writes rows in batches, one statement at a time."""

    connection: Any
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    _waiting: list[tuple[dict[str, Any], asyncio.Future[None]]] = field(default_factory=list)
    _running: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, arguments: Mapping[str, Any]) -> "Writer":
        """Connect."""
        return cls(await asyncpg.connect(**arguments, server_settings=_SETTINGS))

    async def take(self) -> list[dict[str, Any]]:
        """Take what `drain.make_due` made due out of Waybill's queue."""
        rows = await self.connection.fetch(_TAKEN)
        return [
            {
                "store_id": row["store_id"],
                "update_id": str(row["id"]),
                "order_id": str(row["order_id"]),
                "number": row["subject"],
            }
            for row in rows
        ]

    async def close(self, wanted: int) -> None:
        """Disconnect. Raises AssertionError unless so many were recorded by this writer."""
        recorded = await self.connection.fetchval(_RECORDED, self.began)
        await self.connection.close()
        if recorded != wanted:
            raise AssertionError(f"{recorded} of {wanted} shipments are recorded")

    async def write(self, row: dict[str, Any]) -> None:
        """Wait until a row is written."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((row, written))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        await written

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            await self.connection.execute(_RECORD, json.dumps([row for row, _ in batch]))
            for _, written in batch:
                written.set_result(None)
        self._running = None
