"""Which updates are claimed first, and how many, within the rate limits of Walmart's lanes."""

import itertools
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.outbox.claimed_update import Claimed
from app.domain.outbox.delivery_result import Attempt, DeliveryResult, NextStep
from app.domain.outbox.doubt import Doubt
from app.domain.outbox.outcome import Failure, Pause
from app.domain.outbox.rate_limits import BREAK_AFTER, FIRST_CALLS, Breaker, CallReport, Endpoint
from app.domain.update import Kind, State
from app.storage import rate_limits
from app.storage.orders import ship_by as deadlines
from app.storage.outbox import due
from app.storage.outbox.claims import ClaimRequest
from app.storage.outbox.take import ClaimSettings
from app.storage.postgres.database import open_database
from app.storage.queries.views import StoreView
from app.storage.recording import delivery_results
from app.storage.tables import lanes as lanes_table
from app.storage.tables import orders as orders_table
from app.storage.tables import updates as table
from app.usecases.orders import ship
from app.usecases.stores import manage
from app.worker.claimer import Claimer
from tests.builders import a_package
from tests.harness.outbox import VAULT, claim
from tests.harness.world import ACTOR, World

FAILURE = Failure("walmart_unclear", "It was unclear.")


async def waiting(world: World, count: int, store: StoreView | None = None) -> list[UUID]:
    """Orders with a waiting shipment each; return the updates, the longest due first."""
    found = []
    for number in range(count):
        order = await world.an_order(1, store=store)
        shipped = await ship.ship(world.context, order.id, a_package(f"1Z{number}"), actor=ACTOR)
        found.append(shipped.shipment.update.id)
    return found


async def report_calls(world: World, *endpoints: Endpoint, times: int = 1, **changes: Any) -> None:
    """Report calls of store 1 that ended a moment ago."""
    async with world.database.begin() as connection:
        now = await rate_limits.now(connection)
        reports = [
            CallReport(1, each, now, now, **changes) for each in endpoints for _ in range(times)
        ]
        await rate_limits.record(connection, reports, Breaker(base=60, cap=60))


async def breaker_pause_is_over(world: World) -> None:
    async with world.database.begin() as connection:
        passed = sa.func.now() - timedelta(seconds=1)
        await connection.execute(
            sa.update(lanes_table)
            .where(lanes_table.c.paused_until > sa.func.now())
            .values(paused_until=passed, since=passed)
        )


async def in_doubt(world: World, update: Claimed) -> None:
    attempt = Attempt(
        world.context.new_id(1), "p", world.context.now(), world.context.now(), "x", None, []
    )
    step = NextStep(State.VERIFYING, ambiguous=True, doubt=Doubt.BEGIN, failure=FAILURE)
    await delivery_results.record(
        world.database, [DeliveryResult(update, step, attempt)], world.context.new_id
    )


async def test_a_new_store_is_probed_with_a_few_calls(world: World) -> None:
    await waiting(world, FIRST_CALLS + 3)
    assert len(await claim(world.database)) == FIRST_CALLS
    assert await claim(world.database) == []
    await report_calls(world, Endpoint.SHIP, Endpoint.ALL)
    assert len(await claim(world.database)) == 3


async def test_at_most_walmarts_remaining_calls_are_claimed(world: World) -> None:
    await waiting(world, 6)
    await world.answered_before()
    await report_calls(
        world, Endpoint.SHIP, tokens=5, replenish_at=world.context.now() + timedelta(hours=1)
    )
    assert len(await claim(world.database, limit=2)) == 2
    assert len(await claim(world.database)) == 3
    assert await claim(world.database) == []


async def test_claims_of_a_silent_poller_no_longer_count_as_in_flight(world: World) -> None:
    await waiting(world, 2)
    await world.answered_before()
    await report_calls(
        world, Endpoint.SHIP, tokens=1, replenish_at=world.context.now() + timedelta(hours=1)
    )
    assert len(await claim(world.database)) == 1
    async with world.database.begin() as connection:
        expired = table.c.leased_until - timedelta(seconds=31)
        await connection.execute(
            sa.update(table).where(table.c.state == "sending").values(leased_until=expired)
        )
    assert len(await claim(world.database)) == 1


async def test_an_open_breaker_is_probed_with_one_update_preferably_one_in_doubt(
    world: World,
) -> None:
    await waiting(world, 3)
    await world.answered_before()
    first, second, third = await claim(world.database)
    for update in (second, third):
        await in_doubt(world, update)
    await report_calls(world, Endpoint.SHIP, times=BREAK_AFTER, failed=True)
    await report_calls(world, Endpoint.READ, served=True)
    await breaker_pause_is_over(world)
    # One may be sent as soon as the first is at rest; the others are only read.
    await in_doubt(world, first)
    async with world.database.begin() as connection:
        await connection.execute(
            sa.update(table).where(table.c.id == first.id).values(ambiguous=False, state="pending")
        )
    (probe,) = [update for update in await claim(world.database) if update.may_write]
    assert probe.id in {second.id, third.id}
    assert [update for update in await claim(world.database) if update.may_write] == []


async def test_updates_in_doubt_are_read_while_a_lane_is_paused(world: World) -> None:
    await waiting(world, 1)
    (update,) = await claim(world.database)
    await in_doubt(world, update)
    pause = Pause(Endpoint.SHIP, "walmart_throttled", timedelta(hours=1))
    await report_calls(world, Endpoint.SHIP, pause=pause)
    (again,) = await claim(world.database)
    assert (again.id, again.may_write) == (update.id, False)


async def test_a_stopped_store_is_reported_once_and_reopened_by_new_credentials(
    world: World,
) -> None:
    await waiting(world, 3)
    pause = Pause(Endpoint.ALL, "credentials_rejected", timedelta(hours=1))
    async with world.database.begin() as connection:
        now = await rate_limits.now(connection)
        reports = [CallReport(1, Endpoint.ALL, now, now, pause=pause)]
        first = await rate_limits.record(connection, reports * 3, Breaker())
        second = await rate_limits.record(connection, reports, Breaker())
    assert ([lane.reason for lane in first], second) == (["credentials_rejected"], [])
    assert await claim(world.database) == []
    store = world._stores[0]
    changes = manage.StoreChanges(walmart_client_secret="another")
    await manage.change(world.context, store.id, changes, actor=ACTOR)
    assert len(await claim(world.database)) == 3


async def test_an_update_that_met_the_refusal_continues_at_once_too(world: World) -> None:
    (update,) = await waiting(world, 1)
    store = world._stores[0]
    wrong = manage.StoreChanges(walmart_client_secret="wrong")
    await manage.change(world.context, store.id, wrong, actor=ACTOR)
    await world.deliver_until(update, states={State.RETRYING})
    right = manage.StoreChanges(walmart_client_secret="right")
    await manage.change(world.context, store.id, right, actor=ACTOR)
    (view,) = await world.deliver_until(update)
    assert view.state == "confirmed"


async def test_verifying_valid_credentials_resumes_the_store(world: World) -> None:
    await waiting(world, 1)
    pause = Pause(Endpoint.ALL, "credentials_rejected", timedelta(hours=1))
    await report_calls(world, Endpoint.ALL, pause=pause)
    assert (await manage.verify(world.context, world._stores[0].id)).ok
    assert len(await claim(world.database)) == 1


async def ship_by(world: World, update_id: UUID, hours: float) -> UUID:
    update = await world.update(update_id)
    assert update.order_id is not None
    async with world.database.begin() as connection:
        await connection.execute(
            sa.update(orders_table)
            .where(orders_table.c.id == update.order_id)
            .values(ship_by=sa.func.now() + timedelta(hours=hours))
        )
    return update.order_id


async def test_updates_of_orders_due_soon_go_first(world: World) -> None:
    updates = await waiting(world, 5)
    await world.answered_before()
    await ship_by(world, updates[4], 1)
    await ship_by(world, updates[3], 100)
    assert await deadlines.mark(world.database, 4 * 3600, world.context.new_id) == 1
    assert [update.id for update in await claim(world.database, limit=1)] == [updates[4]]
    assert [update.id for update in await claim(world.database, limit=1)] == [updates[0]]


async def test_an_order_that_becomes_urgent_is_reported_once(world: World) -> None:
    (update,) = await waiting(world, 1)
    order_id = await ship_by(world, update, 3)
    assert (await world.order(order_id)).status_details == ()
    assert await deadlines.mark(world.database, 4 * 3600, world.context.new_id) == 1
    assert await deadlines.mark(world.database, 4 * 3600, world.context.new_id) == 0
    order = await world.order(order_id)
    assert [each.code for each in order.status_details] == ["ship_by_near"]
    assert order.status == "open"
    await ship_by(world, update, -1)
    assert [e.code for e in (await world.order(order_id)).status_details] == ["ship_by_passed"]
    await world.deliver_until(update)
    assert (await world.order(order_id)).status_details == ()


async def test_a_locked_update_does_not_delay_the_warning_of_another_order(world: World) -> None:
    held, other = await waiting(world, 2)
    await ship_by(world, held, 1)
    await ship_by(world, other, 1)
    outside = open_database(world.url, pool_size=1)
    try:
        async with outside.begin() as connection:
            await connection.execute(sa.select(table).where(table.c.id == held).with_for_update())
            assert await deadlines.mark(world.database, 60 * 60 * 4, world.context.new_id) == 1
    finally:
        await outside.close()
    # Its own order is marked as soon as it is free, and it becomes urgent then.
    assert await deadlines.mark(world.database, 60 * 60 * 4, world.context.new_id) == 1
    async with world.database.begin() as connection:
        urgent = (await connection.execute(sa.select(table.c.urgent))).scalars().all()
    assert all(urgent)


async def test_a_shipment_after_the_warning_is_urgent_too(world: World) -> None:
    order = await world.an_order(2)
    async with world.database.begin() as connection:
        await connection.execute(sa.update(orders_table).values(ship_by=sa.func.now()))
    await deadlines.mark(world.database, 60, world.context.new_id)
    shipped = await ship.ship(world.context, order.id, a_package("1ZA"), actor=ACTOR)
    async with world.database.begin() as connection:
        urgent = sa.select(table.c.urgent).where(table.c.id == shipped.shipment.update.id)
        assert (await connection.execute(urgent)).scalar_one()


async def test_an_own_cap_is_shared_by_all_pollers(world: World) -> None:
    await waiting(world, 14)
    await world.answered_before()
    caps = {Endpoint.SHIP: 60.0}
    first = await claim(world.database, limit=6, caps=caps)
    second = await claim(world.database, limit=50, caps=caps)
    assert (len(first), len(second)) == (6, 4)
    assert await claim(world.database, limit=50, caps=caps) == []
    async with world.database.begin() as connection:
        past = sa.func.now() - timedelta(seconds=2.5)
        await connection.execute(sa.update(lanes_table).values(own_at=past))
    assert len(await claim(world.database, limit=50, caps=caps)) == 2
    # Without a cap none of it counts.
    assert len(await claim(world.database, limit=50)) == 2


async def test_a_claim_records_the_time_before_its_statement_and_after_it(
    world: World,
) -> None:
    """The lease counts from the first, the estimate of the database's clock from the second."""
    await waiting(world, 1)
    await world.answered_before()
    found = await due.groups(world.database.by_key, sharded=False)
    groups = [each for each in found if each.kind is Kind.SHIPMENT]
    ticks = itertools.count(1)
    claimer = Claimer(
        database=world.database,
        cipher=VAULT,
        settings=ClaimSettings("p", lease=60.0, timeout=30.0, caps={}),
        breaker=Breaker(),
        new_id=world.context.new_id,
        monotonic=lambda: float(next(ticks)),
    )
    (taken,) = await claimer.claim([ClaimRequest(groups, 20)], sharded=False)
    ((_, data),) = taken.deliveries
    assert (data.asked_at, data.at) == (1.0, 2.0)
