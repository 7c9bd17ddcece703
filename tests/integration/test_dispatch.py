"""From an announcement to a claim: what is named is claimed at once, what follows is found."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa

from app.intake import ship
from app.orders.lane import Breaker, Endpoint, News
from app.orders.update import Kind
from app.storage import claims, lanes
from app.storage.tables import updates as table
from app.storage.urls import asyncpg_arguments
from app.storage.wakeup import CHANNEL, MOST_TOLD, Announcer, Heard, Listener
from tests.builders import items
from tests.world import ACTOR, World, a_package, claim

# So long that a poller that only found what is due by its poll would never end a test.
NEVER = 3600.0


@asynccontextmanager
async def listening(url: str) -> AsyncIterator[Heard]:
    """What a poller of another process hears."""
    heard = Heard()
    async with Listener(url, heard):
        await heard.wait()
        heard.take()
        yield heard


async def shipped(world: World, number: str, order_id: UUID | None = None, **changes: Any) -> UUID:
    order = order_id or (await world.an_order(1)).id
    accepted = await ship.ship(world.desk, order, a_package(number, **changes), actor=ACTOR)
    return accepted.shipment.update.id


async def confirmed(world: World, update_id: UUID) -> None:
    async with asyncio.timeout(30):
        while (await world.update(update_id)).state != "confirmed":
            await asyncio.sleep(0.02)


async def test_a_shipment_is_announced_by_its_store_and_kind(world: World) -> None:
    async with listening(world.url) as heard, Announcer(world.url) as announcer:
        announcer.wake((7, Kind.SHIPMENT), (7, Kind.SHIPMENT), (9, Kind.CANCELLATION))
        await heard.wait()
    assert heard.take() == (frozenset({(7, Kind.SHIPMENT), (9, Kind.CANCELLATION)}), False)


async def test_too_many_to_name_are_announced_as_anything(world: World) -> None:
    async with listening(world.url) as heard, Announcer(world.url) as announcer:
        announcer.wake(*((store, Kind.SHIPMENT) for store in range(MOST_TOLD + 1)))
        await heard.wait()
    assert heard.take() == (frozenset(), True)


@pytest.mark.parametrize("words", ["", "of another version", "7:something_new", "x:shipment"])
async def test_an_announcement_that_is_not_understood_may_mean_anything(
    world: World, words: str
) -> None:
    connection: Any = await asyncpg.connect(**asyncpg_arguments(world.url))
    async with listening(world.url) as heard:
        await connection.execute(f"NOTIFY {CHANNEL}, '{words}'")
        await heard.wait()
    await connection.close()
    assert heard.take() == (frozenset(), True)


async def test_what_is_announced_is_delivered_without_waiting_for_the_next_poll(
    world: World,
) -> None:
    async with world.polling(poll_interval=NEVER):
        await confirmed(world, await shipped(world, "1ZFIRST"))
        await confirmed(world, await shipped(world, "1ZAGAIN"))


async def test_an_update_that_waited_for_another_follows_without_the_next_poll(
    world: World,
) -> None:
    order = await world.an_order(3)
    found = [await shipped(world, number, order.id, items=items(l1=1)) for number in ("1ZA", "1ZB")]
    async with world.polling(poll_interval=NEVER):
        for update in found:
            await confirmed(world, update)


async def test_a_retry_comes_without_the_next_poll(world: World) -> None:
    await world.fault("shipping", "error", times=1)
    update = await shipped(world, "1ZRETRY")
    async with world.polling(poll_interval=NEVER):
        await confirmed(world, update)


async def test_what_a_lane_held_back_goes_when_walmart_has_answered(world: World) -> None:
    store = await world.a_store()
    found = []
    for number in range(9):
        order = await world.an_order(1, store=store)
        found.append(await shipped(world, f"1Z{number}", order.id))
    async with world.polling(poll_interval=NEVER):
        for update in found:
            await confirmed(world, update)


async def test_nobody_passes_the_turnstile_while_another_claims(world: World) -> None:
    for number in range(3):
        await shipped(world, f"1Z{number}")
    await world.answered_before()
    hour = world.desk.now() + timedelta(hours=1)
    async with world.database.begin() as connection:
        now = await lanes.now(connection)
        ways = (Endpoint.SHIP, Endpoint.ALL)
        told = [News(1, each, now, now, tokens=2, replenish_at=hour) for each in ways]
        await lanes.record(connection, told, Breaker())
    other: Any = await asyncpg.connect(**asyncpg_arguments(world.url))
    async with other.transaction():
        await other.execute(lanes.turnstile(1))
        # Another poller has taken one and has not yet committed.
        await other.execute(
            "UPDATE updates SET state = 'sending', lease_token = gen_random_uuid(), leased_by = 'x',"
            " leased_until = now() + interval '1 minute' WHERE id = (SELECT id FROM updates"
            " WHERE kind = 'shipment' AND state = 'pending' AND active LIMIT 1)"
        )
        waiting = asyncio.create_task(claim(world.database))
        await until_one_waits(other)
    taken = await waiting
    await other.close()
    assert len(taken) == 1


async def until_one_waits(connection: Any) -> None:
    async with asyncio.timeout(10):
        while not await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.01)


async def test_a_look_tells_when_the_next_is_due(world: World) -> None:
    update = await shipped(world, "1ZLATER")
    await world.answered_before()
    async with world.database.begin() as connection:
        later = sa.func.now() + timedelta(seconds=500)
        await connection.execute(sa.update(table).values(due_at=later).where(table.c.id == update))
    found = [each for each in await claims.due(world.database.direct) if each.kind is Kind.SHIPMENT]
    assert [math.ceil(each.due_in / 10) for each in found] == [50]
