"""The hot path on a cluster: each of its statements is of one shard (`Task Count: 1`)."""

import asyncio

import pytest

from app.domain.orders.requests import CancelRequest, RequestedItem
from app.domain.update import Kind, State
from app.storage import queries
from app.storage.idempotency import IdempotentRequest, StoredResponse
from app.usecases.orders import cancel, ship
from tests.builders import a_package
from tests.harness.waiting import limited
from tests.harness.world import World

_NAME = "SELECT current_database() AS name"
_REFUSE = "ALTER DATABASE {} SET citus.multi_task_query_log_level = 'error'"


async def _refuse_several_shards(world: World) -> None:
    """Let Citus refuse each statement of several shards from now on."""
    (found,) = await world.database.direct.fetch(_NAME)
    await world.database.direct.fetch(_REFUSE.format(found["name"]))
    await world.database.engine.dispose()
    for sessions in (world.database.direct, world.database.by_key, world.database.grouped):
        sessions.pool.renew()
    with pytest.raises(Exception, match="multi-task query about to be executed"):
        await world.database.direct.fetch("SELECT count(*) FROM orders")


async def test_requests_deliveries_and_pages_of_one_store_ask_one_shard(world: World) -> None:
    """Shipped, canceled, announced, claimed, sent, recorded and read; surveys are refused."""
    stores = [await world.a_store(), await world.a_store()]
    at_walmart = [(store, units) for store in stores for units in (2, 2, 1)]
    orders = [
        await world.an_order(units, store=store, status="Acknowledged")
        for store, units in at_walmart
    ]
    canceled, shipped = orders[2::3], [each for n, each in enumerate(orders) if n % 3 < 2]
    await _refuse_several_shards(world)
    one = (RequestedItem(1, line_number="1"),)
    sent = []
    async with world.polling():
        for n, order in enumerate(shipped):
            store_id = order.id.int & 0xFFFFFFFF
            path = f"/v1/orders/{order.id}/shipments"
            once = IdempotentRequest(
                store_id, "k", "POST", path, "a", b"", lambda _: StoredResponse(202, b"", {})
            )
            accepted = await ship.ship(
                world.context, order.id, a_package(f"1Z{n}", items=one), actor="t", once=once
            )
            sent.append(accepted.shipment.update.id)
        for order in canceled:
            gone = await cancel.cancel(world.context, order.id, CancelRequest("fraud"), actor="t")
            sent.append(gone.update.id)
        due = [
            (order.id.int & 0xFFFFFFFF, kind)
            for order in canceled
            for kind in (Kind.SHIPMENT, Kind.CANCELLATION)
        ]
        async with limited():
            for each in sent:
                while not await world.in_states([each], {State.CONFIRMED.value}):
                    # What a claim leaves is for a survey to find, and those are refused here.
                    world.context.wake(*due)
                    await asyncio.sleep(0.05)
    for order in orders:
        assert (await world.order(order.id)).sync.state == "synced"
        async with world.database.read() as connection:
            store_id = order.id.int & 0xFFFFFFFF
            assert await queries.timeline(connection, store_id, order.id)
            assert await queries.summary(connection, store_id)
