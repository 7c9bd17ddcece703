"""Recovery after a restored backup: open updates are put in doubt, and Walmart is read."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.domain.orders.requests import CancelRequest, StockLevel
from app.domain.orders.unrequested import UnrequestedUnits
from app.domain.outbox.claimed_update import NewUpdate
from app.domain.outbox.doubt import UNTIMED
from app.domain.update import Kind
from app.storage import queries, rate_limits
from app.storage.orders import accept
from app.storage.queries.views import OrderView, StoreView
from app.storage.recording import recovery
from app.storage.recording.recovery import Level
from app.storage.tables import audit, stores
from app.storage.tables import updates as table
from app.usecases.imports import recover, recover_reads, register
from app.usecases.imports.recover_report import RecoverReport
from app.usecases.orders import cancel, ship
from app.usecases.stores import inventory
from app.walmart import errors
from app.worker.importer.rate_limited_reader import PatientReader
from tests.builders import a_package, items
from tests.harness.outbox import claim
from tests.harness.pollers import BREAKER
from tests.harness.world import ACTOR, World
from tests.integration.test_returns import returned

SOON = timedelta(hours=1)


async def prepared(world: World) -> tuple[datetime, RecoverReport]:
    """Put all open updates of store 1 in doubt for an hour."""
    async with world.database.begin() as connection:
        until = await rate_limits.now(connection) + SOON
    report = RecoverReport(1)
    await recover.prepare(world.context, until, report)
    return until, report


async def was_read(world: World, since: datetime = UNTIMED) -> RecoverReport:
    report = RecoverReport(1)
    await recover_reads.read(
        world.context, since, report, PatientReader(world.context, BREAKER, 1, 1.0)
    )
    return report


async def rows(world: World, *names: str) -> Sequence[Any]:
    async with world.database.begin() as connection:
        found = await connection.execute(
            sa.select(*(table.c[name] for name in names)).order_by(table.c.id)
        )
        return found.all()


async def what(world: World, order: OrderView) -> list[str]:
    async with world.database.begin() as connection:
        return [each.what for each in (await queries.timeline(connection, 1, order.id)).entries]


async def shipped(world: World, order: OrderView, number: str, **changes: Any) -> UUID:
    done = await ship.ship(world.context, order.id, a_package(number, **changes), actor=ACTOR)
    return done.shipment.update.id


@pytest.mark.parametrize("state", ["pending", "retrying", "verifying", "sending", "failed"])
@pytest.mark.parametrize("kind", [each for each in Kind if each is not Kind.INVENTORY])
async def test_every_open_update_is_put_in_doubt(world: World, kind: Kind, state: str) -> None:
    order = await world.an_order(2)
    async with world.database.begin() as connection:
        new = NewUpdate(
            1, world.context.new_id(1), kind, order.purchase_order_id, 1, order.id, ACTOR, {}
        )
        await accept.append(connection, new)
        held = state == "sending"
        lease = {
            "lease_token": new.id if held else None,
            "leased_until": sa.func.now() + SOON if held else None,
        }
        await connection.execute(sa.update(table).values(state=state, **lease))
    until, report = await prepared(world)
    ((after, ambiguous, doubt, token),) = await rows(
        world, "state", "ambiguous", "in_doubt_until", "lease_token"
    )
    assert report.in_doubt == 1
    assert after == ("failed" if state == "failed" else "verifying")
    assert ambiguous is (state != "failed")
    assert (doubt, token) == (until, None)


async def test_updates_at_rest_are_not_changed(world: World) -> None:
    order = await world.an_order(2)
    await world.deliver_until(await shipped(world, order, "1ZA"))
    before = await rows(world, *table.c.keys())
    _, report = await prepared(world)
    assert report.in_doubt == 0
    assert await rows(world, *table.c.keys()) == before


async def test_each_subject_has_one_active_update_after_a_recovery(world: World) -> None:
    order = await world.an_order(2)
    await shipped(world, order, "1ZA", items=items(l1=1))
    await shipped(world, order, "1ZB", items=items(l1=1))
    async with world.database.begin() as connection:
        await connection.execute(sa.update(table).values(active=False))
    await prepared(world)
    assert [row.active for row in await rows(world, "active")] == [True, False]


async def test_all_updates_are_put_in_doubt_over_several_steps(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "BATCH", 2)
    order = await world.an_order(5)
    for number in range(5):
        await shipped(world, order, f"1Z{number}", items=items(l1=1))
    _, report = await prepared(world)
    assert report.in_doubt == 5
    assert {row.state for row in await rows(world, "state")} == {"verifying"}


async def given(world: World, *levels: StockLevel) -> StoreView:
    store = world._stores[0] if world._stores else await world.a_store()
    await inventory.put(world.context, store.id, levels, actor=ACTOR)
    return store


async def test_a_stock_value_from_before_the_backup_is_reported_and_never_sent(
    world: World,
) -> None:
    await given(world, StockLevel("A", 5), StockLevel("A", 7, "node"))
    until, report = await prepared(world)
    assert set(report.levels) == {
        Level("A", None, asked=False),
        Level("A", "node", asked=False),
    }
    for row in await rows(world, "state", "dismissed_by", "note", "in_doubt_until", "active"):
        assert row == ("dismissed", "waybill", recovery.NOT_KNOWN, until, False)
    assert await claim(world.database) == []


async def test_a_stock_value_is_read_from_commerce_again_if_possible(world: World) -> None:
    await given(world, StockLevel("A", 5, "node"))
    async with world.database.begin() as connection:
        await connection.execute(sa.update(stores).values(commerce_stock_id=1))
    _, report = await prepared(world)
    assert report.levels == [Level("A", "node", asked=True)]
    old, new = await rows(world, "state", "payload", "in_doubt_until")
    assert (old.state, new.state) == ("dismissed", "pending")
    assert (new.payload["quantity"], new.payload["ship_node"]) == (None, "node")
    assert new.in_doubt_until is None


async def test_the_order_of_a_stock_value_shows_that_the_stock_is_unknown(world: World) -> None:
    order = await world.an_order(1)
    wanted = CancelRequest("fraud", inventory=(StockLevel("SKU-1", 5),))
    canceled = await cancel.cancel(world.context, order.id, wanted, actor=ACTOR)
    await world.deliver_until(canceled.update.id)
    async with world.database.begin() as connection:
        level = table.c.kind == "inventory"
        await connection.execute(sa.update(table).where(level).values(state="pending", active=True))
    await prepared(world)
    assert (await what(world, order)).count("stock_not_known") == 1


async def test_a_level_given_with_a_cancellation_from_before_the_backup_is_not_sent(
    world: World,
) -> None:
    order = await world.an_order(1)
    wanted = CancelRequest("fraud", inventory=(StockLevel("SKU-1", 5),))
    canceled = await cancel.cancel(world.context, order.id, wanted, actor=ACTOR)
    _, report = await prepared(world)
    assert report.levels == [Level("SKU-1", None, asked=False)]
    await world.let_doubts_end()
    await world.deliver_until(canceled.update.id)
    assert [e["operation"] for e in await world.ledger()] == ["cancel"]
    assert (await what(world, order)).count("stock_not_known") == 1


NEWEST = {
    "an order": "UPDATE orders SET updated_at = :at WHERE store_id = 1",
    "an update": "UPDATE updates SET created_at = :at WHERE store_id = 1",
    "a try": "UPDATE attempts SET ended_at = :at WHERE store_id = 1",
}


@pytest.mark.parametrize("newest", NEWEST.values(), ids=NEWEST)
async def test_the_newest_row_estimates_the_time_of_the_backup(world: World, newest: str) -> None:
    order = await world.an_order(1)
    await world.an_order(1, store=await world.a_store())
    await world.deliver_until(await shipped(world, order, "1ZA"))
    async with world.database.begin() as connection:
        at = await rate_limits.now(connection)
        for row in NEWEST.values():
            older = row.replace(" WHERE store_id = 1", "")
            await connection.execute(sa.text(older), {"at": at - 2 * SOON})
        await connection.execute(sa.text(newest), {"at": at - SOON})
        assert await recovery.newest(connection) == at - SOON


async def test_an_empty_database_has_no_newest_row(world: World) -> None:
    async with world.database.begin() as connection:
        assert await recovery.newest(connection) is None


async def test_sequence_numbers_continue_above_any_that_can_have_been_used(world: World) -> None:
    order = await world.an_order(2)
    first = await ship.ship(
        world.context, order.id, a_package("1ZA", items=items(l1=1)), actor=ACTOR
    )
    async with world.database.begin() as connection:
        await recovery.raise_numbers(connection)
    second = await ship.ship(world.context, order.id, a_package("1ZB"), actor=ACTOR)
    assert second.shipment.number > first.shipment.number + recovery.MARGIN


async def test_updates_delivered_after_the_backup_are_settled_and_others_wait(
    world: World,
) -> None:
    order = await world.an_order(3)
    landed = await shipped(world, order, "1ZA", items=items(l1=1))
    await shipped(world, order, "1ZB", items=items(l1=1))
    await prepared(world)
    await world.shipped_by_hand(order, 1, "1ZA")
    report = await was_read(world)
    assert (report.orders, report.findings, report.unread) == (1, [], {})
    assert (await world.update(landed)).state == "confirmed"
    after = await world.order(order.id)
    assert (after.lines[0].quantity.shipped, after.lines[0].quantity.pending) == (1, 1)
    assert not await world.calls("shipping")


async def test_an_unrequested_change_is_reported_in_every_run(world: World) -> None:
    order = await world.an_order(3)
    await shipped(world, order, "1ZA", items=items(l1=1))
    await world.shipped_by_hand(order, 1, "1ZLOST")
    line = {"line_number": "1", "quantity": 1}
    path = f"/simulator/orders/{order.purchase_order_id}/cancel"
    (await world.walmart.post(path, json={"lines": [line]})).raise_for_status()
    for _ in range(2):
        report = await was_read(world)
        assert [(each.purchase_order_id, each.units) for each in report.findings] == [
            (order.purchase_order_id, UnrequestedUnits("shipped", "1", 1, "1ZLOST", "UPS")),
            (order.purchase_order_id, UnrequestedUnits("canceled", "1", 1)),
        ]
    after = (await world.order(order.id)).lines[0]
    assert (after.quantity.shipped, after.quantity.canceled, after.quantity.pending) == (1, 1, 1)


async def test_an_order_from_after_the_backup_is_imported_and_reported(world: World) -> None:
    store = await world.a_store()
    number = await world.at_walmart(1, store=store)
    line = {"line_number": "1", "quantity": 1, "tracking_number": "1ZNEW"}
    path = f"/simulator/orders/{number}/ship"
    (await world.walmart.post(path, json={"lines": [line]})).raise_for_status()
    report = await was_read(world)
    assert (report.imported, report.orders) == (1, 0)
    (finding,) = report.findings
    assert (finding.purchase_order_id, finding.units.tracking_number) == (number, "1ZNEW")


async def test_an_open_order_is_read_even_without_changes_at_walmart(world: World) -> None:
    await world.an_order(1)
    async with world.database.begin() as connection:
        later = await rate_limits.now(connection) + SOON
    report = await was_read(world, later)
    assert report.orders == 1


async def test_an_unrequested_refund_is_reported(world: World) -> None:
    order, found = await returned(world, 2)
    rma = found.rma_number
    (await world.walmart.post(f"/simulator/returns/{rma}/refund", json={})).raise_for_status()
    report = await was_read(world)
    assert report.returns == 1
    refunded = [each for each in report.findings if each.units.what == "refunded"]
    (only,) = refunded
    assert (only.return_order_id, only.purchase_order_id) == (rma, order.purchase_order_id)
    assert (only.units.line_number, only.units.units) == ("1", 2)


async def test_an_unreadable_order_does_not_stop_the_others(world: World) -> None:
    first, second = await world.an_order(1), await world.an_order(1)
    await world.shipped_by_hand(second, 1, "1ZA")
    await world.fault(
        "read", "error", purchase_order_id=first.purchase_order_id, times=None, status=500
    )
    report = await was_read(world)
    assert list(report.unread) == [first.purchase_order_id]
    assert (await world.order(second.id)).status == "shipped"


async def test_orders_unknown_to_walmart_do_not_stop_the_others(world: World) -> None:
    store = await world.a_store()
    line = register.RegisteredLine("1", "SKU-1", 1)
    numbers = [f"99{n:02}" for n in range(12)]
    for number in numbers:
        request = register.Registration(number, (line,))
        await register.register(world.context, store.id, request, actor=ACTOR)
    await world.an_order(1, store=store)
    report = await was_read(world)
    assert (report.orders, report.unread) == (13, {})
    assert sorted(report.unknown) == numbers


async def test_a_list_that_walmart_refuses_ends_the_store(world: World) -> None:
    await world.an_order(1)
    await world.fault("list", "error", status=500, times=None)
    with pytest.raises(errors.WalmartError):
        await was_read(world)


async def test_a_short_pause_of_walmart_is_waited_out(world: World) -> None:
    await world.an_order(1)
    await world.fault("list", "throttle", times=1)
    assert (await was_read(world)).stopped is None


async def test_a_second_run_reads_commerce_once_more_and_loses_nothing(world: World) -> None:
    order = await world.an_order(1)
    update_id = await shipped(world, order, "1ZA")
    await given(world, StockLevel("A", 5))
    async with world.database.begin() as connection:
        await connection.execute(sa.update(stores).values(commerce_stock_id=1))
    await prepared(world)
    await prepared(world)
    found = await rows(world, "kind", "state")
    assert [row.state for row in found if row.kind == "inventory"] == [
        "dismissed",
        "dismissed",
        "pending",
    ]
    await world.let_doubts_end()
    (after,) = await world.deliver_until(update_id)
    assert after.state == "confirmed"
    assert len([e for e in await world.ledger() if e["operation"] == "shipping"]) == 1


async def test_a_recovery_is_in_the_audit_with_what_it_put_in_doubt(world: World) -> None:
    await shipped(world, await world.an_order(1), "1ZA")
    await prepared(world)
    async with world.database.begin() as connection:
        found = await connection.execute(
            sa.select(audit.c.what, audit.c.store_id, audit.c.after).where(
                audit.c.what == "recovered"
            )
        )
        assert found.all() == [("recovered", 1, {"in_doubt": 1, "levels": 0})]
