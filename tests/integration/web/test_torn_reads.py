"""A view is one snapshot: what a poller records between two of its statements is not in it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.storage.postgres.query import Reader
from app.storage.postgres.session import Row
from app.storage.postgres.sql import Statement
from tests.harness.world import World
from tests.integration.web.doubtful import a_body, accepted
from tests.integration.web.test_commerce_api import linked
from tests.integration.web.test_lag import confirmed

Write = Callable[[], Awaitable[object]]
READS = (
    "/v1/orders/{id}",
    "/v1/orders",
    "/v1/orders/{id}/timeline",
    "/rest/store_1/V1/orders/7",
    "/rest/store_1/V1/orders",
    "/rest/store_1/V1/shipment/2",
    "/rest/store_1/V1/orders/items/70",
)


@pytest.fixture
async def between(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Write]]:
    """Writes that are committed, one by one, after the statement that reads an order's row."""
    writes: list[Write] = []
    fetch = Statement.fetch

    async def interrupted(
        statement: Statement, reader: Reader, *values: Mapping[str, Any]
    ) -> Sequence[Row]:
        rows = await fetch(statement, reader, *values)
        if writes and rows and "purchase_order_id" in rows[0]:
            await writes.pop()()
        return rows

    monkeypatch.setattr(Statement, "fetch", interrupted)
    yield writes
    assert not writes


@pytest.mark.parametrize("path", READS)
async def test_a_delivery_between_two_statements_of_a_view_is_not_in_it(
    world: World, client: httpx.AsyncClient, between: list[Write], path: str
) -> None:
    order = await linked(world, client, 3)
    await confirmed(world, client, order, a_body("1ZA", 2))
    last = UUID((await accepted(client, order, a_body("1ZB", 1)))["update"]["id"])

    async def read() -> Any:
        return (await client.get(path.format(id=order.id))).raise_for_status().json()

    before = await read()
    between.append(lambda: world.deliver_until(last))
    assert await read() == before
    assert await read() != before
