"""What needs action is grouped by its cause."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from app.domain.outbox.rate_limits import Breaker
from app.domain.update import State
from app.storage import queries
from app.storage.queries import KeysetPage
from app.storage.queries.views import AttentionGroupView, OrderView
from app.usecases.imports import reconcile
from app.usecases.orders import ship
from app.worker.importer.importer import Importer
from tests.builders import a_package
from tests.harness.world import ACTOR, World


async def groups(world: World, store_id: int | None = None) -> list[AttentionGroupView]:
    async with world.database.direct.reading() as session:
        return await queries.attention(session, store_id)


async def a_failed_shipment(world: World, number: str, **fault: str) -> OrderView:
    order = await world.an_order(1)
    await world.fault("shipping", "refuse", **fault)
    shipped = await ship.ship(world.context, order.id, a_package(number), actor=ACTOR)
    await world.deliver_until(shipped.shipment.update.id, states={State.FAILED})
    return order


async def change(world: World, statement: str, **values: object) -> None:
    async with world.database.begin() as connection:
        await connection.execute(sa.text(statement), values)


def shown(found: Sequence[AttentionGroupView]) -> list[tuple[str, str, int]]:
    return [(each.kind, each.code, each.count) for each in found]


async def test_failures_of_one_cause_are_one_group_and_others_are_others(world: World) -> None:
    first = await a_failed_shipment(world, "1ZA", field="methodCode")
    second = await a_failed_shipment(world, "1ZB", field="methodCode")
    await a_failed_shipment(world, "1ZC", field="carrierName")
    found = {each.code: each for each in await groups(world)}
    method, carrier = found["method_code_not_supported"], found["carrier_not_supported"]
    assert (len(found), method.count, carrier.count) == (2, 2, 1)
    assert (method.kind, method.operation) == ("not_delivered", "shipment")
    assert (method.value, carrier.value) == ("Standard", "UPS")
    numbers = [each.number for each in method.sample]
    assert numbers == [first.purchase_order_id, second.purchase_order_id]
    assert method.next_deadline in {first.ship_by, second.ship_by}
    assert method.message is not None


async def test_the_id_of_a_group_stays_and_differs_between_stores(world: World) -> None:
    one, two = await world.a_store(), await world.a_store()
    for store in (one, two):
        order = await world.an_order(1, store=store)
        await world.fault("shipping", "refuse", field="methodCode")
        shipped = await ship.ship(world.context, order.id, a_package("1ZA"), actor=ACTOR)
        await world.deliver_until(shipped.shipment.update.id, states={State.FAILED})
    before = {each.store_id: each.id for each in await groups(world)}
    assert len(set(before.values())) == len(before) == 2
    (mine,) = await groups(world, two.store_id)
    assert (mine.store_id, mine.id) == (two.id, before[two.id])


async def test_the_members_of_a_group_are_paged(world: World) -> None:
    for number in ("1ZA", "1ZB", "1ZC"):
        await a_failed_shipment(world, number, field="methodCode")
    (group,) = await groups(world)
    seen: list[UUID] = []
    after = None
    async with world.database.direct.reading() as session:
        known = await queries.attention_cause(session, 1, group.id)
        assert known is not None
        while len(seen) < 3:
            found, after = await queries.attention_members(session, known[0], KeysetPage(2, after))
            seen += [member.id for member in found]
    assert after is None
    assert len(set(seen)) == 3


async def test_orders_near_or_past_their_ship_by_time_are_groups_until_they_are_shipped(
    world: World,
) -> None:
    near, late = await world.an_order(1), await world.an_order(1)
    warn = "UPDATE orders SET ship_by_warned_at = now(), ship_by = now() + :by WHERE id = :id"
    await change(world, warn, by=timedelta(hours=1), id=near.id)
    await change(world, warn, by=timedelta(hours=-1), id=late.id)
    found = await groups(world)
    assert shown(found) == [
        ("costs_money", "ship_by_passed", 1),
        ("costs_money", "ship_by_near", 1),
    ]
    assert [each.sample[0].order_id for each in found] == [late.id, near.id]
    for order in (near, late):
        await ship.ship(world.context, order.id, a_package(f"1Z{order.item_count}"), actor=ACTOR)
    assert await groups(world) == []


async def test_a_buyer_who_asks_to_cancel_is_a_decision(world: World) -> None:
    order = await world.an_order(1)
    await world.walmart.post(
        f"/simulator/orders/{order.purchase_order_id}/intent-to-cancel", json={}
    )
    await world.imported(order.purchase_order_id, world._stores[0])
    (group,) = await groups(world)
    assert (group.kind, group.code) == ("decision", "cancel_requested")
    assert group.fix is not None
    assert (group.fix.action, group.sample[0].number) == ("cancel", order.purchase_order_id)


async def test_a_return_that_arrived_counts_down_to_walmarts_own_refund(world: World) -> None:
    order = await world.an_order(2)
    path = f"/simulator/orders/{order.purchase_order_id}"
    await world.walmart.post(f"{path}/ship", json={})
    await world.walmart.post(f"{path}/return", json={})
    await Importer(world.context, Breaker(), every=0.000001).run(1)
    assert await groups(world) == []
    await change(world, "UPDATE returns SET arrived_at = now()")
    (group,) = await groups(world)
    assert (group.kind, group.code) == ("costs_money", "return_refund_near")
    assert group.oldest_at is not None
    assert group.next_deadline == group.oldest_at + timedelta(hours=48)
    assert group.fix is not None
    assert group.fix.action == "refund"


async def test_rejected_keys_stop_a_store_and_its_waiting_updates_are_the_members(
    world: World,
) -> None:
    order = await world.an_order(1)
    await ship.ship(world.context, order.id, a_package("1ZA"), actor=ACTOR)
    reject = (
        "UPDATE lanes SET reason = 'credentials_rejected', failures = 9,"
        " paused_until = now() + interval '1 h' WHERE endpoint = '*'"
    )
    await change(world, reject)
    (group,) = await groups(world)
    assert (group.kind, group.code) == ("stops_store", "credentials_rejected")
    assert [each.order_id for each in group.sample] == [order.id] * group.count
    assert group.fix is not None
    assert group.fix.url == f"/v1/stores/{group.store_id}"


async def test_orders_that_cannot_be_read_and_lost_notifications_need_action(world: World) -> None:
    await world.a_store()
    await change(
        world,
        "INSERT INTO import_retries (store_id, purchase_order_id, reason, due_at)"
        " VALUES (1, '77', 'No.', now())",
    )
    await change(
        world,
        "INSERT INTO notification_queues (store_id, given_up, last_error) VALUES (1, 4, 'Down')",
    )
    found = await groups(world)
    assert shown(found) == [
        ("costs_money", "order_not_read", 1),
        ("decision", "notifications_given_up", 1),
    ]
    assert found[0].sample[0].id is None
    assert [each.message for each in found] == ["No.", "Down"]


async def test_what_a_reconciliation_leaves_to_a_person_is_a_group(world: World) -> None:
    order = await world.an_order(1)
    unknown = await world.at_walmart(1, store=world._stores[0])
    since = world.context.now() - timedelta(hours=24)
    await reconcile.reconcile(world.context, 1, since)
    (group,) = await groups(world)
    assert (group.kind, group.code) == ("decision", "order_unknown_here")
    assert [each.number for each in group.sample] == [unknown]
    assert group.fix is not None
    assert (group.fix.action, order.purchase_order_id == unknown) == ("import", False)
