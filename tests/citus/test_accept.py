"""Requests on a cluster: two statements of one server each, batched by store."""

import asyncio
import dataclasses
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.domain.errors import Conflict, Unknown
from app.domain.orders.requests import CancelRequest, RequestedItem, ShipRequest
from app.storage.idempotency import IdempotentRequest, Replayed, StoredResponse
from app.storage.orders import accept
from app.storage.orders.acceptance import Acceptance, OrderLookup
from app.storage.postgres import migrate
from app.storage.queries.views import OrderView
from app.usecases.orders import cancel, ship
from tests.builders import a_package
from tests.harness.world import World

_COLUMNS = """store_id, id, target, subject, order_id, kind, sequence, state, payload, attempts,
              ambiguous, requested_by, created_at, updated_at, finished_at"""
_ARCHIVE = f"""
    INSERT INTO archived_updates ({_COLUMNS}) SELECT {_COLUMNS} FROM updates
     WHERE store_id = $1 AND id = $2
"""
_DELETE = "DELETE FROM updates WHERE store_id = $1 AND id = $2"
_FUNCTIONS = """
    SELECT p.oid::regprocedure::text AS name FROM pg_proc p
      JOIN pg_dist_object o ON o.classid = 'pg_proc'::regclass AND o.objid = p.oid
     WHERE p.pronamespace = 'public'::regnamespace AND o.distribution_argument_index = 0 ORDER BY 1
"""


def one_unit(number: str) -> ShipRequest:
    return a_package(number, items=(RequestedItem(1, line_number="1"),))


def a_key(order: OrderView, key: str = "a") -> IdempotentRequest:
    path = f"/v1/orders/{order.id}/shipments"
    render = lambda shipped: StoredResponse(202, str(shipped.shipment.id).encode(), {})  # noqa: E731
    store = order.id.int & 0xFFFFFFFF
    return IdempotentRequest(store, "k", "POST", path, key, key.encode(), render)


@pytest.fixture
async def written(world: World, monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The stores of each write, and the requests of each that it answered."""
    found: list[list[int]] = []
    writes = world.context.accept_batcher._writes
    carry_out = writes.carry_out

    async def noted(wanted: Sequence[Acceptance]) -> Any:
        found.append([each.version.order.store_id for each in wanted])
        return await carry_out(wanted)

    monkeypatch.setattr(writes, "carry_out", noted)
    return found


async def test_requests_of_a_store_share_a_write_and_keep_their_results(
    world: World, written: list[list[int]]
) -> None:
    stores = [await world.a_store(), await world.a_store()]
    orders = [await world.an_order(3, store=store) for store in stores for _ in range(3)]
    shipping, canceled = orders[:5], orders[5]
    shipments = [
        ship.ship(world.context, each.id, one_unit(f"1Z{n}"), actor="t", once=a_key(each))
        for n, each in enumerate(shipping)
    ]
    canceling = cancel.cancel(world.context, canceled.id, CancelRequest("fraud"), actor="t")
    shipped, gone = await asyncio.gather(asyncio.gather(*shipments), canceling)
    assert sorted(len(each) for each in written) == [3, 3]
    assert all(len(set(each)) == 1 for each in written)
    assert len({each.shipment.number for each in shipped}) == 5
    for each, order in zip(shipped, shipping, strict=True):
        seen = await world.order(order.id)
        assert [(one.id, one.number) for one in seen.shipments] == [
            (each.shipment.id, each.shipment.number)
        ]
        assert seen.lines[0].quantity.remaining == 2
        with pytest.raises(Replayed) as again:
            await ship.ship(world.context, order.id, one_unit("1ZX"), actor="t", once=a_key(order))
        assert again.value.answer.body == str(each.shipment.id).encode()
    await world.deliver_until(*(each.shipment.update.id for each in shipped), gone.update.id)


async def test_of_two_requests_for_an_order_at_once_the_second_waits_for_the_first(
    world: World,
) -> None:
    order = await world.an_order(2)
    results = await asyncio.gather(
        *(ship.ship(world.context, order.id, one_unit(f"1Z{n}"), actor="t") for n in range(3)),
        return_exceptions=True,
    )
    refused = [each for each in results if isinstance(each, BaseException)]
    assert [type(each) for each in refused] == [Conflict]
    seen = await world.order(order.id)
    assert (len(seen.shipments), seen.lines[0].quantity.remaining) == (2, 0)


async def test_the_function_of_a_shard_finds_what_a_transaction_finds(world: World) -> None:
    """Lines, updates of each kind, an archived one and a reference; then a key's answer."""
    order = await world.an_order(4)
    sent = dataclasses.replace(one_unit("1ZA"), reference="r")
    first = await ship.ship(world.context, order.id, sent, actor="t", once=a_key(order))
    await world.deliver_until(first.shipment.update.id)
    await ship.ship(world.context, order.id, one_unit("1ZB"), actor="t", once=a_key(order, "b"))
    store_id = order.id.int & 0xFFFFFFFF
    await world.database.direct.fetch(_ARCHIVE, store_id, first.shipment.update.id)
    await world.database.direct.fetch(_DELETE, store_id, first.shipment.update.id)
    asked = [OrderLookup(order.id, references=[each], packages=1) for each in ("r", "s")]
    repeated, other = [await world.context.accept_batcher.look_up(each) for each in asked]
    assert (repeated.repeated, other.repeated) == (True, False)
    async with world.database.begin() as connection:
        locked = await accept.lock(connection, order.id)
    for found in (repeated, other):
        assert (found.order, found.rules, found.store) == (
            locked.order,
            locked.rules,
            locked.store,
        )
        assert timedelta() <= locked.at - found.at < timedelta(minutes=1)
    assert len(locked.order.tasks) == 2
    with pytest.raises(Replayed) as again:
        await world.context.accept_batcher.look_up(OrderLookup(order.id, a_key(order)))
    assert again.value.answer == StoredResponse(202, str(first.shipment.id).encode(), {})
    with pytest.raises(Unknown):
        await world.context.accept_batcher.look_up(OrderLookup(UUID(int=store_id)))


async def test_a_cluster_has_its_functions_after_a_migration(world: World) -> None:
    """A release may need others than the one that distributed the tables."""
    found = await world.database.direct.fetch(_FUNCTIONS)
    assert len(found) == 2
    for row in found:
        await world.database.direct.fetch(f"DROP FUNCTION {row['name']}")
    await asyncio.to_thread(migrate.upgrade, world.url)
    assert await world.database.direct.fetch(_FUNCTIONS) == found
    order = await world.an_order(1)
    await ship.ship(world.context, order.id, one_unit("1ZA"), actor="t", once=a_key(order))
