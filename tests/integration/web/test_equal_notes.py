"""Two equal notes are two notes, and one whose answer was lost is written once."""

from uuid import UUID

import httpx

from app.orders.update import State
from app.storage.views import OrderView
from tests.integration.test_connector import a_store, handed_over, shop, updates
from tests.integration.web.doubtful import LONG, dismissed, land
from tests.world import World


async def comments(world: World) -> list[str]:
    (made,) = (await shop(world))["orders"]
    return [each["comment"].partition(" (")[0] for each in made["status_histories"]]


async def one_canceled(world: World, client: httpx.AsyncClient, order: OrderView) -> UUID:
    """Let one unit be canceled at Walmart, and be seen; answers the note on it."""
    before = {each.id for each in await updates(world, "commerce_note")}
    path = f"/simulator/orders/{order.purchase_order_id}/cancel"
    one = {"lines": [{"line_number": "1", "quantity": 1}]}
    (await world.walmart.post(path, json=one)).raise_for_status()
    await client.post(f"/v1/orders/{order.id}/refresh")
    (made,) = [each.id for each in await updates(world, "commerce_note") if each.id not in before]
    return made


ONE = "Canceled at Walmart: 1 of SKU-1"


async def test_the_same_happening_twice_is_two_comments(
    world: World, client: httpx.AsyncClient
) -> None:
    await a_store(world)
    order = await handed_over(world, await world.an_order(4))
    for count in (1, 2, 3):
        await world.deliver_until(await one_canceled(world, client, order))
        assert await comments(world) == [ONE] * count


async def test_two_that_wait_together_are_two_comments(
    world: World, client: httpx.AsyncClient
) -> None:
    await a_store(world)
    order = await handed_over(world, await world.an_order(4))
    notes = [await one_canceled(world, client, order) for _ in range(2)]
    await world.deliver_until(*notes)
    assert await comments(world) == [ONE] * 2


async def test_a_note_that_landed_without_an_answer_is_not_written_again(
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
    # And the next one is a third.
    await world.deliver_until(await one_canceled(world, client, order))
    assert await comments(world) == [ONE] * 3


async def test_a_dismissed_note_that_landed_is_not_taken_for_the_next(
    world: World, client: httpx.AsyncClient
) -> None:
    await a_store(world)
    order = await handed_over(world, await world.an_order(4))
    await world.fault("commerce_comments", "held")
    first = await one_canceled(world, client, order)
    await world.deliver_until(first, states={State.VERIFYING}, policy=LONG)
    await dismissed(client, str(first))
    # It lands while nobody has read it yet, and before the next one is sent.
    await land(world)
    second = await one_canceled(world, client, order)
    await world.deliver_until(second, policy=LONG)
    assert await comments(world) == [ONE] * 2
    await world.let_doubts_end()
    async with world.polling(policy=LONG):
        await world.no_doubt_left()
    await world.deliver_until(await one_canceled(world, client, order))
    assert await comments(world) == [ONE] * 3


async def test_a_dismissed_note_that_never_landed_does_not_count(
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
