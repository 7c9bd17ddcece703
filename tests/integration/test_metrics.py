"""Metrics cover the whole deployment, whichever process did the work."""

import asyncio
import platform
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.domain.ids import new_id
from app.domain.outbox.rate_limits import BREAK_AFTER
from app.domain.update import State
from app.metrics import registry
from app.metrics.registry import Metrics
from app.storage import queries
from app.storage.postgres.database import Database, open_database
from app.storage.tables import attempts, lanes, updates
from app.usecases.orders import ship
from tests.builders import a_package, items
from tests.harness.world import ACTOR, World

START = datetime.now(UTC)


def metrics_of(database: Database, started_at: datetime = START) -> Metrics:
    return Metrics(database, "1.2.3", started_at=started_at)


async def shown(metrics: Metrics) -> dict[str, float]:
    """Every series with its value, as Prometheus reads them."""
    await metrics.refresh()
    text, content_type = metrics.render()
    assert content_type.startswith("text/plain")
    lines = [line for line in text.decode().splitlines() if not line.startswith("#")]
    return {series: float(value) for series, _, value in (li.rpartition(" ") for li in lines)}


async def delivered(world: World, *numbers: str) -> list[UUID]:
    order = await world.an_order(len(numbers))
    ids = []
    for number in numbers:
        package = a_package(number, items=items(l1=1))
        done = await ship.ship(world.context, order.id, package, actor=ACTOR)
        ids.append(done.shipment.update.id)
    await world.deliver_until(*ids)
    return ids


async def test_work_of_other_processes_is_counted(world: World) -> None:
    api = metrics_of(world.database)
    await world.a_store()
    await world.fault("shipping", "error")
    await delivered(world, "1ZA", "1ZB")
    found = await shown(api)
    shipments = {
        series: value
        for series, value in found.items()
        if 'waybill_deliveries_total{kind="ship' in series
    }
    assert found['waybill_updates_accepted_total{kind="shipment"}'] == 2
    assert sum(shipments.values()) == 3
    assert found['waybill_deliveries_total{kind="shipment",verdict="unclear"}'] == 1
    assert found['waybill_delivery_lag_seconds_count{kind="shipment"}'] == 2
    assert found['waybill_delivery_lag_seconds_bucket{kind="shipment",le="+Inf"}'] == 2
    assert found['waybill_delivery_lag_seconds_sum{kind="shipment"}'] > 0
    built = f'waybill_build_info{{python="{platform.python_version()}",version="1.2.3"}}'
    assert found[built] == found["waybill_database_up"] == 1


async def test_a_lag_is_counted_in_its_bucket(world: World) -> None:
    (update_id,) = await delivered(world, "1ZA")
    async with world.database.begin() as connection:
        ended = (
            await connection.execute(
                sa.select(attempts.c.ended_at).where(attempts.c.update_id == update_id)
            )
        ).scalar_one()
        one = sa.update(updates).where(updates.c.id == update_id)
        await connection.execute(one.values(created_at=ended - timedelta(seconds=7)))
    found = await shown(metrics_of(world.database))
    name = "waybill_delivery_lag_seconds"
    assert found[f'{name}_bucket{{kind="shipment",le="5.0"}}'] == 0
    assert found[f'{name}_bucket{{kind="shipment",le="10.0"}}'] == 1
    assert found[f'{name}_sum{{kind="shipment"}}'] == pytest.approx(7)


async def test_settling_counts_each_update_once(world: World) -> None:
    early, late = await delivered(world, "1ZA", "1ZB")
    await aged(world, early, timedelta(minutes=10))
    api = metrics_of(world.database, START - timedelta(hours=1))
    for _ in range(3):
        found = await shown(api)
        assert found['waybill_updates_accepted_total{kind="shipment"}'] == 2
        assert found['waybill_deliveries_total{kind="shipment",verdict="confirmed"}'] == 2
    await asyncio.gather(*(api.refresh() for _ in range(5)))
    found = await shown(api)
    assert found['waybill_updates_accepted_total{kind="shipment"}'] == 2
    assert late != early


async def aged(world: World, update_id: UUID, by: timedelta) -> None:
    """Make an update and its attempts appear older."""
    at = datetime.now(UTC) - by
    store_id = update_id.int & 0xFFFFFFFF
    identifier = new_id(store_id, int(at.timestamp() * 1000), 1)
    async with world.database.begin() as connection:
        one = sa.update(updates).where(updates.c.id == update_id)
        await connection.execute(one.values(created_at=at))
        tries = sa.update(attempts).where(attempts.c.update_id == update_id)
        await connection.execute(tries.values(id=identifier))


async def test_work_before_the_start_of_the_process_is_not_counted(world: World) -> None:
    await delivered(world, "1ZA")
    later = metrics_of(world.database, datetime.now(UTC) + timedelta(seconds=30))
    assert not [series for series in await shown(later) if series.startswith("waybill_deliveries")]


async def test_open_failed_overdue_and_paused_work_is_reported(world: World) -> None:
    order = await world.an_order(2)
    await world.fault("shipping", "refuse", field="methodCode")
    first = await ship.ship(
        world.context, order.id, a_package("1ZA", items=items(l1=1)), actor=ACTOR
    )
    await world.deliver_until(first.shipment.update.id, states={State.FAILED})
    second = await ship.ship(world.context, order.id, a_package("1ZB"), actor=ACTOR)
    store_id = order.id.int & 0xFFFFFFFF
    async with world.database.begin() as connection:
        now = (await connection.execute(sa.select(sa.func.now()))).scalar_one()
        one = sa.update(updates).where(updates.c.id == second.shipment.update.id)
        await connection.execute(one.values(due_at=now - timedelta(seconds=90)))
        until = now + timedelta(hours=1)
        await connection.execute(
            sa.update(lanes)
            .where(lanes.c.store_id == store_id, lanes.c.endpoint == "ship")
            .values(reason="walmart_throttled", paused_until=until)
        )
        # Between two trial calls.
        await connection.execute(
            sa.update(lanes)
            .where(lanes.c.store_id == store_id, lanes.c.endpoint == "*")
            .values(reason="credentials_rejected", paused_until=now, failures=BREAK_AFTER)
        )
        figures = await queries.figures(connection)
    assert {key: count for key, count in figures.open.items() if count} == {
        ("shipment", "failed"): 1,
        ("shipment", "pending"): 1,
    }
    assert figures.oldest_due == figures.queue_age["shipment"] == pytest.approx(90, abs=30)
    stopped = {reason for reason, count in figures.paused.items() if count}
    assert stopped == {"walmart_throttled", "credentials_rejected"}
    found = await shown(metrics_of(world.database))
    assert found['waybill_queue_depth{kind="shipment"}'] == 1
    assert found['waybill_queue_age_seconds{kind="shipment"}'] >= 90
    assert found['waybill_queue_depth{kind="refund"}'] == 0
    assert found['waybill_open_updates{kind="shipment",state="failed"}'] == 1
    assert found['waybill_paused_lanes{reason="walmart_throttled"}'] == 1


async def test_a_long_transaction_is_reported_by_its_age(world: World) -> None:
    began = "UPDATE orders SET updated_at = now() WHERE false"
    async with world.database.direct.transaction(began):
        await asyncio.sleep(0.2)
        open_now = await shown(metrics_of(world.database))
    over = await shown(metrics_of(world.database))
    assert open_now["waybill_oldest_transaction_seconds"] >= 0.2
    assert (
        over["waybill_oldest_transaction_seconds"] < open_now["waybill_oldest_transaction_seconds"]
    )
    assert open_now["waybill_unseen_sessions"] == 0


async def test_a_role_without_rights_reports_the_number_of_hidden_sessions(
    world: World,
) -> None:
    role = "CREATE ROLE lesser LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO lesser"
    async with world.database.begin() as connection:
        for statement in role.split("; "):
            await connection.exec_driver_sql(statement)
    lesser = open_database(world.url.replace("postgres@", "lesser@"))
    async with world.database.direct.transaction("SELECT 1"):
        found = await shown(metrics_of(lesser))
    await lesser.close()
    async with world.database.begin() as connection:
        await connection.exec_driver_sql("DROP OWNED BY lesser")
        await connection.exec_driver_sql("DROP ROLE lesser")
    assert found["waybill_database_up"] == 1
    assert found["waybill_unseen_sessions"] >= 1
    assert found["waybill_oldest_transaction_seconds"] == 0


async def test_without_a_database_gauges_are_absent_and_counters_stay(world: World) -> None:
    await delivered(world, "1ZA")
    metrics = metrics_of(world.database)
    before = await shown(metrics)
    assert before["waybill_oldest_due_seconds"] == 0
    away = open_database("postgresql://x@127.0.0.1:9/x")
    metrics._database = away
    after = await shown(metrics)
    await away.close()
    assert after["waybill_database_up"] == 0
    unknown = {series.split("{")[0] for series in before.keys() - after.keys()}
    assert {"waybill_oldest_due_seconds", "waybill_queue_depth", "waybill_open_updates"} < unknown
    counter = 'waybill_deliveries_total{kind="shipment",verdict="confirmed"}'
    assert after[counter] == before[counter] == 1


async def test_a_full_pool_shows_who_waits_and_does_not_stop_a_scrape(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = 'pool="transactions"'
    metrics = metrics_of(world.database)
    async with AsyncExitStack() as stack:
        for _ in range(world.database.pools()["transactions"].size):
            await stack.enter_async_context(world.database.begin())
        with monkeypatch.context() as impatient:
            impatient.setattr(registry, "PATIENCE", 0.1)
            found = await shown(metrics)
        assert found["waybill_database_up"] == 0
        size = found[f"waybill_database_pool_size{{{pool}}}"]
        assert found[f'waybill_database_pool_connections{{{pool},state="in_use"}}'] == size
        busy = asyncio.create_task(_begin(world.database))
        await asyncio.sleep(0)
        assert world.database.pools()["transactions"].waiting == 1
    await busy
    free = await shown(metrics)
    assert free["waybill_database_up"] == 1
    assert free[f"waybill_database_pool_waiting{{{pool}}}"] == 0
    assert free[f'waybill_database_pool_connections{{{pool},state="in_use"}}'] == 0


async def _begin(database: Database) -> None:
    async with database.begin():
        pass


async def test_tokens_left_are_the_fewest_of_a_store_and_of_the_last_minute(world: World) -> None:
    await world.a_store()
    await world.a_store()
    async with world.database.begin() as connection:
        for store_id, tokens, endpoint, ago in (
            (1, 40, "ship", 5),
            (2, 7, "ship", 5),
            (1, 0, "cancel", 61),
        ):
            of = (lanes.c.store_id == store_id) & (lanes.c.endpoint == endpoint)
            seen = sa.func.now() - timedelta(seconds=ago)
            await connection.execute(sa.update(lanes).where(of).values(tokens=tokens, seen_at=seen))
    found = await shown(metrics_of(world.database))
    left = {series: value for series, value in found.items() if "tokens_left" in series}
    assert left == {'waybill_rate_limit_tokens_left{endpoint="ship"}': 7}


async def test_requests_are_counted_by_route_and_an_odd_method_makes_no_series() -> None:
    away = open_database("postgresql://x@127.0.0.1:9/x")
    metrics = metrics_of(away)
    for method in ("GET", "GET", "BREW"):
        metrics.request(method, "/v1/orders", 200, 0.01)
    found = await shown(metrics)
    await away.close()
    name = "waybill_http_request_duration_seconds_count"
    assert found[f'{name}{{route="/v1/orders"}}'] == 3
    assert found['waybill_http_request_seconds_count{route="/v1/orders"}'] == 3
    name = "waybill_http_requests_total"
    assert found[f'{name}{{method="GET",route="/v1/orders",status="200"}}'] == 2
    assert found[f'{name}{{method="other",route="/v1/orders",status="200"}}'] == 1
