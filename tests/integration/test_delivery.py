"""Delivery: from the outbox to Walmart and back, with real HTTP and a real database."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.domain.errors import Conflict
from app.domain.orders.requests import CancelRequest, TrackingCorrection
from app.domain.outbox import retry_policy
from app.domain.update import State
from app.storage import queries
from app.storage.orders import repository
from app.storage.queries.views import OrderView
from app.storage.recording import settlement
from app.usecases.orders import cancel, correct_tracking, refresh, ship
from app.usecases.updates import dismiss, retry
from tests.builders import a_package, items
from tests.harness.pollers import POLICY
from tests.harness.world import ACTOR, World


async def shipped(world: World, order: OrderView, number: str, **changes: Any) -> UUID:
    result = await ship.ship(world.context, order.id, a_package(number, **changes), actor=ACTOR)
    return result.shipment.update.id


async def effects(world: World, order: OrderView) -> list[tuple[str, str, int]]:
    """The effects of Walmart on an order: operation, line and units."""
    return [
        (entry["operation"], entry["line"], entry["quantity"])
        for entry in await world.ledger(order.purchase_order_id)
        if entry["operation"] in {"shipping", "cancel"}
    ]


async def test_an_order_shipped_in_two_packages_ends_shipped(world: World) -> None:
    order = await world.an_order(2, 1)
    first = await shipped(world, order, "1ZA", items=items(l1=1))
    await world.deliver_until(first)
    half = await world.order(order.id)
    assert half.status == "partially_shipped"
    assert [
        (li.quantity.pending, li.quantity.shipped, li.quantity.remaining) for li in half.lines
    ] == [(0, 1, 1), (0, 0, 1)]
    second = await shipped(world, order, "1ZB")
    await world.deliver_until(second)
    done = await world.order(order.id)
    assert done.status == done.fulfillment_status == "shipped"
    assert done.sync.state == "synced"
    assert [s.state for s in done.shipments] == ["confirmed", "confirmed"]
    assert await effects(world, order) == [
        ("shipping", "1", 1),
        ("shipping", "1", 1),
        ("shipping", "2", 1),
    ]


async def test_a_new_order_is_acknowledged_and_then_canceled(world: World) -> None:
    order = await world.an_order(2, 1, status="Created")
    canceled = await cancel.cancel(
        world.context, order.id, CancelRequest("out_of_stock"), actor=ACTOR
    )
    await world.deliver_until(canceled.update.id)
    done = await world.order(order.id)
    assert done.status == "canceled"
    assert done.cancellation is not None
    assert done.cancellation.state == "confirmed"
    assert sorted(await effects(world, order)) == [("cancel", "1", 2), ("cancel", "2", 1)]


async def test_units_are_pending_until_walmart_confirms_them(world: World) -> None:
    order = await world.an_order(3)
    await shipped(world, order, "1ZA", items=items(l1=2))
    view = await world.order(order.id)
    assert (view.lines[0].quantity.pending, view.lines[0].quantity.shipped, view.status) == (
        2,
        0,
        "open",
    )
    assert (view.sync.state, view.sync.pending) == ("pending", 1)


@pytest.mark.impatient
@pytest.mark.parametrize(
    "kind", ["timeout_after", "error_after", "drop_after", "cut", "html_after"]
)
async def test_a_lost_answer_is_read_back_and_nothing_is_sent_again(
    world: World, kind: str
) -> None:
    order = await world.an_order(3)
    await world.fault("shipping", kind)
    update = await shipped(world, order, "1ZA", items=items(l1=1))
    await world.deliver_until(update)
    assert await effects(world, order) == [("shipping", "1", 1)]
    assert len(await world.calls("shipping")) == 1
    assert (await world.order(order.id)).lines[0].quantity.shipped == 1


@pytest.mark.impatient
@pytest.mark.parametrize("kind", ["timeout", "error", "drop", "html"])
async def test_a_write_that_did_not_arrive_is_sent_again_only_after_the_quiet_period(
    world: World, kind: str
) -> None:
    order = await world.an_order(3)
    await world.fault("shipping", kind)
    update = await shipped(world, order, "1ZA", items=items(l1=1))
    await world.deliver_until(update)
    assert await effects(world, order) == [("shipping", "1", 1)]
    first, second = await world.calls("shipping")
    assert second["received_at"] - first["received_at"] >= 0.4e9
    reads = [c["received_at"] for c in await world.calls("read")]
    assert any(at - first["received_at"] >= 0.4e9 and at < second["received_at"] for at in reads)


@pytest.mark.impatient
async def test_an_effect_that_arrives_late_is_not_doubled(world: World) -> None:
    order = await world.an_order(3)
    await world.fault("shipping", "late", delay=world.timeout + 0.3)
    update = await shipped(world, order, "1ZA", items=items(l1=1))
    await world.deliver_until(update, policy=replace(POLICY, quiet_period=1.0))
    assert await effects(world, order) == [("shipping", "1", 1)]


async def test_a_refused_connection_is_retried_without_a_read(world: World) -> None:
    order = await world.an_order(3)
    await world.fault("shipping", "throttle", delay=0.2)
    update = await shipped(world, order, "1ZA")
    await world.deliver_until(update)
    assert len(await world.calls("shipping")) == 2
    assert await effects(world, order) == [("shipping", "1", 3)]


async def test_a_refusal_is_shown_on_the_order_and_a_retry_confirms_it(world: World) -> None:
    order = await world.an_order(3)
    await world.fault(
        "shipping",
        "refuse",
        field="methodCode",
        code="INVALID_REQUEST_CONTENT.GMP_ORDER_API",
        description="Method code is not supported in line number 1",
    )
    update = await shipped(world, order, "1ZA")
    await world.deliver_until(update)
    view = await world.order(order.id)
    assert (view.status, view.fulfillment_status, view.sync.state) == ("error", "open", "error")
    (detail,) = view.status_details
    assert (detail.code, detail.field) == ("method_code_not_supported", "methodCode")
    assert "Method code is not supported" in detail.message
    assert view.lines[0].quantity.pending == 3
    retried = await retry.retry(world.context, update, override_cancel_request=False, actor=ACTOR)
    assert retried.will == "queued"
    assert (await world.order(order.id)).status == "open"
    await world.deliver_until(update)
    assert (await world.order(order.id)).status == "shipped"
    assert await effects(world, order) == [("shipping", "1", 3)]


async def test_a_failed_shipment_allows_a_later_shipment_but_no_cancellation(
    world: World,
) -> None:
    order = await world.an_order(3)
    await world.fault("shipping", "refuse", times=1)
    first = await shipped(world, order, "1ZA", items=items(l1=1))
    second = await shipped(world, order, "1ZB", items=items(l1=1))
    failed, good = await world.deliver_until(first, second)
    assert (failed.state, good.state) == ("failed", "confirmed")
    view = await world.order(order.id)
    assert (view.status, view.fulfillment_status) == ("error", "partially_shipped")
    with pytest.raises(Conflict):
        await cancel.cancel(world.context, order.id, CancelRequest("fraud"), actor=ACTOR)


async def test_a_refused_write_without_a_readback_is_sent_again_and_judged_then(
    world: World,
) -> None:
    order = await world.an_order(3)
    await world.fault("shipping", "refuse")
    await world.fault("read", "error")
    update = await shipped(world, order, "1ZA")
    (failed,) = await world.deliver_until(update)
    assert failed.state == "failed"
    # On a slow machine another read may fail by itself.
    assert len(await world.calls("shipping")) >= 2
    assert await effects(world, order) == []


async def test_a_dismissal_accepts_what_was_done_in_seller_center(world: World) -> None:
    order = await world.an_order(3)
    await world.fault("shipping", "refuse")
    update = await shipped(world, order, "1ZA")
    await world.deliver_until(update)
    await world.shipped_by_hand(order, 3, "1ZA")
    dismissed = await dismiss.dismiss(world.context, update, note="did it by hand", actor=ACTOR)
    assert (dismissed.walmart, dismissed.update.state) == ("shipped", "dismissed")
    view = await world.order(order.id)
    assert (view.status, view.lines[0].quantity.pending, view.lines[0].quantity.shipped) == (
        "shipped",
        0,
        3,
    )


async def test_a_dismissal_frees_units_that_walmart_does_not_show(world: World) -> None:
    order = await world.an_order(3)
    await world.fault("shipping", "refuse")
    update = await shipped(world, order, "1ZA")
    await world.deliver_until(update)
    dismissed = await dismiss.dismiss(world.context, update, note="wrong box", actor=ACTOR)
    assert dismissed.walmart == "absent"
    assert (await world.order(order.id)).lines[0].quantity.remaining == 3
    again = await shipped(world, order, "1ZB")
    await world.deliver_until(again)
    assert (await world.order(order.id)).status == "shipped"


async def test_units_stay_reserved_if_a_dismissal_cannot_read_walmart(world: World) -> None:
    order = await world.an_order(3)
    await world.fault("shipping", "refuse")
    update = await shipped(world, order, "1ZA")
    await world.deliver_until(update)
    await world.fault("read", "error", times=None)
    dismissed = await dismiss.dismiss(world.context, update, note="done", actor=ACTOR)
    assert dismissed.walmart == "not_read"
    assert (await world.order(order.id)).lines[0].quantity.pending == 3
    (await world.walmart.delete("/simulator/faults")).raise_for_status()
    refreshed = await refresh.refresh(world.context, order.id, actor=ACTOR)
    assert refreshed.refreshed
    assert refreshed.order.lines[0].quantity.remaining == 3


async def test_a_tracking_number_corrected_before_delivery_is_sent(world: World) -> None:
    order = await world.an_order(3)
    result = await ship.ship(world.context, order.id, a_package("1ZWRONG"), actor=ACTOR)
    await correct_tracking.correct(
        world.context,
        order.id,
        result.shipment.id,
        TrackingCorrection(tracking_number="1ZRIGHT"),
        actor=ACTOR,
    )
    await world.deliver_until(result.shipment.update.id)
    (entry,) = await world.ledger(order.purchase_order_id)
    assert entry["tracking_number"] == "1ZRIGHT"


async def test_a_correction_retries_a_failed_shipment(world: World) -> None:
    order = await world.an_order(3)
    await world.fault("shipping", "refuse", field="trackingNumber")
    result = await ship.ship(world.context, order.id, a_package("1ZWRONG"), actor=ACTOR)
    await world.deliver_until(result.shipment.update.id)
    await correct_tracking.correct(
        world.context,
        order.id,
        result.shipment.id,
        TrackingCorrection(tracking_number="1ZRIGHT"),
        actor=ACTOR,
    )
    await world.deliver_until(result.shipment.update.id)
    assert (await world.order(order.id)).status == "shipped"


async def test_a_cancellation_of_shipped_units_cancels_nothing(world: World) -> None:
    order = await world.an_order(2)
    canceled = await cancel.cancel(world.context, order.id, CancelRequest("fraud"), actor=ACTOR)
    await world.shipped_by_hand(order, 1, "BYHAND")
    (update,) = await world.deliver_until(canceled.update.id)
    assert update.state == "failed"
    assert update.status_detail is not None
    assert update.status_detail.code == "order_already_shipped"
    assert not await world.calls("cancel")
    assert (await world.order(order.id)).lines[0].quantity.shipped == 1


@pytest.mark.impatient
async def test_a_lost_answer_to_a_cancellation_is_read_back(world: World) -> None:
    order = await world.an_order(2)
    await world.fault("cancel", "timeout_after")
    canceled = await cancel.cancel(world.context, order.id, CancelRequest("fraud"), actor=ACTOR)
    await world.deliver_until(canceled.update.id)
    assert (await world.order(order.id)).status == "canceled"
    assert len(await world.calls("cancel")) == 1


async def test_the_shipment_of_an_unacknowledged_order_acknowledges_it(
    world: World,
) -> None:
    order = await world.an_order(2, status="Created")
    await world.fault("acknowledge", "refuse", times=1)
    update = await shipped(world, order, "1ZA")
    await world.deliver_until(update)
    assert (await world.order(order.id)).fulfillment_status == "shipped"
    assert await effects(world, order) == [("shipping", "1", 2)]


async def test_a_buyers_cancellation_request_stops_the_shipment_until_it_is_overridden(
    world: World,
) -> None:
    order = await world.an_order(2)
    path = f"/simulator/orders/{order.purchase_order_id}/intent-to-cancel"
    (await world.walmart.post(path, json={})).raise_for_status()
    update = await shipped(world, order, "1ZA")
    (failed,) = await world.deliver_until(update)
    assert failed.status_detail is not None
    assert failed.status_detail.code == "cancel_requested"
    assert (await world.order(order.id)).cancel_requested is not None
    await retry.retry(world.context, update, override_cancel_request=True, actor=ACTOR)
    await world.deliver_until(update)
    assert (await world.order(order.id)).status == "shipped"


async def test_a_customer_request_needs_a_cancellation_request_of_the_buyer(world: World) -> None:
    order = await world.an_order(2)
    request = CancelRequest("customer_request")
    with pytest.raises(Exception, match="did not ask"):
        await cancel.cancel(world.context, order.id, request, actor=ACTOR)
    path = f"/simulator/orders/{order.purchase_order_id}/intent-to-cancel"
    (await world.walmart.post(path, json={})).raise_for_status()
    canceled = await cancel.cancel(world.context, order.id, request, actor=ACTOR)
    await world.deliver_until(canceled.update.id)
    assert (await world.order(order.id)).status == "canceled"


async def test_rejected_credentials_pause_the_store_and_resume_when_corrected(
    world: World,
) -> None:
    store = await world.a_store()
    order = await world.an_order(2, store=store)
    from app.usecases.stores import manage

    wrong = manage.StoreChanges(walmart_client_secret="wrong")
    await manage.change(world.context, store.id, wrong, actor=ACTOR)
    update = await shipped(world, order, "1ZA")
    (waiting,) = await world.deliver_until(update, states={State.RETRYING})
    assert waiting.status_detail is not None
    assert waiting.status_detail.code == "credentials_rejected"
    right = manage.StoreChanges(walmart_client_secret="right")
    await manage.change(world.context, store.id, right, actor=ACTOR)
    queued = await retry.retry(world.context, update, override_cancel_request=False, actor=ACTOR)
    assert queued.will == "queued"
    await world.deliver_until(update)
    assert (await world.order(order.id)).status == "shipped"


@pytest.mark.impatient
async def test_an_early_read_that_shows_nothing_is_not_final(world: World) -> None:
    """The write lands between the first read (2 s) and the end of the quiet period (3 s)."""
    order = await world.an_order(3)
    await world.fault("shipping", "late", delay=world.timeout + 2.5)
    update = await shipped(world, order, "1ZA", items=items(l1=1))
    patient = replace(POLICY, quiet_period=3.0)
    await world.deliver_until(update, policy=patient)
    assert await effects(world, order) == [("shipping", "1", 1)]
    assert len(await world.calls("read")) >= 3  # the import's, an early one, the last one
    assert (await world.order(order.id)).lines[0].quantity.shipped == 1


async def test_a_200_that_does_not_show_the_units_is_read_again(world: World) -> None:
    order = await world.an_order(3)
    await world.fault("shipping", "unshown")
    update = await shipped(world, order, "1ZA")
    await world.deliver_until(update)
    async with world.database.begin() as connection:
        tries = await queries.attempts(connection, update.int & 0xFFFFFFFF, update)
    assert [attempt.verdict for attempt in tries] == ["unclear", "already_there"]
    assert len(await world.calls("shipping")) == 1
    assert (await world.order(order.id)).status == "shipped"


async def test_a_retry_reads_walmart_before_it_sends_if_no_read_succeeded_before(
    world: World,
) -> None:
    order = await world.an_order(3)
    await world.fault("shipping", "refuse")
    update = await shipped(world, order, "1ZA")
    await world.deliver_until(update)
    await world.shipped_by_hand(order, 3, "1ZA")
    await world.fault("read", "error")
    retried = await retry.retry(world.context, update, override_cancel_request=False, actor=ACTOR)
    assert retried.will == "queued"
    await world.deliver_until(update)
    assert len(await world.calls("shipping")) == 1
    assert (await world.order(order.id)).status == "shipped"


async def test_a_retry_reports_what_walmart_already_has(world: World) -> None:
    order = await world.an_order(3)
    await world.fault("shipping", "refuse")
    update = await shipped(world, order, "1ZA")
    await world.deliver_until(update)
    await world.shipped_by_hand(order, 3, "1ZA")
    retried = await retry.retry(world.context, update, override_cancel_request=False, actor=ACTOR)
    assert (retried.will, retried.update.state) == ("already_applied", "confirmed")
    assert (await world.order(order.id)).status == "shipped"


async def test_units_shipped_by_hand_make_a_waiting_shipment_need_a_person(world: World) -> None:
    order = await world.an_order(3)
    first = await shipped(world, order, "1ZA", items=items(l1=1))
    second = await shipped(world, order, "1ZB", items=items(l1=1))
    await world.shipped_by_hand(order, 2, "BYHAND")
    _, waiting = await world.deliver_until(first, second)
    assert waiting.state == "failed"
    assert waiting.status_detail is not None
    assert waiting.status_detail.code == "needs_review"
    line = (await world.order(order.id)).lines[0]
    assert (line.quantity.shipped, line.quantity.pending, line.quantity.remaining) == (3, 0, 0)


async def test_more_units_under_the_number_than_were_sent_are_reported(
    world: World,
) -> None:
    order = await world.an_order(2)
    await world.fault("shipping", "drop_after")
    update = await shipped(world, order, "1ZA", items=items(l1=1))
    await world.deliver_until(update, states={State.VERIFYING, State.CONFIRMED, State.FAILED})
    again = await world.update(update)
    if again.state == "verifying":
        await world.shipped_by_hand(order, 1, "1ZA")
        (again,) = await world.deliver_until(update)
        assert again.state == "failed"
        assert again.status_detail is not None
        assert again.status_detail.code == "needs_review"
        assert (await world.order(order.id)).status == "error"


async def test_a_snapshot_older_than_a_recorded_change_is_not_applied(world: World) -> None:
    order = await world.an_order(2)
    async with world.context.transaction() as connection:
        basis = await repository.lock(connection, order.id)
    await world.deliver_until(await shipped(world, order, "1ZA"))
    async with world.context.transaction() as connection:
        now = await repository.lock(connection, order.id)
    assert settlement.still_holds(basis, basis)
    assert not settlement.still_holds(basis, now)


async def test_an_internal_error_is_reported_as_one_and_stops_no_other_update(world: World) -> None:
    order, other = await world.an_order(1), await world.an_order(1)
    package = a_package("1ZA")
    broken = (await ship.ship(world.context, order.id, package, actor=ACTOR)).shipment.update
    fine = (await ship.ship(world.context, other.id, package, actor=ACTOR)).shipment.update
    async with world.database.begin() as connection:
        await connection.execute(
            sa.text("UPDATE updates SET payload = '{}' WHERE id = :id"), {"id": broken.id}
        )
    await world.deliver_until(fine.id)
    (failed,) = await world.deliver_until(broken.id)
    assert failed.state == "failed"
    assert failed.status_detail is not None
    assert (failed.status_detail.code, failed.status_detail.origin) == ("waybill_fault", "waybill")
    # None of it was sent, so none of it can still arrive.
    assert failed.in_doubt_until is None
    assert failed.attempts_made == retry_policy.MAX_FAULTS
