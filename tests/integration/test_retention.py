"""Retention: what is deleted after its time, and what is kept for ever."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.domain.errors import Conflict, Unknown
from app.domain.orders.requests import RequestedItem, TrackingCorrection
from app.storage import queries
from app.storage.outbox import retention
from app.storage.outbox.retention import SweepPosition
from app.storage.postgres.database import Database
from app.storage.postgres.sharding import Sweep
from app.storage.queries.pagination import KeysetPage
from app.storage.queries.views import ShipmentView
from app.storage.removal import expired
from app.usecases.orders import correct_tracking
from app.usecases.orders import ship as shipping
from app.usecases.updates import dismiss, retry
from tests.builders import a_package
from tests.harness.waiting import limited
from tests.harness.world import World

SEED = """
    INSERT INTO updates (store_id, id, subject, kind, sequence, state, finished_at)
    SELECT 1, uuid(md5('u' || n)::text), 'S' || n, 'inventory', 1,
           CASE WHEN n % 10 = 0 THEN 'failed' WHEN n % 10 = 1 THEN 'dismissed' ELSE 'confirmed' END,
           CASE WHEN n % 10 > 0 THEN now() END
      FROM generate_series(1, :updates) n;
"""
ATTEMPTS = """
    INSERT INTO attempts (store_id, id, update_id, number, poller, started_at, ended_at, verdict)
    SELECT 1, gen_random_uuid(), uuid(md5('u' || n)::text), 1, 'p', now(),
           now() - make_interval(days => CAST(:days AS int)), 'confirmed'
      FROM generate_series(1, :updates) n
"""
KEYS = """
    INSERT INTO idempotency_keys (store_id, api_key, method, path, key, fingerprint, status, body,
                                  created_at)
    SELECT 1, 'k', 'POST', '/p', CAST(:days AS int) || '-' || n, '', 202, '',
           now() - make_interval(days => CAST(:days AS int))
      FROM generate_series(1, :keys) n
"""


async def do(database: Database, statement: str, **values: Any) -> Any:
    async with database.begin() as connection:
        result = await connection.execute(sa.text(statement), values)
        return result.scalars().all() if result.returns_rows else None


async def rows(database: Database, statement: str) -> list[tuple[Any, ...]]:
    async with database.begin() as connection:
        return [tuple(row) for row in await connection.execute(sa.text(statement))]


async def ship(
    world: World, order_id: UUID, number: str, *, line: str, units: int, **changes: Any
) -> ShipmentView:
    items = (RequestedItem(units, line_number=line),)
    package = a_package(number, items=items, **changes)
    return (await shipping.ship(world.context, order_id, package, actor="test")).shipment


async def seeded(database: Database, updates: int) -> None:
    await do(database, SEED, updates=updates)
    for days in (91, 89):
        await do(database, ATTEMPTS, updates=updates, days=days)


async def archived(world: World) -> list[str]:
    """Archive updates at rest, as if months had passed; return what is left in the outbox."""
    await retention.archive_updates(world.database, days=0)
    return list(await do(world.database, "SELECT state FROM updates ORDER BY sequence"))


async def test_an_order_is_shown_the_same_after_its_updates_are_archived(world: World) -> None:
    order = await world.an_order(2, 1)
    shipped = await ship(world, order.id, "1ZA", line="1", units=2)
    await world.deliver_until(shipped.update.id)
    async with world.database.read() as connection:
        seen = (await queries.timeline(connection, 1, order.id)).entries
    before, update = await world.order(order.id), await world.update(shipped.update.id)
    assert await archived(world) == []
    assert await world.order(order.id) == before
    assert await world.update(shipped.update.id) == update
    async with world.database.read() as connection:
        assert (await queries.timeline(connection, 1, order.id)).entries == seen
        listed, _ = await queries.updates(connection, queries.UpdateFilter(), KeysetPage(50, None))
    assert listed == []


async def test_an_archived_shipment_is_distinguished_from_a_new_one(
    world: World,
) -> None:
    """Two packages of one number: units of the archived one are not counted for the new one."""
    order = await world.an_order(3)
    first = await ship(world, order.id, "1ZA", line="1", units=2)
    await world.deliver_until(first.update.id)
    await archived(world)
    second = await ship(world, order.id, "1ZA", line="1", units=1)
    assert second.update.sequence > first.update.sequence
    await world.fault("shipping", "error_after")
    await world.deliver_until(second.update.id)
    sent = [entry for entry in await world.ledger() if entry["operation"] == "shipping"]
    assert [entry["quantity"] for entry in sent] == [2, 1]
    assert (await world.order(order.id)).status == "shipped"


async def test_only_updates_at_rest_are_archived(world: World) -> None:
    order = await world.an_order(2)
    refused = await ship(world, order.id, "1ZA", line="1", units=1)
    await world.fault("shipping", "refuse")
    await world.deliver_until(refused.update.id)
    await ship(world, order.id, "1ZB", line="1", units=1)
    await do(world.database, SEED, updates=20)
    assert await archived(world) == ["failed", "failed", "failed", "pending"]


async def test_retention_counts_from_when_an_update_came_to_rest(database: Database) -> None:
    await do(database, SEED, updates=100)
    await do(
        database,
        "UPDATE updates SET finished_at = now() - make_interval(days => CASE "
        "WHEN subject LIKE '%5' THEN 91 ELSE 89 END) WHERE state <> 'failed'",
    )
    assert await retention.archive_updates(database, 90) == 10
    kept = "SELECT count(*) FILTER (WHERE subject LIKE '%5'), count(*) FROM "
    assert await rows(database, kept + "updates") == [(0, 90)]
    assert await rows(database, kept + "archived_updates") == [(10, 10)]


async def test_an_archived_update_is_finished_for_every_reader(world: World) -> None:
    order = await world.an_order(1)
    shipped = await ship(world, order.id, "1ZA", line="1", units=1)
    await world.deliver_until(shipped.update.id)
    await archived(world)
    with pytest.raises(Conflict) as refused:
        await retry.retry(
            world.context, shipped.update.id, override_cancel_request=False, actor="test"
        )
    assert refused.value.code == "update_finished"
    with pytest.raises(Conflict) as refused:
        await dismiss.dismiss(world.context, shipped.update.id, note="old", actor="test")
    assert refused.value.code == "update_finished"
    with pytest.raises(Conflict) as refused:
        await correct_tracking.correct(
            world.context,
            order.id,
            shipped.id,
            TrackingCorrection(tracking_number="1ZB"),
            actor="t",
        )
    assert refused.value.code == "tracking_window_closed"
    with pytest.raises(Unknown):
        await correct_tracking.correct(
            world.context, order.id, order.id, TrackingCorrection(tracking_number="1ZB"), actor="t"
        )


async def test_a_request_is_answered_the_same_under_its_reference_after_months(
    world: World,
) -> None:
    order = await world.an_order(2)
    first = await ship(world, order.id, "1ZA", line="1", units=1, reference="r-1")
    await world.deliver_until(first.update.id)
    await archived(world)
    again = await ship(world, order.id, "1ZA", line="1", units=1, reference="r-1")
    assert (again.id, again.state) == (first.id, "confirmed")


async def test_concurrent_pollers_archive_each_update_once(database: Database) -> None:
    await do(database, SEED, updates=1000)
    await do(database, "UPDATE updates SET finished_at = now() - interval '91 days'")
    counts = await asyncio.gather(*(retention.archive_updates(database, 90) for _ in range(4)))
    counts.append(await retention.archive_updates(database, 90))
    assert sum(counts) == 900
    assert await do(database, "SELECT count(*) FROM archived_updates") == [900]


async def _sweep(
    database: Database, after: SweepPosition = retention.START, batch: int = retention.BATCH
) -> SweepPosition:
    """A batch of the old attempts of all stores, or of the first store on a cluster."""
    stores = (await retention.sweeps(database, 90))[0]
    return await retention.forget_attempts(database, 90, after, stores=stores, batch=batch)


async def test_old_attempts_are_deleted_except_those_of_failed_updates(database: Database) -> None:
    await seeded(database, 100)
    swept = await _sweep(database)
    assert (swept.gone, swept.more) == (90, False)
    assert (await _sweep(database)).gone == 0
    left = await do(
        database,
        "SELECT u.state FROM attempts a JOIN updates u ON u.id = a.update_id AND u.store_id = a.store_id "
        "WHERE a.ended_at < now() - interval '90 days'",
    )
    assert left == ["failed"] * 10
    assert await do(database, "SELECT count(*) FROM attempts") == [110]


async def test_a_sweep_reads_the_attempts_it_keeps_once(database: Database) -> None:
    await seeded(database, 100)
    await do(database, "UPDATE updates SET state = 'failed'")
    swept, looked = retention.START, 0
    while swept.more:
        swept = await _sweep(database, swept, 30)
        assert swept.gone == 0
        looked += 1
    # A hundred old ones, thirty at a time.
    assert looked == 4
    await do(database, "UPDATE updates SET state = 'confirmed'")
    swept, deleted = retention.START, 0
    while swept.more:
        swept = await _sweep(database, swept, 30)
        deleted += swept.gone
    assert deleted == 100


async def test_old_rows_are_deleted_in_batches(database: Database) -> None:
    await do(database, KEYS, days=8, keys=1200)
    await do(database, KEYS, days=6, keys=5)
    assert [await expired.IDEMPOTENCY_KEYS.remove(database, 7) for _ in range(4)] == [
        500,
        500,
        200,
        0,
    ]
    assert await do(database, "SELECT count(*) FROM idempotency_keys") == [5]


async def test_unlinked_events_are_deleted_and_open_ones_of_an_order_are_kept(
    database: Database,
) -> None:
    fill = """INSERT INTO commerce_events (store_id, id, reference, about, commerce_order_id, order_id,
        told, state, code, received_at) SELECT 1, gen_random_uuid(), n::text, 'shipment', n,
        CASE WHEN n = 3 THEN gen_random_uuid() END, '{}', CASE n WHEN 4 THEN 'refused'
        ELSE 'waiting' END, 'order_not_linked', now() - make_interval(days => 29 + (n <> 2)::int * 2)
        FROM generate_series(1, 4) n"""
    await do(database, fill)
    assert await expired.UNLINKED_EVENTS.remove(database, 30) == 1
    assert await do(database, "SELECT reference FROM commerce_events ORDER BY 1") == ["2", "3", "4"]
    await do(
        database,
        "INSERT INTO commerce_event_ids VALUES (1, 'old', now() - interval '8 days'), (1, 'new', now())",
    )
    assert await expired.COMMERCE_EVENT_IDS.remove(database, 7) == 1
    assert await do(database, "SELECT event_id FROM commerce_event_ids") == ["new"]


async def test_several_pollers_share_the_work(database: Database) -> None:
    await do(database, KEYS, days=8, keys=1000)
    counts = await asyncio.gather(*(expired.IDEMPOTENCY_KEYS.remove(database, 7) for _ in range(4)))
    assert sum(counts) + await expired.IDEMPOTENCY_KEYS.remove(database, 7) == 1000


@pytest.mark.one_postgresql("a plan of one server")
@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (retention._UPDATES, "ix_updates_finished_at"),
        (retention._ATTEMPTS, "ix_attempts_ended_at"),
        (expired.IDEMPOTENCY_KEYS.sweeps[0], "ix_idempotency_keys_created_at"),
    ],
)
async def test_old_rows_are_found_by_an_index(
    database: Database, statement: Sweep, index: str
) -> None:
    await seeded(database, 5000)
    await do(database, KEYS, days=1, keys=5000)
    for table in ("updates", "attempts", "idempotency_keys"):
        await do(database, f"ANALYZE {table}")
    more = {"at": retention.START.at, "after_store": 0, "id": retention.START.id}
    values = {"days": 95, "batch": 500, **more}
    form = statement.form(one=False)
    async with database.begin() as connection:
        plan = await connection.exec_driver_sql(
            f"EXPLAIN {form.text}", tuple(values[name] for name in form.names)
        )
    assert index in "\n".join(plan.scalars())


async def test_a_poller_deletes_old_rows_beside_its_deliveries(world: World) -> None:
    await seeded(world.database, 700)
    await do(world.database, "UPDATE updates SET finished_at = now() - interval '91 days'")
    await do(world.database, KEYS, days=8, keys=700)
    left = """SELECT (SELECT count(*) FROM idempotency_keys) + (SELECT count(*) FROM updates
        WHERE state <> 'failed') + (SELECT count(*) FROM attempts
        WHERE ended_at < now() - interval '90 days') - 70"""
    async with (
        world.polling(
            housekeeping=True,
            retain_updates=90,
            retain_attempts=90,
            retain_idempotency_keys=7,
            poll_interval=0.05,
        ),
        limited(),
    ):
        while await do(world.database, left) != [0]:
            await asyncio.sleep(0.05)


async def test_autovacuum_visits_the_hot_tables_before_a_fifth_of_them_has_changed(
    database: Database,
) -> None:
    early = await do(
        database,
        "SELECT relname FROM pg_class WHERE array_to_string(reloptions, ' ') ~ "
        "'autovacuum_vacuum_scale_factor=0(\\.02)?( |$)' ORDER BY 1",
    )
    hot = [
        *("attempts", "idempotency_keys", "lanes", "order_count_changes", "order_lines"),
        *("orders", "shipments", "updates"),
    ]
    assert early == hot
