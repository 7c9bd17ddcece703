"""Two equal notes are written twice, and one with a lost answer once."""

import asyncio
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa

from app.domain.update import State
from app.storage.queries.views import OrderView
from app.storage.tables import updates as table
from tests.harness.waiting import limited
from tests.harness.world import World
from tests.integration.test_commerce_orders import a_store, handed_over, shop, updates
from tests.integration.test_recover import prepared
from tests.integration.web.doubtful import LONG, dismissed, land


async def comments(world: World) -> list[str]:
    (made,) = (await shop(world))["orders"]
    return [each["comment"].partition(" (")[0] for each in made["status_histories"]]


async def one_canceled(world: World, client: httpx.AsyncClient, order: OrderView) -> UUID:
    """Cancel one unit at Walmart and import it; return the note about it."""
    before = {each.id for each in await updates(world, "commerce_note")}
    path = f"/simulator/orders/{order.purchase_order_id}/cancel"
    one = {"lines": [{"line_number": "1", "quantity": 1}]}
    (await world.walmart.post(path, json=one)).raise_for_status()
    await client.post(f"/v1/orders/{order.id}/refresh")
    (made,) = [each.id for each in await updates(world, "commerce_note") if each.id not in before]
    return made


ONE = "Canceled at Walmart: 1 of SKU-1"


async def test_two_equal_changes_are_two_comments(world: World, client: httpx.AsyncClient) -> None:
    await a_store(world)
    order = await handed_over(world, await world.an_order(4))
    for count in (1, 2, 3):
        await world.deliver_until(await one_canceled(world, client, order))
        assert await comments(world) == [ONE] * count


async def test_two_waiting_equal_notes_are_two_comments(
    world: World, client: httpx.AsyncClient
) -> None:
    await a_store(world)
    order = await handed_over(world, await world.an_order(4))
    notes = [await one_canceled(world, client, order) for _ in range(2)]
    await world.deliver_until(*notes)
    assert await comments(world) == [ONE] * 2


async def test_a_note_that_arrived_without_an_answer_is_not_written_again(
    world: World, client: httpx.AsyncClient
) -> None:
    await a_store(world)
    order = await handed_over(world, await world.an_order(4))
    await world.deliver_until(await one_canceled(world, client, order))
    await world.fault("commerce_comments", "held")
    note = await one_canceled(world, client, order)
    await world.deliver_until(note, states={State.VERIFYING}, policy=LONG)
    assert await comments(world) == [ONE]
    await land(world)
    await world.let_doubts_end()
    await world.deliver_until(note, policy=LONG)
    assert await comments(world) == [ONE] * 2
    # The next one is a third.
    await world.deliver_until(await one_canceled(world, client, order))
    assert await comments(world) == [ONE] * 3


async def test_a_dismissed_note_that_arrived_is_not_counted_for_the_next(
    world: World, client: httpx.AsyncClient
) -> None:
    await a_store(world)
    order = await handed_over(world, await world.an_order(4))
    await world.fault("commerce_comments", "held")
    first = await one_canceled(world, client, order)
    await world.deliver_until(first, states={State.VERIFYING}, policy=LONG)
    await dismissed(client, str(first))
    # It arrives before any read, and before the next one is sent.
    await land(world)
    second = await one_canceled(world, client, order)
    await world.deliver_until(second, policy=LONG)
    assert await comments(world) == [ONE] * 2
    await world.let_doubts_end()
    async with world.polling(policy=LONG):
        await world.no_doubt_left()
    await world.deliver_until(await one_canceled(world, client, order))
    assert await comments(world) == [ONE] * 3


async def test_a_failed_note_retried_after_an_equal_one_is_written(
    world: World, client: httpx.AsyncClient
) -> None:
    await a_store(world)
    order = await handed_over(world, await world.an_order(4))
    await world.fault("commerce_comments", "refuse")
    first = await one_canceled(world, client, order)
    await world.deliver_until(first)
    await world.deliver_until(await one_canceled(world, client, order))
    assert await comments(world) == [ONE]
    await client.post(f"/v1/updates/{first}/retry")
    await world.deliver_until(first)
    assert await comments(world) == [ONE] * 2


async def test_a_lost_dismissed_note_does_not_claim_a_later_one(
    world: World, client: httpx.AsyncClient
) -> None:
    await a_store(world)
    order = await handed_over(world, await world.an_order(4))
    await world.fault("commerce_comments", "error")
    first = await one_canceled(world, client, order)
    await world.deliver_until(first, states={State.VERIFYING}, policy=LONG)
    await dismissed(client, str(first))
    await world.deliver_until(await one_canceled(world, client, order), policy=LONG)
    await world.let_doubts_end()
    async with world.polling(policy=LONG):
        await world.no_doubt_left()
    await world.fault("commerce_comments", "error_after")
    third = await one_canceled(world, client, order)
    await world.deliver_until(third, states={State.VERIFYING}, policy=LONG)
    await world.let_doubts_end()
    await world.deliver_until(third, policy=LONG)
    assert await comments(world) == [ONE] * 2


@pytest.mark.parametrize("read_first", ["failed", "open"])
async def test_after_a_restore_the_open_one_of_equal_notes_is_the_written_one(
    world: World, client: httpx.AsyncClient, read_first: str
) -> None:
    await a_store(world)
    order = await handed_over(world, await world.an_order(4))
    await world.fault("commerce_comments", "refuse")
    first = await one_canceled(world, client, order)
    await world.deliver_until(first)
    second = await one_canceled(world, client, order)
    await world.deliver_until(second)
    # Its state at the time of the backup.
    before = {"state": "pending", "active": True, "finished_at": None, "attempts": 0}
    async with world.database.begin() as connection:
        await connection.execute(
            sa.update(table).where(table.c.id == second).values(ambiguous=False, **before)
        )
    await prepared(world)
    notes = [first, second] if read_first == "failed" else [second, first]
    for note in notes:
        async with world.database.begin() as connection:
            await connection.execute(
                sa.update(table)
                .where(table.c.id == note)
                .values(in_doubt_until=sa.func.now(), due_at=sa.func.now())
            )
        async with world.polling(), limited():
            while await in_doubt(world, note):
                await asyncio.sleep(0.02)
    await world.deliver_until(second)
    assert await comments(world) == [ONE]


async def in_doubt(world: World, note: UUID) -> bool:
    async with world.database.begin() as connection:
        statement = sa.select(table.c.in_doubt_until).where(table.c.id == note)
        return (await connection.execute(statement)).scalar_one() is not None


async def test_a_dismissed_note_that_never_arrived_does_not_count(
    world: World, client: httpx.AsyncClient
) -> None:
    await a_store(world)
    order = await handed_over(world, await world.an_order(4))
    await world.fault("commerce_comments", "held")
    first = await one_canceled(world, client, order)
    await world.deliver_until(first, states={State.VERIFYING}, policy=LONG)
    await world.let_doubts_end()
    await dismissed(client, str(first))
    await world.deliver_until(await one_canceled(world, client, order))
    assert await comments(world) == [ONE]
