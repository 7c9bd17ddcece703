"""Returns and their orders: several orders, an order that comes later, and returns without refund."""

from dataclasses import replace
from uuid import UUID

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from app.domain.errors import Conflict, Invalid
from app.domain.orders.returns import Return, ReturnLine
from app.storage import queries
from app.storage.imports import webhook_inbox
from app.storage.queries import ReturnFilter, order_search
from app.storage.queries.pagination import KeysetPage
from app.storage.queries.views import OrderView, ReturnRequestedView, ReturnView
from app.storage.returns import returns as storage
from tests.harness.world import World
from tests.integration.test_returns import asked, refunds, returned, returns, run, send_back


async def shipped(world: World, units: int) -> OrderView:
    order = await world.an_order(units)
    await world.walmart.post(f"/simulator/orders/{order.purchase_order_id}/ship", json={})
    return await world.imported(order.purchase_order_id, world._stores[0])


async def of_two(world: World, *units: int) -> tuple[OrderView, OrderView, ReturnView]:
    """A return of two orders, line 1 of each, as it is imported."""
    first, second = [await shipped(world, each) for each in units or (2, 1)]
    lines = [
        {"purchase_order_id": order.purchase_order_id, "line_number": "1"}
        for order in (first, second)
    ]
    path = f"/simulator/orders/{first.purchase_order_id}/return"
    (await world.walmart.post(path, json={"lines": lines})).raise_for_status()
    await run(world)
    (found,) = await returns(world)
    return first, second, found


async def of_order(world: World, order_id: UUID) -> list[ReturnView]:
    async with world.database.begin() as connection:
        found, _ = await queries.returns(
            connection, ReturnFilter(store_id=1, order_id=order_id), KeysetPage(50, None)
        )
    return found


async def test_a_return_of_several_orders_is_shown_on_each_of_them(world: World) -> None:
    first, second, found = await of_two(world)
    assert [each.order_id for each in found.orders] == [first.id, second.id]
    assert found.order_id == first.id
    for order in (first, second):
        assert [each.id for each in await of_order(world, order.id)] == [found.id]
        assert (await world.order(order.id)).return_requested == ReturnRequestedView(
            1, f"/v1/returns?order_id={order.id}"
        )
        async with world.database.begin() as connection:
            events = [
                each.what for each in (await queries.timeline(connection, 1, order.id)).entries
            ]
        assert events.count("return_requested") == 1
    other = await shipped(world, 1)
    assert await of_order(world, other.id) == []


async def test_a_return_of_several_orders_is_refunded_by_an_update_of_each(world: World) -> None:
    first, second, found = await of_two(world)
    await asked(world, found)
    (shown,) = await returns(world)
    assert [(each.order_id, [i.quantity for i in each.items]) for each in shown.refunds] == [
        (first.id, [2]),
        (second.id, [1]),
    ]
    await world.deliver_until(*(each.update.id for each in shown.refunds))
    ledger = [e for e in await world.ledger() if e["operation"] == "refund"]
    assert sorted((e["purchase_order_id"], e["quantity"]) for e in ledger) == sorted(
        [(first.purchase_order_id, 2), (second.purchase_order_id, 1)]
    )
    assert (await world.order(first.id)).lines[0].quantity.refunded == 2
    assert (await world.order(second.id)).lines[0].quantity.refunded == 1
    assert (await returns(world))[0].status == "refunded"


async def test_one_line_of_a_return_of_several_orders_is_settled_on_its_own_order(
    world: World,
) -> None:
    first, second, found = await of_two(world)
    accepted = await asked(world, found, (2, 1))
    assert accepted.update.order_id == second.id
    await world.deliver_until(accepted.update.id)
    assert (await world.order(first.id)).lines[0].quantity.refunded == 0
    assert (await world.order(second.id)).lines[0].quantity.refunded == 1
    assert (await world.order(first.id)).return_requested == ReturnRequestedView(
        1, f"/v1/returns?order_id={first.id}"
    )


async def test_shipped_units_are_read_from_the_order_of_the_line(world: World) -> None:
    first, _, found = await of_two(world)
    async with world.database.begin() as connection:
        await connection.exec_driver_sql(
            f"UPDATE order_lines SET shipped = 0 WHERE order_id = '{first.id}'"
        )
    with pytest.raises(Conflict) as refused:
        await asked(world, found, (1, 1))
    assert refused.value.code == "order_not_shipped"
    await asked(world, found, (2, 1))


async def test_a_return_is_linked_to_an_order_that_comes_later(world: World) -> None:
    store = await world.a_store()
    number = await world.at_walmart(2, store=store)
    await world.walmart.post(f"/simulator/orders/{number}/ship", json={})
    shown = Return("900", "c", (ReturnLine(1, "1", "SKU-1", 1),), number)
    async with world.database.begin() as connection:
        await storage.save(connection, 1, [shown], world.context.new_id)
    (found,) = await returns(world)
    with pytest.raises(Conflict) as refused:
        await asked(world, found)
    assert refused.value.code == "order_unknown"
    assert number in str(refused.value)
    order = await world.imported(number, store)
    (found,) = await returns(world)
    assert found.order_id == order.id
    assert order.return_requested == ReturnRequestedView(1, f"/v1/returns?order_id={order.id}")
    assert [each.id for each in await of_order(world, order.id)] == [found.id]
    await asked(world, found)


async def test_a_settled_return_is_no_longer_shown_on_its_order(world: World) -> None:
    order, found = await returned(world)
    accepted = await asked(world, found)
    await world.deliver_until(accepted.update.id)
    assert (await world.order(order.id)).return_requested is None
    # It is still found by its order.
    assert [each.id for each in await of_order(world, order.id)] == [found.id]


async def test_an_unreadable_return_is_in_error_until_it_is_readable(world: World) -> None:
    order = await shipped(world, 2)
    path = f"/simulator/orders/{order.purchase_order_id}/return"
    made = (await world.walmart.post(path, json={"garbled": True})).json()
    assert (await run(world)).unreadable == 1
    (found,) = await returns(world, "error")
    assert found.rma_number == made["returnOrderId"]
    (detail,) = found.status_details
    assert (detail.code, detail.origin, detail.operation) == (
        "return_unreadable",
        "walmart",
        "import",
    )
    assert "quantity" in detail.message
    with pytest.raises(Conflict) as refused:
        await asked(world, found)
    assert refused.value.code == "return_unreadable"
    # It is the same return, and the error keeps its age, when it is shown again.
    await run(world)
    assert [each.status_details for each in await returns(world)] == [(detail,)]
    await world.walmart.post(f"/simulator/returns/{made['returnOrderId']}/mend", json={})
    await run(world)
    (mended,) = await returns(world, "received")
    assert (mended.id, mended.order_id, mended.status_details) == (found.id, order.id, ())
    async with world.database.begin() as connection:
        events = [each.what for each in (await queries.timeline(connection, 1, order.id)).entries]
    assert events.count("return_requested") == 1


async def test_an_unreadable_return_of_a_webhook_is_in_error_until_it_is_readable(
    world: World,
) -> None:
    order = await shipped(world, 2)
    path = f"/simulator/orders/{order.purchase_order_id}/return"
    number = (await world.walmart.post(path, json={"garbled": True})).json()["returnOrderId"]
    assert await announced(world, number) == "unreadable"
    (found,) = await returns(world, "error")
    assert found.rma_number == number
    assert [each.code for each in found.status_details] == ["return_unreadable"]
    await world.walmart.post(f"/simulator/returns/{number}/mend", json={})
    assert await announced(world, number) == "changed"
    (mended,) = await returns(world, "received")
    assert (mended.id, mended.order_id) == (found.id, order.id)


async def announced(world: World, number: str) -> str:
    """Receive a webhook about a return; return its outcome."""
    event_id = f"event-{world.context.new_id(1)}"
    async with world.database.begin() as connection:
        event = webhook_inbox.NewWebhookEvent(1, event_id, "RETURN", None, number)
        await webhook_inbox.add(connection, event)
    await world.process_webhook_events()
    outcome = sa.text("SELECT outcome FROM webhook_events WHERE event_id = :event")
    async with world.database.begin() as connection:
        return str((await connection.execute(outcome, {"event": event_id})).scalar_one())


async def test_a_return_that_waybill_cannot_store_is_in_error_and_the_others_are_not(
    world: World,
) -> None:
    orders = [await shipped(world, 1) for _ in range(2)]
    good, bad = [await send_back(world, order) for order in orders]
    check = f"ADD CONSTRAINT fault CHECK (return_order_id <> '{bad}' OR import_error IS NOT NULL)"
    async with world.database.begin() as connection:
        await connection.execute(sa.text(f"ALTER TABLE returns {check}"))
    with capture_logs() as logs:
        assert (await run(world)).unreadable == 1
    (logged,) = [each for each in logs if each["event"] == "return_not_written"]
    assert (logged["return_order_id"], type(logged["exc_info"])) == (bad, sa.exc.IntegrityError)
    (found,) = await returns(world, "error")
    assert found.rma_number == bad
    assert "could not write it down" in found.status_details[0].message
    assert [each.rma_number for each in await returns(world, "received")] == [good]
    async with world.database.begin() as connection:
        await connection.execute(sa.text("ALTER TABLE returns DROP CONSTRAINT fault"))
    await run(world)
    assert await returns(world, "error") == []


async def test_a_return_that_becomes_unreadable_keeps_its_known_state(world: World) -> None:
    order, found = await returned(world)
    async with world.database.begin() as connection:
        error = {
            "code": "return_unreadable",
            "message": "m",
            "suggestion": "s",
            "occurred_at": "2026-11-26T00:00:00Z",
        }
        number = found.rma_number
        await storage.save_unreadable(connection, 1, {number: error}, world.context.new_id)
    (shown,) = await returns(world, "error")
    changed = {name: getattr(shown, name) for name in ("status", "status_details", "updated_at")}
    assert shown == replace(found, **changed)
    assert shown.order_id == order.id


REASON = {"reason": "NO_LONGER_NEEDED"}


@pytest.mark.parametrize("shown_by", [{}, REASON], ids=["event", "reason"])
async def test_a_canceled_return_is_closed_and_not_refunded(
    world: World, shown_by: dict[str, str]
) -> None:
    order, found = await returned(world)
    await world.walmart.post(f"/simulator/returns/{found.rma_number}/cancel", json=shown_by)
    await run(world)
    (shown,) = await returns(world, "closed")
    assert shown.canceled
    assert (await world.order(order.id)).return_requested is None
    with pytest.raises(Conflict) as refused:
        await asked(world, shown)
    assert refused.value.code == "return_closed"
    assert await refunds(world) == []


async def test_units_that_were_refunded_stay_refunded_when_the_rest_is_canceled(
    world: World,
) -> None:
    _, found = await returned(world, 3)
    accepted = await asked(world, found, (1, 1))
    await world.deliver_until(accepted.update.id)
    await world.walmart.post(f"/simulator/returns/{found.rma_number}/cancel", json=REASON)
    await run(world)
    (shown,) = await returns(world)
    assert shown.status == "refunded"
    assert [(line.refunded, line.canceled) for line in shown.items] == [(1, 2)]
    with pytest.raises(Conflict) as refused:
        await asked(world, shown)
    assert refused.value.code == "nothing_to_refund"
    assert await refunds(world) == [1]


@pytest.mark.parametrize("shown_by", [{}, REASON], ids=["event", "reason"])
async def test_a_canceled_line_is_not_refunded_with_the_rest(
    world: World, shown_by: dict[str, str]
) -> None:
    _, found = await returned(world, 2, 1)
    path = f"/simulator/returns/{found.rma_number}/cancel"
    await world.walmart.post(path, json={"lines": [1], **shown_by})
    await run(world)
    (shown,) = await returns(world, "received")
    assert [(line.quantity - line.refunded, line.canceled) for line in shown.items] == [
        (2, 2),
        (1, 0),
    ]
    accepted = await asked(world, shown)
    await world.deliver_until(accepted.update.id)
    assert await refunds(world) == [1]
    assert (await returns(world))[0].status == "refunded"


async def test_a_return_for_a_replacement_is_closed_and_not_refunded(world: World) -> None:
    order = await shipped(world, 1)
    path = f"/simulator/orders/{order.purchase_order_id}/return"
    await world.walmart.post(path, json={"return_type": "REPLACEMENT"})
    await run(world)
    (shown,) = await returns(world, "closed")
    assert shown.return_type == "replacement"
    assert (await world.order(order.id)).return_requested is None
    with pytest.raises(Conflict) as refused:
        await asked(world, shown)
    assert refused.value.code == "return_closed"


@pytest.mark.parametrize(("what", "body"), [("cancel", {}), ("cancel", REASON), ("lose-line", {})])
async def test_a_refund_of_units_that_walmart_canceled_fails(
    world: World, what: str, body: dict[str, str]
) -> None:
    order, found = await returned(world, 2, 1)
    accepted = await asked(world, found)
    await world.walmart.post(f"/simulator/returns/{found.rma_number}/{what}", json=body)
    (update,) = await world.deliver_until(accepted.update.id)
    assert update.state == "failed"
    assert update.status_detail is not None
    assert update.status_detail.code == "return_changed"
    assert await refunds(world) == []
    assert (await world.order(order.id)).status == "error"


async def test_the_time_to_refund_counts_from_the_arrival_of_the_return(world: World) -> None:
    _, found = await returned(world)
    assert (found.arrived_at, found.refund_by) == (None, None)
    await world.walmart.post(f"/simulator/returns/{found.rma_number}/arrive", json={})
    await run(world)
    (shown,) = await returns(world)
    assert shown.arrived_at is not None
    assert shown.refund_by is not None
    assert (shown.refund_by - shown.arrived_at).total_seconds() == 48 * 3600


async def test_returns_are_found_by_the_beginning_of_any_number(world: World) -> None:
    first, second, found = await of_two(world)
    other = await shipped(world, 1)
    await send_back(world, other)
    await run(world)
    async with world.database.begin() as connection:
        await connection.exec_driver_sql(
            "UPDATE orders SET commerce_order_number = CASE purchase_order_id "
            f"WHEN '{second.purchase_order_id}' THEN '000000042' ELSE '100' END"
        )

    async def search(text: str, store_id: int | None = 1) -> list[UUID]:
        async with world.database.begin() as connection:
            wanted = ReturnFilter(store_id=store_id, q=text)
            views, _ = await queries.returns(connection, wanted, KeysetPage(50, None))
        return [each.id for each in views]

    assert await search("0000000") == [found.id]
    assert await search(found.rma_number) == [found.id]
    assert await search(first.purchase_order_id) == [found.id]
    assert await search(second.purchase_order_id, None) == [found.id]
    assert await search(str(found.customer_order_id)) == [found.id]
    assert len(await search("100")) == 2
    assert await search("000000042", 2) == []
    assert await search("nothing") == []
    assert await search(" ") == []


async def test_a_search_of_returns_with_too_many_matches_says_so(world: World) -> None:
    store = await world.a_store()
    async with world.database.begin() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO returns (store_id, id, return_order_id, customer_order_id, lines, refunded)"
            f" SELECT {store.store_id}, gen_random_uuid(), 'R' || n, 'C' || n, '[]', false"
            f" FROM generate_series(1, {order_search.MOST + 1}) n"
        )
        with pytest.raises(Invalid, match="Type more of it"):
            await order_search.find_returns(connection, "R", store.store_id)
        assert len(await order_search.find_returns(connection, "R1000", store.store_id)) == 1


async def test_refunds_of_the_orders_of_one_return_are_recorded_concurrently(world: World) -> None:
    """Each writes to both orders, which every recorder locks in the same order."""
    for _ in range(3):
        orders = [await shipped(world, 1) for _ in range(2)]
        lines = [
            {"purchase_order_id": order.purchase_order_id, "line_number": "1"} for order in orders
        ]
        path = f"/simulator/orders/{orders[0].purchase_order_id}/return"
        (await world.walmart.post(path, json={"lines": lines})).raise_for_status()
    await run(world)
    for found in await returns(world):
        await asked(world, found)
    updates = [each.update.id for found in await returns(world) for each in found.refunds]
    delivered = await world.deliver_until(*updates, pollers=3, poller_concurrency=1)
    assert [(each.state, each.attempts_made) for each in delivered] == [("confirmed", 1)] * 6
