"""Deliveries are summed up by store, kind and five minutes, each once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from app.domain.ids import new_id
from app.domain.outbox import lag
from app.domain.update import State
from app.storage import queries
from app.storage.outbox import rollup
from app.storage.outbox.notify import NotifyListener, WakeSignal
from app.storage.queries import HealthSpan
from app.storage.queries.views import DeliveriesView, HealthView
from app.storage.removal import expired
from app.storage.tables import attempts, updates
from app.usecases.orders import ship
from app.worker.maintenance.rollup import sum_up_deliveries
from tests.builders import a_package, items
from tests.harness.waiting import limited
from tests.harness.world import ACTOR, World
from tests.integration.test_metrics import delivered

DAY = HealthSpan(24, timedelta(minutes=30))
AGE = timedelta(minutes=20)


async def health(world: World, store_id: int | None = None, span: HealthSpan = DAY) -> HealthView:
    async with world.database.direct.reading() as session:
        return await queries.health(session, store_id, span)


async def of_shipments(world: World) -> DeliveriesView | None:
    found = {each.kind: each.deliveries for each in (await health(world, 1)).kinds}
    return found.get("shipment")


async def summed(world: World) -> None:
    while await sum_up_deliveries(world.database):
        pass


async def rows(world: World) -> int:
    count = sa.text("SELECT count(*) FROM delivery_rollups WHERE kind = 'shipment'")
    async with world.database.begin() as connection:
        return int((await connection.execute(count)).scalar_one())


async def refused(world: World) -> UUID:
    order = await world.an_order(1)
    await world.fault("shipping", "refuse", field="methodCode")
    sent = await ship.ship(world.context, order.id, a_package("1ZR"), actor=ACTOR)
    await world.deliver_until(sent.shipment.update.id, states={State.FAILED})
    return sent.shipment.update.id


async def aged(world: World, update_id: UUID, by: timedelta) -> None:
    """Make the attempts of an update, and its acceptance, appear older."""
    store_id, at = update_id.int & 0xFFFFFFFF, datetime.now(UTC) - by
    async with world.database.begin() as connection:
        one = sa.update(updates).where(updates.c.id == update_id)
        await connection.execute(one.values(created_at=at))
        mine = sa.select(attempts.c.id).where(attempts.c.update_id == update_id)
        for number, identifier in enumerate((await connection.execute(mine)).scalars().all()):
            older = new_id(store_id, int(at.timestamp() * 1000), number)
            await connection.execute(
                sa.update(attempts).where(attempts.c.id == identifier).values(id=older)
            )


async def test_first_tries_retries_and_failures_are_counted_apart(world: World) -> None:
    first, second = await delivered(world, "1ZA", "1ZB")
    await world.fault("shipping", "error")
    (retried,) = await delivered(world, "1ZC")
    for update_id in (first, second, retried, await refused(world)):
        await aged(world, update_id, AGE)
    await summed(world)
    found = await of_shipments(world)
    assert found is not None
    assert (found.first_try, found.after_retry, found.failed, found.confirmed) == (2, 1, 1, 3)


async def test_the_lag_is_that_of_accepted_to_confirmed(world: World) -> None:
    (update_id,) = await delivered(world, "1ZA")
    # The attempt ended now, twenty minutes after the acceptance.
    await aged(world, update_id, AGE)
    await summed(world)
    found = await of_shipments(world)
    assert found is not None
    assert found.p50_seconds is not None
    assert 900 < found.p50_seconds < 3600


async def test_deliveries_that_are_not_final_are_not_counted_yet(world: World) -> None:
    (update_id,) = await delivered(world, "1ZA")
    await summed(world)
    assert await rows(world) == 0
    await aged(world, update_id, AGE)
    await summed(world)
    assert await rows(world) == 1


async def test_a_fresh_delivery_is_shown_at_once_and_counted_once_when_it_is_final(
    world: World,
) -> None:
    ids = await delivered(world, "1ZA", "1ZB")
    # The poller's own may be from before the second delivery, and is kept for some seconds.
    await rollup.preview(world.database, ids[0].int & 0xFFFFFFFF)
    for spans, update_id in enumerate((None, *ids)):
        if update_id is not None:
            await aged(world, update_id, AGE / spans)
        await summed(world)
        found = await of_shipments(world)
        assert found is not None
        assert (found.confirmed, await rows(world)) == (2, spans)
    assert await rollup.previews_due(world.database) == []


async def test_only_little_is_summed_up_before_it_is_final(world: World) -> None:
    (update_id,) = await delivered(world, "1ZA")
    store_id, at = update_id.int & 0xFFFFFFFF, datetime.now(UTC)
    attempt = {"store_id": store_id, "update_id": update_id, "number": 1, "poller": "p"}
    attempt |= {"started_at": at, "ended_at": at, "verdict": "confirmed"}
    more = [{**attempt, "id": new_id(store_id, int(at.timestamp() * 1000), n)} for n in range(1000)]
    async with world.database.begin() as connection:
        await connection.execute(sa.insert(attempts), more)
    await summed(world)
    assert await of_shipments(world) is None


async def test_several_pollers_count_each_delivery_once(world: World) -> None:
    ids = await delivered(world, "1ZA", "1ZB", "1ZC")
    for number, update_id in enumerate(ids):
        await aged(world, update_id, AGE * (number + 1))
    store_id = ids[0].int & 0xFFFFFFFF
    for _ in range(4):
        await asyncio.gather(*(rollup.sum_up(world.database, store_id) for _ in range(5)))
    found = await of_shipments(world)
    assert found is not None
    assert (found.confirmed, await rows(world)) == (3, 3)


@pytest.mark.one_postgresql("a trigger of the test's")
async def test_a_crash_before_the_cursor_moves_counts_nothing_twice(world: World) -> None:
    (update_id,) = await delivered(world, "1ZA")
    await aged(world, update_id, AGE)
    store_id = update_id.int & 0xFFFFFFFF
    await _do(
        world,
        "CREATE FUNCTION crash() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RAISE division_by_zero; END'",
        "CREATE TRIGGER crash BEFORE UPDATE ON delivery_rollup_cursors "
        "FOR EACH ROW EXECUTE FUNCTION crash()",
    )
    with pytest.raises(DBAPIError):
        await rollup.sum_up(world.database, store_id)
    assert await rows(world) == 0
    await _do(world, "DROP FUNCTION crash CASCADE")
    await summed(world)
    found = await of_shipments(world)
    assert found is not None
    assert found.confirmed == 1


async def test_pollers_sum_up_what_is_final(world: World) -> None:
    (update_id,) = await delivered(world, "1ZA")
    await aged(world, update_id, AGE)
    async with limited(), world.polling(housekeeping=True):
        while not await rows(world):
            await asyncio.sleep(0.02)
    assert await rollup.due(world.database) == []


async def test_sums_are_deleted_after_90_days(world: World) -> None:
    store = await world.a_store()
    for days in (91, 89):
        at = lag.floor(datetime.now(UTC) - timedelta(days=days))
        await rolled_up(world, store.store_id, at, first_try=1)
    assert await expired.ROLLUPS.remove(world.database, lag.KEPT.days) == 3
    assert await expired.ROLLUPS.remove(world.database, lag.KEPT.days) == 0
    found = await health(world, 1, span=HealthSpan(2160, timedelta(days=1)))
    assert found.deliveries.confirmed == 1


async def rolled_up(world: World, store_id: int, at: datetime, **counts: Any) -> None:
    """Insert a row of the roll-up, with its updates in the bucket of 0.25 to 0.5 s."""
    named = {"first_try": 0, "after_retry": 0, "failed": 0, **counts}
    lags = [0] * lag.BUCKETS
    lags[3] = named["first_try"] + named["after_retry"]
    values = "'shipment', :first_try, :after_retry, :failed, :lags"
    inserts = (
        f"INSERT INTO delivery_rollups SELECT :store_id, :at, {values}",
        (
            "INSERT INTO delivery_rollup_steps SELECT :store_id, m, "
            f"date_bin(make_interval(mins => m), :at, 'epoch'), {values} "
            # Tests read longer steps of one row only.
            "FROM unnest(ARRAY[30, 120, 1440]) AS m ON CONFLICT DO NOTHING"
        ),
    )
    types: list[sa.BindParameter[Any]] = [
        sa.bindparam("lags", type_=sa.ARRAY(sa.Integer)),
        sa.bindparam("at", type_=sa.DateTime(timezone=True)),
        *(sa.bindparam(name, type_=sa.Integer) for name in ("store_id", *sorted(named))),
    ]
    async with world.database.begin() as connection:
        for insert in inserts:
            statement = sa.text(insert).bindparams(*types)
            await connection.execute(
                statement, {**named, "store_id": store_id, "at": at, "lags": lags}
            )


async def test_longer_steps_have_the_sums_of_their_five_minutes(world: World) -> None:
    """A day is read from sums by the day, an hour from sums by half hours."""
    ids = await delivered(world, "1ZA", "1ZB", "1ZC")
    for number, update_id in enumerate(ids):
        await aged(world, update_id, AGE * (number + 1))
    await summed(world)
    found = [
        await health(world, 1, span=HealthSpan(24, timedelta(minutes=minutes)))
        for minutes in (5, 30, 60, 120, 360)
    ]
    found.append(await health(world, 1, span=HealthSpan(48, timedelta(days=1))))
    assert [each.deliveries.confirmed for each in found] == [found[0].deliveries.confirmed] * 6
    assert len({each.deliveries.p99_seconds for each in found}) == 1
    assert {each.step_minutes for each in found} == {5, 30, 60, 120, 360, 1440}
    of_shipments = {each.kind: each.deliveries for each in found[-1].kinds}["shipment"]
    assert of_shipments.confirmed == 3


@pytest.mark.one_postgresql("a list of all stores")
async def test_each_step_has_its_deliveries_and_empty_steps_are_shown(world: World) -> None:
    one, other = await world.a_store(), await world.a_store()
    half_hour = timedelta(minutes=30)
    at = lag.floor(datetime.now(UTC), half_hour) - 4 * half_hour
    await rolled_up(world, one.store_id, at, first_try=5)
    await rolled_up(world, one.store_id, at + half_hour, first_try=1, failed=2)
    await rolled_up(world, other.store_id, at + half_hour, after_retry=3)
    found = await health(world)
    assert len(found.series) == 48
    shown = {
        point.starts_at: point.deliveries for point in found.series if point.deliveries.confirmed
    }
    assert {moment: (each.confirmed, each.failed) for moment, each in shown.items()} == {
        at: (5, 0),
        at + half_hour: (4, 2),
    }
    assert found.deliveries.p50_seconds == pytest.approx(0.375)
    of_one = await health(world, one.store_id)
    assert [store.name for store in of_one.stores] == [one.name]
    assert of_one.deliveries.confirmed == of_one.stores[0].deliveries.confirmed == 6


@pytest.mark.one_postgresql("a list of all stores")
async def test_the_worst_store_is_first_and_says_why(world: World) -> None:
    fine, stopped = await world.a_store(), await world.a_store()
    order = await world.an_order(1, store=stopped)
    sent = await ship.ship(world.context, order.id, a_package("1ZA", items=items(l1=1)), actor="t")
    await _do(
        world,
        "UPDATE lanes SET reason = 'credentials_rejected', failures = 5, "
        f"paused_until = now() + interval '1 hour' WHERE store_id = {stopped.store_id} "
        "AND endpoint = '*'",
    )
    found = await health(world)
    assert [store.id for store in found.stores] == [stopped.id, fine.id]
    worst = found.stores[0]
    lanes = {each.endpoint: each for each in worst.lanes}
    assert (lanes["*"].state, lanes["*"].reason) == ("blocked", "credentials_rejected")
    assert lanes["*"].until is not None
    assert worst.backlog.waiting == found.backlog.waiting == 1
    accepted = (await world.update(sent.shipment.update.id)).created_at
    assert worst.backlog.oldest_at == accepted


async def test_connected_pollers_are_counted(world: World) -> None:
    assert (await health(world, 1)).pollers == 0
    async with limited(), NotifyListener(world.url, WakeSignal(), of_poller=True) as listener:
        await listener.shown.wait()
        assert (await health(world, 1)).pollers == 1


async def _do(world: World, *statements: str) -> None:
    async with world.database.begin() as connection:
        for statement in statements:
            await connection.exec_driver_sql(statement)
