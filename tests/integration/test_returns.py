"""Buyers' returns are imported, and a refund reaches Walmart once."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.errors import Conflict, Invalid, OrderError
from app.domain.orders.returns import RefundRequest
from app.domain.outbox.rate_limits import Breaker
from app.domain.update import State
from app.storage import queries
from app.storage.imports.leases import ImportTotals
from app.storage.queries import ReturnFilter
from app.storage.queries.pagination import KeysetPage
from app.storage.queries.views import OrderView, ReturnRequestedView, ReturnView
from app.storage.returns import returns as storage
from app.usecases.returns import refund
from app.usecases.returns.refund import Refunded
from app.usecases.updates import dismiss, retry
from app.worker.importer.importer import Importer
from tests.harness.pollers import POLICY
from tests.harness.world import World


async def run(world: World) -> ImportTotals:
    tally = await Importer(world.context, Breaker(), every=0.000001).run(1)
    assert tally is not None
    assert tally.stopped is None
    return tally


async def returns(world: World, status: str | None = None) -> list[ReturnView]:
    async with world.database.begin() as connection:
        found, _ = await queries.returns(
            connection, ReturnFilter(store_id=1, status=status), KeysetPage(50, None)
        )
    return found


async def send_back(world: World, order: OrderView, *lines: tuple[str, int]) -> str:
    wanted = [{"line_number": number, "quantity": units} for number, units in lines]
    path = f"/simulator/orders/{order.purchase_order_id}/return"
    answer = await world.walmart.post(path, json={"lines": wanted} if lines else {})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["returnOrderId"])


async def returned(world: World, *quantities: int) -> tuple[OrderView, ReturnView]:
    """An order that was shipped by hand and returned, as it is imported."""
    store = world._stores[0] if world._stores else await world.a_store()
    number = await world.at_walmart(*(quantities or (2,)), store=store)
    await world.walmart.post(f"/simulator/orders/{number}/ship", json={})
    order = await world.imported(number, store)
    rma = await send_back(world, order)
    await run(world)
    (found,) = [each for each in await returns(world) if each.rma_number == rma]
    return order, found


async def arrived(world: World, age: timedelta = timedelta(hours=27)) -> None:
    """Let Walmart record that all returns were received so long ago."""
    async with world.database.begin() as connection:
        await connection.execute(
            sa.text("UPDATE returns SET arrived_at = now() - CAST(:age AS interval)"), {"age": age}
        )


async def asked(world: World, found: ReturnView, *items: tuple[int, int]) -> Refunded:
    request = RefundRequest(tuple(items) or None)
    return await refund.refund(world.context, found.id, request, actor="test")


async def refunds(world: World) -> list[int]:
    return [e["quantity"] for e in await world.ledger() if e["operation"] == "refund"]


async def test_a_return_is_imported_and_shown_on_its_order(world: World) -> None:
    order, found = await returned(world)
    assert (found.status, found.order_id) == ("received", order.id)
    assert found.requested_at is not None
    assert found.return_by is not None
    assert found.refund_amount is not None
    assert [(line.sku, line.quantity, line.refunded) for line in found.items] == [("SKU-1", 2, 0)]
    assert (await world.order(order.id)).return_requested == ReturnRequestedView(
        1, f"/v1/returns?order_id={order.id}"
    )
    async with world.database.begin() as connection:
        events = [each.what for each in (await queries.timeline(connection, 1, order.id)).entries]
    assert events.count("return_requested") == 1
    assert (await run(world)).returns == 0


async def test_the_unknown_order_of_a_return_is_imported(world: World) -> None:
    store = await world.a_store()
    number = await world.at_walmart(1, store=store)
    await world.walmart.post(f"/simulator/orders/{number}/ship", json={})
    await world.walmart.post(f"/simulator/orders/{number}/return", json={})
    async with world.database.begin() as connection:
        await connection.execute(
            sa.text("INSERT INTO imports (store_id, read_until) VALUES (1, now() + interval '1 d')")
        )
    await run(world)
    (found,) = await returns(world)
    assert found.order_id is not None
    assert (await world.order(found.order_id)).status == "shipped"


async def test_a_refund_reaches_walmart_and_the_return_is_refunded(world: World) -> None:
    order, found = await returned(world)
    accepted = await asked(world, found)
    assert accepted.returned.status == "received"
    (update,) = await world.deliver_until(accepted.update.id)
    assert (update.kind, update.state) == ("refund", "confirmed")
    assert await refunds(world) == [2]
    (shown,) = await returns(world)
    assert shown.status == "refunded"
    assert [(line.quantity, line.refunded) for line in shown.items] == [(2, 2)]
    assert [each.update.state for each in shown.refunds] == ["confirmed"]
    assert (await world.order(order.id)).lines[0].quantity.refunded == 2
    # It is not reported as an unrequested change.
    assert (await run(world)).changed == 0


async def test_a_part_is_refunded_by_line_and_quantity(world: World) -> None:
    _, found = await returned(world, 3, 2)
    first = await asked(world, found, (1, 1), (2, 2))
    second = await asked(world, found, (1, 1))
    await world.deliver_until(first.update.id, second.update.id)
    assert sorted(await refunds(world)) == [1, 1, 2]
    (shown,) = await returns(world)
    assert shown.status == "received"
    assert [line.refunded for line in shown.items] == [2, 2]
    last = await asked(world, found)
    await world.deliver_until(last.update.id)
    assert (await returns(world))[0].status == "refunded"
    assert sum(await refunds(world)) == 5


@pytest.mark.parametrize("fault", ["error_after", "html_after", "cut", "unshown", "error"])
async def test_an_unclear_answer_never_refunds_twice(world: World, fault: str) -> None:
    _, found = await returned(world, 3)
    accepted = await asked(world, found, (1, 1))
    await world.fault("refund", fault, delay=0)
    await world.deliver_until(accepted.update.id, states={State.CONFIRMED})
    assert await refunds(world) == [1]
    assert (await returns(world))[0].items[0].refunded == 1


@pytest.mark.impatient
async def test_a_refund_that_arrives_late_is_not_doubled(world: World) -> None:
    _, found = await returned(world, 3)
    accepted = await asked(world, found, (1, 1))
    await world.fault("refund", "late", delay=world.timeout + 2.3)
    # The first read comes after two seconds and shows no refund yet.
    policy = replace(POLICY, quiet_period=3.0)
    await world.deliver_until(accepted.update.id, states={State.CONFIRMED}, policy=policy)
    # Every late write has arrived by then.
    await asyncio.sleep(1)
    assert await refunds(world) == [1]


async def test_a_refund_made_by_walmart_confirms_ours_and_nothing_is_sent(
    world: World,
) -> None:
    _, found = await returned(world)
    accepted = await asked(world, found)
    await world.walmart.post(f"/simulator/returns/{found.rma_number}/refund", json={})
    (update,) = await world.deliver_until(accepted.update.id)
    assert update.state == "confirmed"
    assert await refunds(world) == []
    assert (await returns(world))[0].status == "refunded"


async def test_a_refund_made_by_walmart_is_imported(world: World) -> None:
    order, found = await returned(world)
    await world.walmart.post(f"/simulator/returns/{found.rma_number}/refund", json={})
    await run(world)
    assert (await returns(world))[0].status == "refunded"
    assert (await world.order(order.id)).lines[0].quantity.refunded == 2
    with pytest.raises(Conflict) as refused:
        await asked(world, found)
    assert refused.value.code == "nothing_to_refund"


async def test_a_failed_refund_is_an_error_until_it_is_retried_or_dismissed(
    world: World,
) -> None:
    order, found = await returned(world)
    accepted = await asked(world, found)
    await world.fault("refund", "refuse")
    await world.deliver_until(accepted.update.id)
    (shown,) = await returns(world, "error")
    assert [detail.operation for detail in shown.status_details] == ["refund"]
    assert (await world.order(order.id)).status == "error"
    async with world.database.begin() as connection:
        assert (await queries.return_summary(connection, 1))["error"] == 1
    await retry.retry(world.context, accepted.update.id, override_cancel_request=False, actor="t")
    await world.deliver_until(accepted.update.id, states={State.CONFIRMED})
    assert (await returns(world))[0].status == "refunded"
    assert (await world.order(order.id)).status == "shipped"
    assert await refunds(world) == [2]


async def test_a_dismissed_refund_leaves_its_units_to_another(world: World) -> None:
    _, found = await returned(world)
    accepted = await asked(world, found)
    await world.fault("refund", "refuse")
    await world.deliver_until(accepted.update.id)
    await dismiss.dismiss(world.context, accepted.update.id, note="by hand", actor="t")
    again = await asked(world, found)
    await world.deliver_until(again.update.id)
    assert await refunds(world) == [2]


@pytest.mark.parametrize(
    ("items", "code"),
    [
        (((1, 3),), "refund_exceeds_return"),
        (((9, 1),), "unknown_line"),
        (((1, 1), (1, 1)), "line_repeated"),
    ],
)
async def test_a_refund_beyond_the_return_is_refused(
    world: World, items: tuple[tuple[int, int], ...], code: str
) -> None:
    _, found = await returned(world)
    with pytest.raises((Conflict, Invalid)) as refused:
        await asked(world, found, *items)
    assert refused.value.code == code
    assert (await returns(world))[0].refunds == ()


async def test_units_are_refunded_once_by_concurrent_requests(world: World) -> None:
    _, found = await returned(world)
    results = await asyncio.gather(
        *(asked(world, found, (1, 2)) for _ in range(5)), return_exceptions=True
    )
    accepted = [each for each in results if isinstance(each, Refunded)]
    refused = [each for each in results if isinstance(each, OrderError)]
    assert len(accepted) == 1
    assert {each.code for each in refused} == {"refund_exceeds_return"}
    await world.deliver_until(accepted[0].update.id)
    assert await refunds(world) == [2]


async def test_only_shipped_units_are_refunded(world: World) -> None:
    _, found = await returned(world)
    async with world.database.begin() as connection:
        await connection.execute(sa.text("UPDATE order_lines SET shipped = 0"))
    with pytest.raises(Conflict) as refused:
        await asked(world, found)
    assert refused.value.code == "order_not_shipped"


async def test_a_refund_waits_for_earlier_updates_of_its_order(world: World) -> None:
    """Updates of one order are sent one at a time, refunds included."""
    order, found = await returned(world)
    accepted = await asked(world, found, (1, 1))
    second = await asked(world, found, (1, 1))
    assert second.update.sequence == accepted.update.sequence + 1
    async with world.database.begin() as connection:
        active = await connection.execute(
            sa.text("SELECT id FROM updates WHERE active AND order_id = :id"), {"id": order.id}
        )
        assert active.scalars().all() == [accepted.update.id]


async def test_a_lagging_list_does_not_revert_a_refund(world: World) -> None:
    _, found = await returned(world)
    async with world.database.begin() as connection:
        before = await storage.find(connection, found.id)
    accepted = await asked(world, found)
    await world.deliver_until(accepted.update.id)
    async with world.database.begin() as connection:
        await storage.save(connection, 1, [before.returned], world.context.new_id)
    (shown,) = await returns(world)
    assert (shown.rma_number, shown.status) == (found.rma_number, "refunded")


async def test_returns_are_paged_newest_first(world: World) -> None:
    for _ in range(3):
        await returned(world)
    seen: list[Any] = []
    after = None
    while True:
        async with world.database.begin() as connection:
            found, after = await queries.returns(connection, ReturnFilter(), KeysetPage(1, after))
        seen += [view.id for view in found]
        if after is None:
            break
    assert seen == [view.id for view in await returns(world)]
    assert len(seen) == 3
