"""Stores with a hanging Walmart leave slots for the others in one poller."""

import asyncio

from app.usecases.orders import ship
from tests.builders import a_package
from tests.harness.waiting import limited
from tests.harness.world import World, open_world


async def hanging(world: World) -> int:
    """Return how many shipments hang once no more are started."""
    seen, calm = -1, 0
    async with limited():
        while calm < 10:
            now = len(await world.calls("shipping"))
            calm = calm + 1 if now == seen else 0
            seen = now
            await asyncio.sleep(0.05)
    return seen


async def test_several_hanging_stores_leave_slots_for_another(fresh_url: str) -> None:
    # No call ends by itself during this test.
    async with open_world(fresh_url, timeout=60) as world:
        for number in range(4):
            store = await world.a_store()
            await world.fault("shipping", "timeout", client_id=store.walmart.client_id, times=None)
            for each in range(8):
                order = await world.an_order(1, store=store)
                package = a_package(f"1Z{number}{each}")
                await ship.ship(world.context, order.id, package, actor="test")
        healthy = await world.a_store()
        order = await world.an_order(1, store=healthy)
        await world.answered_before()
        async with world.polling(poller_concurrency=20):
            assert await hanging(world) >= 12
            sent = await ship.ship(world.context, order.id, a_package("1ZH"), actor="test")
            async with limited():
                while (await world.update(sent.shipment.update.id)).state != "confirmed":
                    await asyncio.sleep(0.05)
