"""Reconciling: drift is named, repaired where that is safe, and reported once."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.domain.orders.drift import Cause
from app.domain.seller_credentials import SellerCredentials
from app.domain.update import State
from app.storage import queries
from app.storage.imports import reconciliations
from app.storage.queries.views import OrderView
from app.storage.tables import events, order_lines
from app.storage.tables import orders as orders_table
from app.usecases.context import AppContext
from app.usecases.imports import mend_order, reconcile
from app.usecases.imports.reconcile_report import ReconcileReport
from app.usecases.orders import refresh, ship
from app.usecases.updates import retry
from app.usecases.walmart_reader import WalmartReader
from app.walmart.client import WalmartReply
from tests.builders import a_package, items
from tests.harness.waiting import limited
from tests.harness.world import ACTOR, World


async def run(world: World, hours: float = 24) -> ReconcileReport:
    since = world.context.now() - timedelta(hours=hours)
    report = await reconcile.reconcile(world.context, 1, since)
    assert report is not None
    return report


def causes(report: ReconcileReport) -> list[tuple[str, bool]]:
    return [(each.drift.cause.value, each.mended) for each in report.findings]


async def drift_events(world: World) -> int:
    async with world.database.begin() as connection:
        counted = sa.select(sa.func.count()).where(events.c.what == "drift_found")
        return int((await connection.execute(counted)).scalar_one())


async def canceled_by_walmart(world: World, order: OrderView) -> None:
    path = f"/simulator/orders/{order.purchase_order_id}/cancel"
    (await world.walmart.post(path, json={})).raise_for_status()


async def test_matching_orders_are_no_drift(world: World) -> None:
    order = await world.an_order(2)
    shipped = await ship.ship(world.context, order.id, a_package("1ZA"), actor=ACTOR)
    await world.deliver_until(shipped.shipment.update.id)
    report = await run(world)
    assert (report.orders, report.findings, report.stopped) == (1, [], None)


async def test_units_shipped_in_seller_center_are_applied(world: World) -> None:
    order = await world.an_order(3)
    await world.shipped_by_hand(order, 2, "HAND")
    assert causes(await run(world)) == [("shipped_in_seller_center", True)]
    after = await world.order(order.id)
    assert (after.status, after.lines[0].quantity.shipped) == ("partially_shipped", 2)
    assert causes(await run(world)) == []
    assert await drift_events(world) == 1


async def test_an_order_that_walmart_canceled_is_canceled(world: World) -> None:
    order = await world.an_order(2)
    await canceled_by_walmart(world, order)
    assert causes(await run(world)) == [("canceled_by_walmart", True)]
    assert (await world.order(order.id)).status == "canceled"


async def test_an_update_under_way_explains_a_difference(world: World) -> None:
    order = await world.an_order(1)
    await world.fault("shipping", "drop_after")
    shipped = await ship.ship(world.context, order.id, a_package("1ZA"), actor=ACTOR)
    # It may have been read before it was seen.
    states = {State.VERIFYING, State.CONFIRMED}
    await world.deliver_until(shipped.shipment.update.id, states=states)
    assert (await run(world)).findings == []


async def test_a_failed_update_that_did_reach_walmart_is_settled(world: World) -> None:
    order = await world.an_order(2)
    await world.fault("shipping", "refuse")
    package = a_package("1ZA", items=items(l1=1))
    shipped = await ship.ship(world.context, order.id, package, actor=ACTOR)
    await world.deliver_until(shipped.shipment.update.id, states={State.FAILED})
    await world.shipped_by_hand(order, 1, "1ZA")
    assert ("update_landed", True) in causes(await run(world))
    assert (await world.update(shipped.shipment.update.id)).state == "confirmed"


async def test_units_of_ours_in_an_unknown_status_are_held_and_shown_as_drift(
    world: World,
) -> None:
    order = await world.an_order(2)
    words = f"/simulator/orders/{order.purchase_order_id}/words"
    await world.walmart.post(words, json={"Shipped": "In Transit"})
    package = a_package("1ZA", items=items(l1=1))
    shipped = await ship.ship(world.context, order.id, package, actor=ACTOR)
    update_id = shipped.shipment.update.id

    async def units() -> tuple[int, int, int, int]:
        found = (await world.order(order.id)).lines[0].quantity
        return (found.shipped, found.canceled, found.pending, found.remaining)

    # Neither shipped nor canceled, not free for another shipment, and not sent again.
    await world.deliver_until(update_id, states={State.FAILED})
    assert await units() == (0, 0, 1, 1)
    (detail,) = (await world.order(order.id)).status_details
    assert detail.code == "needs_review"
    assert "status that Waybill does not know" in detail.message
    assert causes(await run(world)) == [("status_unknown", False)]
    again = await retry.retry(world.context, update_id, override_cancel_request=False, actor=ACTOR)
    assert (again.will, again.update.state) == ("cannot_help", "failed")
    await world.walmart.post(words, json={})
    assert ("update_landed", True) in causes(await run(world))
    assert (await world.update(update_id)).state == "confirmed"
    assert await units() == (1, 0, 0, 1)
    ledger = await world.ledger(order.purchase_order_id)
    assert [e["operation"] for e in ledger].count("shipping") == 1


async def test_units_that_walmart_no_longer_shows_are_reported_once_and_kept(world: World) -> None:
    order = await world.an_order(2)
    async with world.database.begin() as connection:
        await connection.execute(sa.update(order_lines).values(shipped=1))
    for _ in range(2):
        assert causes(await run(world)) == [("missing_at_walmart", False)]
    assert (await world.order(order.id)).lines[0].quantity.shipped == 1
    assert await drift_events(world) == 1
    async with world.database.begin() as connection:
        figures = await queries.figures(connection)
    assert figures.drift == {"missing_at_walmart": 1}


async def test_orders_known_to_one_side_only_are_named(world: World) -> None:
    order = await world.an_order(1)
    store = world._stores[0]
    stranger = await world.at_walmart(1, store=store)
    async with world.database.begin() as connection:
        await connection.execute(sa.update(orders_table).values(purchase_order_id="1796330999999"))
    found = {each.purchase_order_id: each.drift.cause for each in (await run(world)).findings}
    assert found == {
        stranger: Cause.ORDER_UNKNOWN_HERE,
        order.purchase_order_id: Cause.ORDER_UNKNOWN_HERE,
        "1796330999999": Cause.ORDER_UNKNOWN_AT_WALMART,
    }


async def test_every_page_of_walmarts_list_is_read(world: World) -> None:
    store = await world.a_store()
    ordered = {await world.at_walmart(1, store=store) for _ in range(120)}
    report = await run(world)
    assert {each.purchase_order_id for each in report.findings} == ordered


@pytest.mark.parametrize("kind", ["throttle", "error", "html", "expired_token"])
async def test_a_failing_walmart_ends_a_run_without_an_error(world: World, kind: str) -> None:
    await world.an_order(1)
    await world.fault("list", kind, times=None)
    report = await run(world)
    assert report.stopped is not None
    await world.walmart.delete("/simulator/faults")
    assert (await run(world)).stopped is None


async def test_two_concurrent_replicas_reconcile_a_store_once(world: World) -> None:
    await world.an_order(1)
    since = world.context.now() - reconcile.RECENT
    both = await asyncio.gather(
        *(reconcile.reconcile(world.context, 1, since, every=3600) for _ in range(4))
    )
    assert len([report for report in both if report is not None]) == 1
    async with world.database.begin() as connection:
        assert await reconciliations.due(connection, 3600) == []
        assert await reconciliations.due(connection, 0) == [1]


async def test_a_dead_run_is_taken_over_when_its_lease_has_ended(world: World) -> None:
    await world.an_order(1)
    async with world.database.begin() as connection:
        assert await reconciliations.begin(connection, 1)
        assert not await reconciliations.begin(connection, 1)
        ended = "UPDATE reconciliations SET leased_until = now() - interval '1 second'"
        await connection.execute(sa.text(ended))
        assert await reconciliations.begin(connection, 1)


async def test_pollers_reconcile_automatically(world: World) -> None:
    order = await world.an_order(3)
    await world.shipped_by_hand(order, 1, "HAND")
    poller = world.poller(reconcile_interval=3600)
    stop = asyncio.Event()
    running = asyncio.create_task(poller.run(stop))
    async with limited():
        while not (await world.order(order.id)).lines[0].quantity.shipped:
            await asyncio.sleep(0.02)
    stop.set()
    await running


class Overtaken(WalmartReader):
    """Reads an order; before its answer arrives, another read has seen a newer state."""

    def __init__(self, world: World, order: OrderView) -> None:
        self.world, self.order = world, order

    async def read_order(
        self, context: AppContext, account: SellerCredentials, number: str
    ) -> WalmartReply:
        answer = await super().read_order(context, account, number)
        await self.world.shipped_by_hand(self.order, 1, "NEWER")
        await refresh.refresh(context, self.order.id, actor=ACTOR)
        return answer


async def test_an_overtaken_read_is_not_applied(world: World) -> None:
    order = await world.an_order(3)
    await world.shipped_by_hand(order, 1, "OLDER")
    account, report = await world.context.account(1), ReconcileReport(1)
    settled = await mend_order.mend(
        world.context, account, order.id, report, reader=Overtaken(world, order)
    )
    assert (settled, report.findings, await drift_events(world)) == (False, [], 0)
    assert (await world.order(order.id)).lines[0].quantity.shipped == 2
    assert await mend_order.mend(world.context, account, order.id, report)


async def test_an_unreadable_order_does_not_stop_the_others(world: World) -> None:
    bad, good = await world.an_order(1), await world.an_order(1)
    for order in (bad, good):
        await world.shipped_by_hand(order, 1, "HAND1")
    await world.fault("read", "error", times=None, purchase_order_id=bad.purchase_order_id)
    report = await run(world)
    assert report.stopped is None
    assert ("order_unreadable", False) in causes(report)
    assert (await world.order(good.id)).lines[0].quantity.shipped == 1
