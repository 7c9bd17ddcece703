"""Requests on a cluster: two statements of one server each, batched by store."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from app.domain.errors import Conflict
from app.domain.orders.requests import CancelRequest, RequestedItem, ShipRequest
from app.storage.idempotency import IdempotentRequest, Replayed, StoredResponse
from app.storage.orders.acceptance import Acceptance
from app.storage.queries.views import OrderView
from app.usecases.orders import cancel, ship
from tests.builders import a_package
from tests.harness.world import World


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
