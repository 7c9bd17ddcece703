"""Shipments accepted in one statement: each gets the result it would get alone."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa

from app.domain.errors import Conflict, Unknown
from app.domain.orders.requests import CancelRequest, RequestedItem, ShipRequest
from app.storage import idempotency
from app.storage.idempotency import IdempotentRequest, Replayed, StoredResponse
from app.storage.orders import repository
from app.storage.orders.acceptance import Acceptance
from app.storage.queries.views import OrderView, StoreView
from app.storage.tables import shipments
from app.usecases.orders import cancel, ship
from app.usecases.orders.ship_locked import AcceptedShipment
from tests.builders import a_package
from tests.harness.world import World


async def some_orders(world: World, number: int, store: StoreView) -> list[OrderView]:
    placed = [await world.at_walmart(3, store=store, status="Acknowledged") for _ in range(number)]
    return [await world.imported(each, store) for each in placed]


def one_unit(number: str, **changes: Any) -> ShipRequest:
    return a_package(number, items=(RequestedItem(1, line_number="1"),), **changes)


def a_key(order: OrderView, key: str) -> IdempotentRequest:
    store = order.store_id.int & 0xFFFFFFFF
    path = f"/v1/orders/{order.id}/shipments"
    render = lambda shipped: StoredResponse(202, str(shipped.shipment.id).encode(), {})  # noqa: E731
    return IdempotentRequest(store, "k", "POST", path, key, key.encode(), render)


def batches(world: World, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Record how many shipments each write covers from now on."""
    found: list[int] = []
    write = world.context.accept_batcher._writes.carry_out

    async def counted(wanted: Sequence[Acceptance]) -> Sequence[bool | Exception]:
        found.append(len(wanted))
        return await write(wanted)

    monkeypatch.setattr(world.context.accept_batcher._writes, "carry_out", counted)
    return found


async def accept(
    world: World, *asked: tuple[OrderView, ShipRequest, IdempotentRequest | None]
) -> list[AcceptedShipment | BaseException]:
    return await asyncio.gather(
        *(
            ship.ship(world.context, order.id, request, actor="test", once=once)
            for order, request, once in asked
        ),
        return_exceptions=True,
    )


async def written(world: World, *found: OrderView) -> list[int]:
    asked = sa.select(shipments.c.order_id)
    async with world.database.begin() as connection:
        rows = (await connection.execute(asked)).scalars().all()
    return [rows.count(order.id) for order in found]


async def test_shipments_of_several_stores_share_a_write_and_keep_their_results(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await world.a_store(), await world.a_store()
    found = [*await some_orders(world, 2, one), *await some_orders(world, 1, other)]
    sizes = batches(world, monkeypatch)
    results = await accept(
        world, *((order, one_unit(f"1Z{n}"), a_key(order, "a")) for n, order in enumerate(found))
    )
    assert sizes == [3]
    for number, (order, result) in enumerate(zip(found, results, strict=True)):
        assert isinstance(result, AcceptedShipment)
        shipped = await world.order(order.id)
        assert [each.tracking_number for each in shipped.shipments] == [f"1Z{number}"]
        assert [each.id for each in shipped.shipments] == [result.shipment.id]
        assert shipped.lines[0].quantity.remaining == 2
        # Each repeated request gets its own answer.
        (again,) = await accept(world, (order, one_unit(f"1Z{number}"), a_key(order, "a")))
        assert isinstance(again, Replayed)
        assert again.answer.body == str(result.shipment.id).encode()
    await world.deliver_until(
        *(each.shipment.update.id for each in results if isinstance(each, AcceptedShipment))
    )


async def test_shipments_and_cancellations_are_written_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped, canceled, packed = await some_orders(world, 3, await world.a_store())
    sizes = batches(world, monkeypatch)
    await asyncio.gather(
        ship.ship(world.context, shipped.id, one_unit("1ZA"), actor="test"),
        cancel.cancel(world.context, canceled.id, CancelRequest("fraud"), actor="test"),
        ship.ship_all(world.context, packed.id, [one_unit("1ZB"), one_unit("1ZC")], actor="test"),
    )
    assert sizes == [3]
    assert await written(world, shipped, canceled, packed) == [1, 0, 2]
    left = [
        (await world.order(each.id)).lines[0].quantity.remaining
        for each in (shipped, canceled, packed)
    ]
    assert left == [2, 0, 1]
    assert (await world.order(canceled.id)).cancellation is not None


async def test_an_error_of_one_request_is_answered_to_it_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await world.a_store()
    good, unknown, greedy, last = await some_orders(world, 4, store)
    sizes = batches(world, monkeypatch)
    nowhere = replace(unknown, id=world.context.new_id(store.id.int & 0xFFFFFFFF))
    results = await accept(
        world,
        (good, one_unit("1ZA"), None),
        (nowhere, one_unit("1ZB"), None),
        (greedy, a_package("1ZC", items=(RequestedItem(9, line_number="1"),)), None),
        (last, one_unit("1ZD"), None),
    )
    assert isinstance(results[1], Unknown)
    assert isinstance(results[2], Conflict)
    assert await written(world, good, unknown, greedy, last) == [1, 0, 0, 1]
    assert sizes == [2]


async def test_a_request_refused_by_the_database_does_not_affect_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its key has an expired answer, which the database refuses in the middle of the write."""
    store = await world.a_store()
    found = await some_orders(world, 3, store)
    old = a_key(found[1], "old")
    async with world.database.begin() as connection:
        before = AcceptedShipment(await _any_shipment(world, found[2]), repeated=False)
        await idempotency.store(connection, old, before)
        aged = "UPDATE idempotency_keys SET created_at = now() - interval '8 days'"
        await connection.execute(sa.text(aged))
    sizes = batches(world, monkeypatch)
    results = await accept(
        world, *((order, one_unit("1ZB"), old if order is found[1] else None) for order in found)
    )
    assert [isinstance(each, AcceptedShipment) for each in results] == [True] * 3
    assert await written(world, *found) == [1, 1, 2]
    assert sizes == [3, 1, 1, 1]


async def _any_shipment(world: World, order: OrderView) -> Any:
    return (await ship.ship(world.context, order.id, one_unit("1ZA"), actor="test")).shipment


async def test_a_locked_order_does_not_delay_other_requests(world: World) -> None:
    store = await world.a_store()
    held, free = await some_orders(world, 2, store)
    async with world.database.begin() as connection:
        await repository.lock(connection, held.id)
        waits = asyncio.create_task(
            ship.ship(world.context, held.id, one_unit("1ZA"), actor="test")
        )
        goes = asyncio.create_task(ship.ship(world.context, free.id, one_unit("1ZB"), actor="test"))
        await goes
        assert not waits.done()
    await waits
    assert await written(world, held, free) == [1, 1]


async def test_an_order_that_changed_between_read_and_write_is_read_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another request ships all of it between the two statements and releases it."""
    (order,) = await some_orders(world, 1, await world.a_store())
    write = world.context.accept_batcher._writes.carry_out

    async def late(wanted: Sequence[Acceptance]) -> Sequence[bool | Exception]:
        monkeypatch.setattr(world.context.accept_batcher._writes, "carry_out", write)
        await ship.ship(world.context, order.id, a_package("1ZFIRST"), actor="test")
        return await write(wanted)

    monkeypatch.setattr(world.context.accept_batcher._writes, "carry_out", late)
    with pytest.raises(Conflict) as refused:
        await ship.ship(world.context, order.id, one_unit("1ZLATE"), actor="test")
    assert refused.value.code == "quantity_exceeds_remaining"
    assert await written(world, order) == [1]


async def test_concurrent_shipments_of_one_order_are_accepted_in_turn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three units and four requests for one each: never more than three are accepted."""
    (order,) = await some_orders(world, 1, await world.a_store())
    sizes = batches(world, monkeypatch)
    results = await accept(world, *((order, one_unit(f"1Z{n}"), None) for n in range(4)))
    refused = [each for each in results if isinstance(each, Conflict)]
    assert [each.code for each in refused] == ["quantity_exceeds_remaining"]
    assert await written(world, order) == [3]
    assert sizes[0] == 4


async def test_concurrent_duplicates_are_carried_out_once(world: World) -> None:
    (order,) = await some_orders(world, 1, await world.a_store())
    results = await accept(world, *((order, one_unit("1ZA"), a_key(order, "same")),) * 3)
    shipped = [each for each in results if isinstance(each, AcceptedShipment)]
    others = [each for each in results if not isinstance(each, AcceptedShipment)]
    assert len(shipped) == 1
    for each in others:
        expected = isinstance(each, Replayed) or (
            isinstance(each, Conflict) and each.code == "idempotency_in_progress"
        )
        assert expected, each
    assert await written(world, order) == [1]


async def test_text_that_the_database_refuses_is_an_error_of_its_request_only(world: World) -> None:
    """The API refuses such text first; this is the case where it did not."""
    store = await world.a_store()
    good, bad = await some_orders(world, 2, store)
    results = await accept(
        world, (good, one_unit("1ZA"), None), (bad, one_unit("1Z", reference="\ud800"), None)
    )
    assert isinstance(results[0], AcceptedShipment)
    assert isinstance(results[1], asyncpg.DataError)
    assert await written(world, good, bad) == [1, 0]
