"""A hundred thousand due updates of one store: bounded memory, and no other store waits."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from app.storage.postgres.dsn import asyncpg_arguments
from tests.forked import deployed
from tests.harness.waiting import LIMIT
from tests.processes import Deployment, a_store, calls, shipped_orders, until

DUE = 100_000
# One order of the API is copied: order, line, shipment, update, with new numbers.
COPY = f"""
    CREATE TEMP TABLE made AS
    SELECT n, (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-0000' || lpad(to_hex(o.store_id), 8, '0'))::uuid
             AS id, o.store_id, o.id AS order_id, (1796339000000 + n)::text AS po
      FROM generate_series(1, {DUE}) n, orders o WHERE o.purchase_order_id = '1796330800000';
    INSERT INTO orders (store_id, id, purchase_order_id) SELECT store_id, id, po FROM made;
    INSERT INTO order_lines (store_id, order_id, line_number, position, sku, ordered, pending)
    SELECT store_id, id, '1', 0, 'A', 1, 1 FROM made;
    INSERT INTO updates (store_id, id, subject, order_id, kind, sequence, payload, active)
    SELECT m.store_id, m.id, m.po, m.id, 'shipment', 1, u.payload, true
      FROM made m JOIN updates u ON u.order_id = m.order_id AND u.kind = 'shipment';
    INSERT INTO shipments (store_id, id, order_id, update_id, carrier_code, tracking_number,
           tracking_key, shipped_at, method_code, fingerprint, override_cancel_request,
           walmart_carrier, items)
    SELECT m.store_id, m.id, m.id, m.id, s.carrier_code, 'T' || m.n, 'T' || m.n, s.shipped_at,
           s.method_code, s.fingerprint, false, s.walmart_carrier,
           '[{{"line_number": "1", "quantity": 1, "confirmed": 0, "reserved": 1}}]'
      FROM made m JOIN shipments s ON s.order_id = m.order_id;
    ANALYZE
"""


@pytest.fixture
def deployment(fresh_url: str, tmp_path: Path) -> Iterator[Deployment]:
    # Updates older than the quiet period are read before they are sent; here none is.
    with deployed(fresh_url, tmp_path, pollers=0, WAYBILL_QUIET_PERIOD="3600") as running:
        yield running


def resident(process: int) -> int:
    """The resident memory of a process in bytes (Linux)."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def fill(url: str) -> None:
    connection = await asyncpg.connect(**asyncpg_arguments(url))
    for statement in COPY.split(";"):
        await connection.execute(statement, timeout=LIMIT)
    await connection.close()


def test_a_backlog_neither_fills_memory_nor_delays_another_store(
    deployment: Deployment, fresh_url: str
) -> None:
    with deployment.client() as client:
        big = a_store(client, "big", walmart={"client_id": "big", "client_secret": "right"})
        small = a_store(client, "small", walmart={"client_id": "small", "client_secret": "right"})
        shipped_orders(deployment, client, big, "big", 1, 1_796_330_800_000)
        poller = deployment.start("poller", "poller")
        until(lambda: len(calls(deployment, "shipping")) == 1)
        before = resident(poller.pid)
        asyncio.run(fill(fresh_url))
        # Walmart knows none of them, so each is one refusal and one read: the fastest failure.
        until(lambda: len(calls(deployment, "shipping")) > 300)
        counts = []
        for number in range(5):
            first = 1_796_330_810_000 + number
            shipped_orders(deployment, client, small, "small", 1, first)
            at = len(calls(deployment, "shipping"))
            until(
                lambda po=str(first): (
                    po in [c["purchase_order_id"] for c in calls(deployment, "shipping")]
                )
            )
            wake_signal = [c["purchase_order_id"] for c in calls(deployment, "shipping")]
            counts.append(wake_signal.index(str(first)) - at)
        time.sleep(1)
        after = resident(poller.pid)
        page = client.get("/v1/updates", params={"state": "pending", "limit": "200"})
        assert len(page.json()["data"]) == 200
    # At most the updates in flight, and one batch of the other store, went before.
    assert max(counts) <= 2 * 20, counts
    assert after - before < 64 * 2**20, f"{(after - before) / 2**20:.0f} MiB more"
