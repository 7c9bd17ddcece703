"""One order on the read side: errors, waiting updates, and the timeline."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.domain.ids import store_of
from app.domain.orders.requests import CancelRequest
from app.domain.update import State
from app.storage import queries
from app.storage.postgres.database import Connection
from app.storage.queries import KeysetPage, UpdateFilter, timeline_views
from app.storage.tables import events, updates
from app.usecases.orders import cancel, ship
from app.usecases.updates import dismiss, retry
from tests.builders import NOW, a_package, an_id, items
from tests.harness.waiting import limited
from tests.harness.world import ACTOR, World


def number_of(identifier: UUID) -> int:
    store_id = store_of(identifier)
    assert store_id is not None
    return store_id


async def test_an_order_can_be_read_while_a_shipment_of_it_is_being_written(world: World) -> None:
    order = await world.an_order(3)
    await ship.ship(world.context, order.id, a_package("1ZA", items=items(l1=1)), actor=ACTOR)
    async with world.database.engine.connect() as writing:
        await writing.exec_driver_sql("LOCK TABLE shipments IN ACCESS EXCLUSIVE MODE")
        reading = asyncio.create_task(world.order(order.id))
        await until_someone_waits(world)
        await again(writing, number_of(order.id))
        await writing.commit()
    view = await reading
    assert [shipment.update.kind for shipment in view.shipments] == ["shipment", "shipment"]


async def until_someone_waits(world: World) -> None:
    waiting = sa.text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    async with limited():
        while True:
            async with world.database.begin() as connection:
                if (await connection.execute(waiting)).scalar_one():
                    return
            await asyncio.sleep(0.01)


async def again(connection: Connection, store_id: int) -> None:
    """Write the same shipment a second time, with an update of its own."""
    ids = {"id": an_id(store_id), "update": an_id(store_id)}
    queued = sa.text(
        "INSERT INTO updates (store_id, id, subject, order_id, kind, sequence)"
        " SELECT store_id, CAST(:update AS uuid), subject, order_id, kind, sequence + 1"
        " FROM updates WHERE kind = 'shipment'"
    )
    await connection.execute(queued, {"update": ids["update"]})
    same = (
        "carrier_code, tracking_number, tracking_key, shipped_at, method_code, fingerprint,"
        " override_cancel_request, walmart_carrier, items"
    )
    written = sa.text(
        f"INSERT INTO shipments (store_id, order_id, id, update_id, {same})"
        f" SELECT store_id, order_id, CAST(:id AS uuid), CAST(:update AS uuid), {same}"
        " FROM shipments"
    )
    await connection.execute(written, ids)


async def test_a_failed_update_shows_its_error_until_it_is_settled(world: World) -> None:
    order = await world.an_order(1)
    await world.fault("shipping", "refuse", field="methodCode")
    shipped = await ship.ship(world.context, order.id, a_package("1ZA"), actor=ACTOR)
    update_id = shipped.shipment.update.id
    await world.deliver_until(update_id, states={State.FAILED})
    failed = await world.order(order.id)
    (detail,) = failed.status_details
    assert (failed.status, failed.fulfillment_status) == ("error", "open")
    assert (detail.code, detail.operation) == ("method_code_not_supported", "shipment")
    assert (detail.update_id, detail.field) == (update_id, "methodCode")
    assert failed.shipments[0].state == "failed"
    await retry.retry(world.context, update_id, override_cancel_request=False, actor=ACTOR)
    await world.deliver_until(update_id, states={State.CONFIRMED})
    settled = await world.order(order.id)
    assert (settled.status, settled.status_details) == ("shipped", ())


async def test_a_waiting_update_shows_why_and_until_when(world: World) -> None:
    order = await world.an_order(1)
    shipped = await ship.ship(world.context, order.id, a_package("1ZA"), actor=ACTOR)
    update_id = shipped.shipment.update.id
    due = datetime.now(UTC) + timedelta(hours=1)
    await put(world, update_id, state="retrying", due_at=due, last_error=an_error())
    view = await world.order(order.id)
    assert [detail.code for detail in view.status_details] == ["walmart_unavailable"]
    assert (view.status, view.sync.state, view.sync.pending) == ("open", "retrying", 1)
    assert view.sync.next_attempt_at == due
    await put(world, update_id, state="verifying")
    assert (await world.order(order.id)).shipments[0].state == "retrying"


def an_error() -> dict[str, Any]:
    return {
        "code": "walmart_unavailable",
        "message": "Walmart answered 503.",
        "origin": "walmart",
        "field": None,
        "suggestion": None,
        "retryable": True,
        "walmart_codes": [],
        "occurred_at": NOW.isoformat(),
        "operation": "shipment",
    }


async def put(world: World, update_id: UUID, **values: Any) -> None:
    async with world.database.begin() as connection:
        one = sa.update(updates).where(updates.c.id == update_id)
        await connection.execute(one.values(**values))


async def test_the_newest_cancellation_is_shown(world: World) -> None:
    order = await world.an_order(1)
    await world.fault("cancel", "refuse", times=None)
    first = await cancel.cancel(world.context, order.id, CancelRequest("fraud"), actor=ACTOR)
    await world.deliver_until(first.update.id, states={State.FAILED})
    await dismiss.dismiss(world.context, first.update.id, note="not needed", actor=ACTOR)
    dismissed = await world.order(order.id)
    assert dismissed.cancellation is not None
    assert dismissed.cancellation.state == "dismissed"
    await cancel.cancel(world.context, order.id, CancelRequest("out_of_stock"), actor=ACTOR)
    async with world.database.begin() as connection:
        newest = await queries.cancellation(connection, number_of(order.id), order.id)
    assert newest is not None
    assert (newest.reason, newest.state) == ("out_of_stock", "pending")


async def test_shipments_are_paged_oldest_first(world: World) -> None:
    order = await world.an_order(3)
    for number in range(3):
        package = a_package(f"1ZN{number}", items=items(l1=1))
        await ship.ship(world.context, order.id, package, actor=ACTOR)
    store_id = number_of(order.id)
    async with world.database.begin() as connection:
        first, after = await queries.shipments(connection, store_id, order.id, KeysetPage(2))
        second, end = await queries.shipments(connection, store_id, order.id, KeysetPage(2, after))
    assert [each.tracking_number for each in first + second] == ["1ZN0", "1ZN1", "1ZN2"]
    assert (len(first), end) == (2, None)


async def test_the_timeline_is_in_chronological_order(world: World) -> None:
    order = await world.an_order(2)
    await world.fault("shipping", "error")
    shipped = await ship.ship(world.context, order.id, a_package("1ZA"), actor="commerce")
    await world.deliver_until(shipped.shipment.update.id)
    async with world.database.begin() as connection:
        entries = (await queries.timeline(connection, number_of(order.id), order.id)).entries
    whats = [entry.what for entry in entries]
    assert (whats[0], whats[-1]) == ("order_registered", "shipment_confirmed")
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)
    accepted = next(entry for entry in entries if entry.what == "shipment_accepted")
    tries = [e for e in entries if e.what == "attempt" and e.update_id == accepted.update_id]
    assert (accepted.actor, len(tries)) == ("commerce", 2)
    assert entries.index(accepted) < entries.index(tries[0])
    assert tries[0].detail["verdict"] != "confirmed"


async def test_a_timeline_is_paged_to_its_beginning(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await world.an_order(2)
    await world.fault("shipping", "error")
    shipped = await ship.ship(world.context, order.id, a_package("1ZA"), actor="commerce")
    await world.deliver_until(shipped.shipment.update.id)
    store_id, at = number_of(order.id), datetime.now(UTC)
    async with world.database.begin() as connection:
        for number in range(5):
            values = {"store_id": store_id, "id": UUID(int=number), "at": at, "what": "drift_found"}
            await connection.execute(sa.insert(events).values(**values, order_id=order.id))
        whole = await queries.timeline(connection, store_id, order.id)
        monkeypatch.setattr(timeline_views, "MOST", 2)
        page = await queries.timeline(connection, store_id, order.id)
        pages = [page]
        while page.older is not None:
            page = await queries.timeline(connection, store_id, order.id, page.older)
            pages.append(page)
    assert len(pages) >= 3
    assert whole.older is None
    paged = [each for page in reversed(pages) for each in page.entries]
    assert sorted(map(repr, paged)) == sorted(map(repr, whole.entries))
    assert [each.at for each in paged] == [each.at for each in whole.entries]
    tries = [each for page in pages for some in page.attempts.values() for each in some]
    assert len(tries) == len([each for each in paged if each.what == "attempt"])


async def test_simultaneous_events_keep_their_order(world: World) -> None:
    order = await world.an_order(1)
    store_id = number_of(order.id)
    at = datetime.now(UTC)
    happened = ("tracking_corrected", "update_retried", "order_linked")
    async with world.database.begin() as connection:
        for position, what in enumerate(happened):
            values = {"store_id": store_id, "id": UUID(int=position), "at": at, "what": what}
            await connection.execute(sa.insert(events).values(**values, order_id=order.id))
        entries = (await queries.timeline(connection, store_id, order.id)).entries
    assert tuple(entry.what for entry in entries if entry.at == at) == happened


async def test_updates_are_listed_newest_first_by_state_kind_and_order(world: World) -> None:
    order = await world.an_order(3)
    ids = []
    for number in range(3):
        package = a_package(f"1ZN{number}", items=items(l1=1))
        done = await ship.ship(world.context, order.id, package, actor=ACTOR)
        ids.append(done.shipment.update.id)
    await world.deliver_until(*ids)
    every = UpdateFilter(kind="shipment", order_id=order.id, store_id=number_of(order.id))
    assert await outbox(world, every) == ids[::-1]
    assert await outbox(world, UpdateFilter(state="confirmed", kind="shipment")) == ids[::-1]
    assert await outbox(world, UpdateFilter(state="failed")) == []
    await put(world, ids[1], state="failed")
    assert await outbox(world, UpdateFilter(state="failed")) == [ids[1]]


async def outbox(world: World, wanted: UpdateFilter) -> list[UUID]:
    found: list[UUID] = []
    after: tuple[Any, ...] | None = None
    for _ in range(30):
        async with world.database.begin() as connection:
            views, after = await queries.updates(connection, wanted, KeysetPage(1, after))
        found += [view.id for view in views]
        if after is None:
            return found
    raise AssertionError(f"the pages have no end: {found}")
