"""The importer: new orders, changed ones, Walmart-fulfilled ones, and unreadable ones."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.errors import Conflict
from app.domain.orders.requests import CancelRequest, RequestedItem
from app.domain.outbox.rate_limits import Breaker
from app.storage import queries
from app.storage.imports.leases import ImportTotals
from app.storage.queries import OrderFilter
from app.storage.queries.pagination import KeysetPage
from app.storage.queries.views import OrderView
from app.usecases.imports import import_order
from app.usecases.orders import cancel, ship
from app.walmart import order_lists
from app.worker.importer.importer import Importer
from tests.builders import a_package
from tests.harness.waiting import limited
from tests.harness.world import World


async def run(world: World, store_id: int = 1) -> ImportTotals | None:
    # The run does not wait for a pause: it ends, and the next one continues.
    return await Importer(world.context, Breaker(), every=0.000001, patience=0).run(store_id)


async def imported(world: World) -> dict[str, OrderView]:
    async with world.database.begin() as connection:
        found, _ = await queries.orders(connection, OrderFilter(), KeysetPage(200, None))
    return {order.purchase_order_id: order for order in found}


async def ask(world: World, question: str, **values: Any) -> Any:
    async with world.database.begin() as connection:
        return (await connection.execute(sa.text(question), values)).scalar()


async def garble(world: World, store: Any, **changes: Any) -> str:
    return await world.at_walmart(2, store=store, garbled=True, **changes)


async def test_a_buyers_order_is_imported_and_acknowledged(world: World) -> None:
    store = await world.a_store()
    number = await world.at_walmart(2, 1, store=store, status="Created")
    tally = await run(world)
    assert tally is not None
    assert (tally.imported, tally.stopped) == (1, None)
    order = (await imported(world))[number]
    assert [(line.sku, line.quantity.ordered, line.quantity.pending) for line in order.lines] == [
        ("SKU-1", 2, 0),
        ("SKU-2", 1, 0),
    ]
    assert order.ordered_at is not None
    assert order.ship_by is not None
    assert order.sync.state == "pending"
    assert order.acknowledge_by == order.ordered_at + timedelta(hours=4)
    acknowledgement = await ask(world, "SELECT id FROM updates")
    (update,) = await world.deliver_until(acknowledgement)
    assert (update.kind, update.state) == ("acknowledgement", "confirmed")
    assert len(await world.calls("acknowledge")) == 1
    assert (await world.order(order.id)).acknowledge_by is None


async def test_an_order_is_stored_once_however_often_it_is_listed(world: World) -> None:
    store = await world.a_store()
    for _ in range(3):
        await world.at_walmart(1, store=store, status="Created")
    await world.at_walmart(1, store=store)
    assert [(await run(world)).imported for _ in range(3)] == [4, 0, 0]  # type: ignore[union-attr]
    assert await ask(world, "SELECT count(*) FROM updates") == 3
    assert len(await imported(world)) == 4


async def test_an_order_registered_by_commerce_during_the_import_is_not_stored_twice(
    world: World,
) -> None:
    store = await world.a_store()
    number = await world.at_walmart(1, store=store, status="Created")
    results = await asyncio.gather(
        run(world), import_order.import_order(world.context, store.id, number, actor="commerce")
    )
    assert sum([results[0].imported, results[1].created]) == 1  # type: ignore[union-attr, list-item]
    assert await ask(world, "SELECT count(*) FROM updates") == 1


async def test_changes_at_walmart_are_imported(world: World) -> None:
    store = await world.a_store()
    number = await world.at_walmart(3, store=store)
    await run(world)
    order = (await imported(world))[number]
    await world.shipped_by_hand(order, 1, "HAND1")
    await world.walmart.post(f"/simulator/orders/{number}/intent-to-cancel", json={})
    tally = await run(world)
    assert tally is not None
    assert tally.changed == 1
    order = (await imported(world))[number]
    assert order.status == "partially_shipped"
    assert order.lines[0].quantity.shipped == 1
    assert order.cancel_requested is not None
    assert order.cancel_requested.lines == ("1",)
    async with world.database.begin() as connection:
        events = [each.what for each in (await queries.timeline(connection, 1, order.id)).entries]
    assert "drift_found" in events
    assert "cancel_requested" in events


async def test_our_own_shipment_does_not_cause_a_read(world: World) -> None:
    store = await world.a_store()
    number = await world.at_walmart(1, store=store)
    await run(world)
    order = (await imported(world))[number]
    shipped = await ship.ship(world.context, order.id, a_package("1ZA"), actor="t")
    await world.deliver_until(shipped.shipment.update.id)
    reads = len(await world.calls("read"))
    tally = await run(world)
    assert tally is not None
    assert (tally.orders, tally.changed) == (1, 0)
    assert len(await world.calls("read")) == reads


async def test_an_unacknowledged_order_of_any_age_is_found(
    world: World,
) -> None:
    store = await world.a_store()
    await run(world)
    number = await world.at_walmart(1, store=store, status="Created")
    # As if its change had never been listed: the next run starts long after it.
    await ask(world, "UPDATE imports SET read_until = now() + interval '1 day' RETURNING store_id")
    await run(world)
    assert number in await imported(world)


async def test_walmart_fulfilled_orders_are_shown_and_nothing_is_sent(world: World) -> None:
    store = await world.a_store()
    number = await world.at_walmart(1, store=store, status="Created", node_type="WFSFulfilled")
    await run(world)
    order = (await imported(world))[number]
    assert order.fulfilled_by == "walmart"
    assert await ask(world, "SELECT count(*) FROM updates") == 0
    with pytest.raises(Conflict) as refused:
        await ship.ship(world.context, order.id, a_package("1ZA"), actor="t")
    assert refused.value.code == "fulfilled_by_walmart"
    with pytest.raises(Conflict) as refused:
        await cancel.cancel(
            world.context, order.id, CancelRequest("out_of_stock"), actor="t", once=None
        )
    assert refused.value.code == "fulfilled_by_walmart"


async def test_an_unreadable_order_is_in_error_until_it_is_readable(world: World) -> None:
    store = await world.a_store()
    bad = await garble(world, store, status="Created")
    good = await world.at_walmart(1, store=store, status="Created")
    await run(world)
    orders = await imported(world)
    assert set(orders) == {bad, good}
    assert orders[bad].status == "error"
    assert [detail.code for detail in orders[bad].status_details] == ["order_unreadable"]
    with pytest.raises(Conflict) as refused:
        await ship.ship(world.context, orders[bad].id, a_package("1ZA"), actor="t")
    assert refused.value.code == "order_unreadable"
    assert await ask(world, "SELECT orders FROM order_counts WHERE status = 'error'") is None

    await world.walmart.post(f"/simulator/orders/{bad}/mend", json={})
    await run(world)
    mended = (await imported(world))[bad]
    assert (mended.status, mended.item_count, mended.status_details) == ("open", 2, ())
    assert mended.id == orders[bad].id
    assert mended.ordered_at is not None
    await world.deliver_until(
        await ask(world, "SELECT id FROM updates WHERE order_id = :id", id=mended.id)
    )


async def test_a_repaired_order_can_be_imported_by_its_number(
    world: World,
) -> None:
    store = await world.a_store()
    bad = await garble(world, store)
    await run(world)
    await world.walmart.post(f"/simulator/orders/{bad}/mend", json={})
    order = await world.imported(bad, store)
    assert (order.status, order.item_count) == ("open", 2)


@pytest.mark.parametrize("page", [1, 2])
async def test_an_interrupted_run_misses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(order_lists, "PAGE", 2)
    store = await world.a_store()
    numbers = {await world.at_walmart(1, store=store) for _ in range(5)}
    for _ in range(page - 1):
        await world.fault("list", "slow", delay=0, times=1)
    await world.fault("list", "throttle")
    tally = await run(world)
    assert tally is not None
    assert tally.stopped is not None
    assert await ask(world, "SELECT read_until FROM imports") is None
    await ask(world, "UPDATE lanes SET paused_until = '-infinity', tokens = NULL RETURNING 1")
    tally = await run(world)
    assert tally is not None
    assert tally.stopped is None
    assert set(await imported(world)) == numbers


async def test_a_paused_lane_is_not_called(world: World) -> None:
    store = await world.a_store()
    await world.at_walmart(1, store=store)
    await world.fault("list", "throttle", delay=60)
    await run(world)
    before = len(await world.calls("list"))
    tally = await run(world)
    assert tally is not None
    assert tally.stopped is not None
    assert len(await world.calls("list")) == before


async def test_rejected_credentials_stop_the_store_once(world: World) -> None:
    await world.a_store(walmart_client_secret="wrong")
    for _ in range(3):
        tally = await run(world)
        assert tally is not None
        assert tally.stopped is not None
    assert len(await world.calls("token")) == 1
    assert await ask(world, "SELECT reason FROM lanes WHERE endpoint = '*'") == (
        "credentials_rejected"
    )


async def test_one_importer_reads_a_store_at_a_time(world: World) -> None:
    store = await world.a_store()
    for _ in range(4):
        await world.at_walmart(1, store=store, status="Created")
    await world.fault("released", "slow", delay=0.3)
    tallies = await asyncio.gather(*(run(world) for _ in range(4)))
    assert sum(tally is not None for tally in tallies) == 1
    assert await ask(world, "SELECT count(*) FROM updates") == 4


async def test_an_importer_that_lost_its_lease_does_not_record_its_end(
    world: World,
) -> None:
    store = await world.a_store()
    await world.at_walmart(1, store=store)
    await world.fault("released", "slow", delay=0.5)
    slow = asyncio.create_task(run(world))
    await asyncio.sleep(0.1)
    await ask(world, "UPDATE imports SET leased_until = now() - interval '1 s' RETURNING 1")
    assert (await run(world)) is not None
    tally = await slow
    assert tally is not None
    assert tally.stopped == "Another process took the store over."
    assert await ask(world, "SELECT stopped FROM imports") is None


async def test_a_poller_imports_beside_its_deliveries(world: World) -> None:
    store = await world.a_store()
    number = await world.at_walmart(1, store=store, status="Created")
    poller = world.poller(import_interval=1)
    stop = asyncio.Event()
    running = asyncio.create_task(poller.run(stop))
    async with limited():
        while not await ask(world, "SELECT count(*) FROM updates WHERE state = 'confirmed'"):
            await asyncio.sleep(0.05)
    stop.set()
    await running
    assert number in await imported(world)


async def test_walmarts_cancellation_of_a_late_order_is_imported(world: World) -> None:
    store = await world.a_store()
    order = await world.an_order(2, 1, store=store)
    sent = await ship.ship(
        world.context, order.id, a_package("1ZA", items=(RequestedItem(1, "1"),)), actor="test"
    )
    await world.deliver_until(sent.shipment.update.id)
    answer = await world.walmart.post("/simulator/clock", json={"advance_seconds": 7 * 86_400})
    assert answer.json()["canceled"] == [order.purchase_order_id]
    # As by a webhook: Walmart's clock is days ahead of the lists' windows now.
    await world.imported(order.purchase_order_id, store)
    shown = await world.order(order.id)
    assert [
        (line.quantity.shipped, line.quantity.canceled, line.quantity.remaining)
        for line in shown.lines
    ] == [
        (1, 1, 0),
        (0, 1, 0),
    ]
    assert shown.status == "shipped"
