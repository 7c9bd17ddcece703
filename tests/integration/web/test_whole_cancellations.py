"""A cancellation covers the whole order: every open unit, in as many calls as Walmart needs."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa

from app.domain.update import State
from app.storage.queries.views import OrderView
from app.storage.tables import updates
from tests.harness.waiting import limited
from tests.harness.world import World
from tests.integration.web.doubtful import LONG, land, shown
from tests.integration.web.test_lag import caught_up, lagging
from tests.integration.web.test_partial_shipments import at_seller_center

REASON = {"reason": "out_of_stock"}


async def registered(
    world: World, client: httpx.AsyncClient, known: int, *quantities: int
) -> OrderView:
    """An order registered by Commerce with its first lines only."""
    store = await world.a_store()
    number = await world.at_walmart(*quantities, store=store)
    lines = [
        {"line_number": str(n), "sku": f"SKU-{n}", "quantity": units}
        for n, units in enumerate(quantities[:known], start=1)
    ]
    body = {"store_id": str(store.id), "purchase_order_id": number, "lines": lines}
    answer = await client.post("/v1/orders", json=body)
    assert answer.status_code == 201, answer.text
    order = await world.order(UUID(answer.json()["id"]))
    async with world.database.begin() as connection:
        row = await connection.exec_driver_sql("SELECT id FROM updates WHERE state = 'pending'")
        waiting = row.scalars().all()
    await world.deliver_until(*waiting)
    return order


async def canceled(client: httpx.AsyncClient, order: OrderView) -> UUID:
    answer = await client.post(f"/v1/orders/{order.id}/cancellation", json=REASON)
    assert answer.status_code == 202, answer.text
    return UUID(answer.json()["update"]["id"])


async def units(client: httpx.AsyncClient, order: OrderView) -> list[int]:
    return [line["quantity"]["canceled"] for line in (await shown(client, order))["lines"]]


async def at_walmart(world: World, order: OrderView) -> Counter[str]:
    """The units of each line that Walmart canceled for us."""
    found: Counter[str] = Counter()
    for entry in await world.ledger(order.purchase_order_id):
        if entry["operation"] == "cancel":
            found[entry["line"]] += entry["quantity"]
    return found


@pytest.mark.parametrize("known", [1, 2])
async def test_lines_known_only_to_walmart_are_canceled_too(
    world: World, client: httpx.AsyncClient, known: int
) -> None:
    order = await registered(world, client, known, 2, 1, 3)
    (view,) = await world.deliver_until(await canceled(client, order))
    assert view.state == "confirmed"
    assert await units(client, order) == [2, 1, 3]
    assert await at_walmart(world, order) == {"1": 2, "2": 1, "3": 3}
    assert (await shown(client, order))["status"] == "canceled"
    assert len(await world.calls("cancel")) == 1


async def test_units_canceled_before_are_not_counted_as_ours(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await registered(world, client, 1, 3, 2)
    path = f"/simulator/orders/{order.purchase_order_id}/cancel"
    some = {"lines": [{"line_number": "1", "quantity": 1}, {"line_number": "2", "quantity": 1}]}
    (await world.walmart.post(path, json=some)).raise_for_status()
    await world.deliver_until(await canceled(client, order))
    assert await at_walmart(world, order) == {"1": 2, "2": 1}
    assert await units(client, order) == [3, 2]
    assert (await shown(client, order))["status"] == "canceled"


@pytest.mark.parametrize("by_us", [True, False])
async def test_lines_unknown_to_walmart_are_not_canceled(
    world: World, client: httpx.AsyncClient, *, by_us: bool
) -> None:
    store = await world.a_store()
    number = await world.at_walmart(2, store=store)
    lines = [
        {"line_number": "1", "sku": "SKU-1", "quantity": 2},
        {"line_number": "2", "sku": "SKU-2", "quantity": 1},
    ]
    body = {"store_id": str(store.id), "purchase_order_id": number, "lines": lines}
    answer = await client.post("/v1/orders", json=body)
    order = await world.order(UUID(answer.json()["id"]))
    update = await canceled(client, order)
    if not by_us:
        await at_seller_center(world, order, "canceled", {"1": 2})
        await client.post(f"/v1/orders/{order.id}/refresh")
    (view,) = await world.deliver_until(update)
    assert view.state == "confirmed"
    found = [line["quantity"] for line in (await shown(client, order))["lines"]]
    assert [(each["canceled"], each["pending"]) for each in found] == [(2, 0), (0, 0)]


async def test_an_order_with_many_lines_is_canceled_in_several_calls(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(*[1] * 230)
    update = await canceled(client, order)
    (view,) = await world.deliver_until(update)
    assert view.state == "confirmed"
    assert len(await world.calls("cancel")) == 3
    assert await at_walmart(world, order) == {str(n): 1 for n in range(1, 231)}
    assert set(await units(client, order)) == {1}


async def refuse_the_second(world: World, order: OrderView) -> None:
    number = order.purchase_order_id
    await world.fault("cancel", "slow", delay=0, purchase_order_id=number)
    await world.fault(
        "cancel",
        "refuse",
        times=1,
        purchase_order_id=number,
        description="Line status is not allowed",
    )


async def test_a_refused_part_is_reported_and_a_retry_sends_it(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(*[1] * 230)
    await refuse_the_second(world, order)
    update = await canceled(client, order)
    (view,) = await world.deliver_until(update)
    assert view.state == "failed"
    # The other parts are done: the third call was made although the second was refused.
    assert sum((await at_walmart(world, order)).values()) == 130
    assert sum(await units(client, order)) == 130
    details = (await shown(client, order))["status_details"]
    assert sorted(int(each["line_number"]) for each in details) == list(range(101, 201))
    assert {each["units"] for each in details} == {1}
    assert all(each["message"] and each["update_id"] == str(update) for each in details)
    assert (await client.post(f"/v1/updates/{update}/retry")).status_code == 202
    (view,) = await world.deliver_until(update)
    assert view.state == "confirmed"
    assert await at_walmart(world, order) == {str(n): 1 for n in range(1, 231)}
    assert (await shown(client, order))["status"] == "canceled"


@pytest.mark.parametrize("fault", ["held", "error_after"])
async def test_a_part_with_a_lost_answer_is_canceled_once(
    world: World, client: httpx.AsyncClient, fault: str
) -> None:
    order = await world.an_order(*[1] * 130)
    await world.fault("cancel", "slow", delay=0)
    await world.fault("cancel", fault)
    update = await canceled(client, order)
    await world.deliver_until(update, states={State.VERIFYING}, policy=LONG)
    assert sum(await units(client, order)) in {0, 100}
    await land(world)
    await world.let_doubts_end()
    (view,) = await world.deliver_until(update, policy=LONG)
    assert view.state == "confirmed"
    assert await at_walmart(world, order) == {str(n): 1 for n in range(1, 131)}


async def test_a_part_that_its_answer_does_not_show_is_in_doubt(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(*[1] * 101)
    await lagging(world)
    await world.fault("cancel", "unshown")
    await world.fault("cancel", "refuse", times=1)
    update = await canceled(client, order)
    await world.deliver_until(update, states={State.FAILED, State.VERIFYING}, policy=LONG)
    async with world.database.begin() as connection:
        found = await connection.execute(
            sa.select(updates.c.in_doubt_until).where(updates.c.id == update)
        )
        assert found.scalar_one() is not None
    await caught_up(world)
    await world.let_doubts_end()
    (view,) = await world.deliver_until(update, policy=LONG)
    assert view.state == "confirmed"
    assert await at_walmart(world, order) == {str(n): 1 for n in range(1, 102)}


async def test_a_lagging_read_requests_no_canceled_unit_again(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(3)
    await at_seller_center(world, order, "canceled", {"1": 1})
    await client.post(f"/v1/orders/{order.id}/refresh")
    await lagging(world)
    (view,) = await world.deliver_until(await canceled(client, order))
    assert view.state == "confirmed"
    assert await at_walmart(world, order) == {"1": 2}


async def test_parts_before_a_throttled_one_are_recorded_and_not_sent_again(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(*[1] * 101)
    await world.fault("cancel", "slow", delay=0)
    await world.fault("cancel", "throttle", delay=0.1)
    await lagging(world)
    update = await canceled(client, order)
    await world.deliver_until(update, states={State.RETRYING, State.FAILED, State.CONFIRMED})
    assert sum(await units(client, order)) >= 100
    (view,) = await world.deliver_until(update)
    assert view.state == "confirmed"
    assert await at_walmart(world, order) == {str(n): 1 for n in range(1, 102)}


async def test_a_refusal_is_not_explained_by_a_read_that_lags_behind_another_part(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(*[1] * 101)
    await refuse_the_second(world, order)
    await lagging(world)
    update = await canceled(client, order)
    (view,) = await world.deliver_until(update)
    assert view.state == "confirmed"
    assert await at_walmart(world, order) == {str(n): 1 for n in range(1, 102)}


async def test_a_refusal_is_not_explained_by_a_read_that_lags_behind_known_units(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(2, 1)
    await at_seller_center(world, order, "canceled", {"1": 1})
    await client.post(f"/v1/orders/{order.id}/refresh")
    await lagging(world)
    await world.fault("cancel", "refuse", times=1)
    update = await canceled(client, order)
    (view,) = await world.deliver_until(update, policy=LONG)
    assert view.state == "confirmed"
    assert await at_walmart(world, order) == {"1": 1, "2": 1}


async def test_no_further_part_is_sent_once_the_lease_is_lost(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(*[1] * 130)
    await world.fault("cancel", "slow", delay=0.5)
    update = await canceled(client, order)
    # A lease this short is renewed before each write.
    async with world.polling(lease=2.0, policy=LONG), limited():
        while not await world.calls("cancel"):
            await asyncio.sleep(0.01)
        async with world.database.begin() as connection:
            await connection.exec_driver_sql(
                "UPDATE updates SET lease_token = gen_random_uuid(), "
                f"leased_until = now() + interval '1 hour' WHERE id = '{update}'"
            )
        while not await lost(world, update):
            await asyncio.sleep(0.01)
    assert len(await world.calls("cancel")) == 1
    # Its poller died, too; the rest is canceled once.
    async with world.database.begin() as connection:
        await connection.exec_driver_sql(
            f"UPDATE updates SET leased_until = now() WHERE id = '{update}'"
        )
    await world.deliver_until(update, states={State.VERIFYING}, policy=LONG)
    await world.let_doubts_end()
    await world.deliver_until(update, policy=LONG)
    assert await at_walmart(world, order) == {str(n): 1 for n in range(1, 131)}


async def lost(world: World, update: UUID) -> bool:
    """Whether a poller has recorded an attempt with a lost lease."""
    async with world.database.begin() as connection:
        rows: Any = await connection.exec_driver_sql(
            f"SELECT verdict FROM attempts WHERE update_id = '{update}'"
        )
        return "lease_lost" in rows.scalars().all()
