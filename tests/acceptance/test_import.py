"""Orders are imported once each by real processes, even if one dies."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from app.storage.postgres.dsn import asyncpg_arguments
from tests.forked import deployed
from tests.harness.waiting import LIMIT
from tests.processes import Deployment, a_store, ledger, until
from tests.tls import TLS

MANY = 5000
CONFIRMED = "SELECT count(*) FROM updates WHERE state = 'confirmed'"


@pytest.fixture
def deployment(fresh_url: str, tmp_path: Path) -> Iterator[Deployment]:
    with deployed(
        fresh_url, tmp_path, pollers=0, WAYBILL_IMPORT_INTERVAL="1", WAYBILL_LOG_LEVEL="warning"
    ) as running:
        yield running


def ask(url: str, question: str) -> int:
    async def fetch() -> int:
        connection = await asyncpg.connect(**asyncpg_arguments(url))
        try:
            return int(await connection.fetchval(question) or 0)
        finally:
            await connection.close()

    return asyncio.run(fetch())


def test_5000_orders_are_imported_once_each_although_the_importer_dies(
    deployment: Deployment, fresh_url: str
) -> None:
    with deployment.client() as client:
        a_store(client)
    orders = [
        {"client_id": "seller-1", "purchase_order_id": str(number), "lines": [{"sku": "A"}]}
        for number in range(1_796_880_000_000, 1_796_880_000_000 + MANY)
    ]
    for start in range(0, MANY, 1000):
        body = {"orders": orders[start : start + 1000]}
        httpx.post(
            f"{deployment.walmart}/simulator/orders",
            json=body,
            timeout=LIMIT,
            trust_env=False,
            verify=TLS,
        ).raise_for_status()
    deployment.start("poller-0", "poller")
    until(lambda: ask(fresh_url, "SELECT count(*) FROM orders") > MANY / 5)
    deployment.kill("poller-0")
    there = ask(fresh_url, "SELECT count(*) FROM orders")
    assert there < MANY
    # Expire the leases of the dead process, which another one would wait for.
    ask(fresh_url, "UPDATE imports SET leased_until = now() RETURNING store_id")
    ask(fresh_url, "UPDATE updates SET leased_until = now() WHERE state = 'sending' RETURNING 1")
    deployment.start("poller-1", "poller")
    deployment.start("poller-2", "poller")
    confirmed = 0
    while confirmed < MANY:
        # Each limit is for some progress: a slow machine takes longer for all.
        until(lambda least=confirmed: ask(fresh_url, CONFIRMED) > least)
        confirmed = ask(fresh_url, CONFIRMED)
    assert ask(fresh_url, "SELECT count(*) FROM orders") == MANY
    assert ask(fresh_url, "SELECT count(*) FROM order_lines") == MANY
    acknowledged = Counter(
        entry["purchase_order_id"]
        for entry in ledger(deployment)
        if entry["operation"] == "acknowledge"
    )
    assert len(acknowledged) == MANY
    assert set(acknowledged.values()) == {1}
