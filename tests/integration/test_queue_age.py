"""The queue age that KEDA scales pollers by: correct, cheap, and readable with few rights."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.outbox import quotas
from app.domain.outbox.rate_limits import BREAK_AFTER, Endpoint
from app.domain.update import Kind
from app.storage import rate_limits
from app.storage.outbox import claim_state
from app.storage.outbox import due as due_of
from app.storage.postgres.database import Connection
from app.storage.tables import lanes as lanes_table
from app.storage.tables import updates
from deploy.kubernetes import lint
from tests.harness.world import World

TRIGGER = next(
    manifest["spec"]["triggers"][0]
    for manifest in lint.built("overlays/production")
    if manifest["kind"] == "ScaledObject"
)
QUERY = TRIGGER["metadata"]["query"]
ROLE = (lint.HERE / "components/keda/role.sql").read_text()


@asynccontextmanager
async def tried_out(world: World) -> AsyncIterator[Connection]:
    """A transaction that is rolled back."""
    async with world.database.engine.connect() as connection:
        yield connection
        await connection.rollback()


async def age(connection: Connection) -> float:
    seconds = (await connection.exec_driver_sql(QUERY)).scalar_one()
    assert isinstance(seconds, float)
    return seconds


async def due(connection: Connection, world: World, seconds: float, **changes: Any) -> None:
    """An update that has been due for this long; below zero: that will be due."""
    given = {
        "store_id": 1,
        "id": world.context.new_id(1),
        "subject": str(world.context.new_id(1)),
        "kind": "shipment",
        "sequence": 1,
        "active": True,
        "due_at": sa.func.now() - timedelta(seconds=seconds),
        **changes,
    }
    await connection.execute(sa.insert(updates).values(**given))


async def lane(connection: Connection, endpoint: Endpoint, **changes: Any) -> None:
    """A lane of store 1 in this state; the others are open and have answered before."""
    await rate_limits.create(connection, [1])
    calm = {"paused_until": sa.text("'-infinity'"), "answered": True, "failures": 0, "tokens": None}
    await connection.execute(sa.update(lanes_table).values(**calm))
    await connection.execute(
        sa.update(lanes_table).where(lanes_table.c.endpoint == endpoint).values(**changes)
    )


@pytest.mark.one_postgresql("KEDA's query")
async def test_the_age_is_that_of_the_longest_due_update(world: World) -> None:
    await world.a_store()
    async with tried_out(world) as connection:
        assert await age(connection) == 0
        await due(connection, world, -60)
        assert await age(connection) == 0
        await due(connection, world, 40)
        await due(connection, world, 90, urgent=True, kind="cancellation")
        await due(connection, world, 70, state="retrying", ambiguous=True)
        assert await age(connection) == pytest.approx(90)


@pytest.mark.one_postgresql("KEDA's query")
async def test_an_unclaimable_update_has_no_age(world: World) -> None:
    await world.a_store()
    async with tried_out(world) as connection:
        # Behind another update, at rest, or leased.
        await due(connection, world, 900, active=False)
        await due(connection, world, 900, state="confirmed", active=False)
        await due(connection, world, 900, state="failed", active=False)
        lease = {"lease_token": world.context.new_id(1), "leased_until": sa.func.now()}
        await due(connection, world, 900, state="sending", **lease)
        assert await age(connection) == 0


@pytest.mark.one_postgresql("KEDA's query")
async def test_the_age_leaves_out_updates_that_wait_for_walmart(world: World) -> None:
    await world.a_store()
    for kind in Kind:
        for ambiguous in (False, True):
            async with tried_out(world) as connection:
                await due(connection, world, 30, kind=kind, ambiguous=ambiguous)
                for endpoint in Endpoint:
                    soon = sa.func.now() + timedelta(seconds=60)
                    await lane(connection, endpoint, paused_until=soon)
                    found = await age(connection)
                    assert (found > 0) == await claimable(connection), (kind, ambiguous, endpoint)


async def claimable(connection: Connection) -> bool:
    """Whether a poller would claim it now, by the rules of a claim."""
    # In the same transaction, which is rolled back.
    session = (await connection.get_raw_connection()).driver_connection
    assert session is not None
    (group,) = await due_of.groups(session)
    if group.due_in > 0:
        return False
    seen = await claim_state.load(session, [1], Endpoint, silent=30.0)
    return quotas.quota(group, seen[1]).calls > 0


@pytest.mark.parametrize(
    ("waits", "changes"),
    [
        (True, {"failures": BREAK_AFTER}),
        (False, {"failures": BREAK_AFTER - 1}),
        (True, {"tokens": 0, "replenish_at": sa.func.now() - timedelta(seconds=30)}),
        (False, {"tokens": 0, "replenish_at": sa.func.now() - timedelta(seconds=90)}),
        (False, {"tokens": 3, "replenish_at": sa.func.now() + timedelta(seconds=30)}),
    ],
)
async def test_an_open_breaker_or_an_exhausted_limit_calls_for_no_poller(
    world: World, waits: bool, changes: dict[str, Any]
) -> None:
    await world.a_store()
    async with tried_out(world) as connection:
        await due(connection, world, 30)
        await lane(connection, Endpoint.SHIP, **changes)
        assert (await age(connection) == 0) == waits


@pytest.mark.one_postgresql("KEDA's query")
async def test_the_query_reads_a_few_pages_however_many_updates_there_are(world: World) -> None:
    await world.a_store()
    async with tried_out(world) as connection:
        await rate_limits.create(connection, [1])
        await connection.exec_driver_sql("""
            INSERT INTO updates (store_id, id, subject, kind, sequence, state, active, due_at)
            SELECT 1, gen_random_uuid(), n::text, (array['shipment', 'cancellation'])[n % 2 + 1], 1,
                   CASE WHEN n <= 5000 THEN 'pending' ELSE 'confirmed' END, n <= 5000,
                   now() - make_interval(secs => n)
              FROM generate_series(1, 10000) n""")
        await connection.exec_driver_sql("ANALYZE updates")
        assert await age(connection) == pytest.approx(5000)
        explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {QUERY}"
        found = (await connection.exec_driver_sql(explain)).scalar_one()
        (plan,) = json.loads(found) if isinstance(found, str) else found
        scans = list(nodes(plan["Plan"], "updates"))
        assert scans
        assert {scan.get("Index Name") for scan in scans} == {"ix_updates_lane"}
        pages = plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]
        assert pages < 100


def nodes(plan: dict[str, Any], table: str) -> Iterator[dict[str, Any]]:
    """Every node of a plan that reads a table."""
    if plan.get("Relation Name") == table:
        yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part, table)


@pytest.mark.one_postgresql("KEDA's query")
async def test_the_keda_role_may_read_the_age_and_no_orders(world: World) -> None:
    await world.a_store()
    async with tried_out(world) as connection:
        for statement in filter(None, map(str.strip, ROLE.split(";"))):
            await connection.exec_driver_sql(statement)
        await due(connection, world, 30)
        await connection.exec_driver_sql("SET LOCAL ROLE waybill_queue_age")
        assert await age(connection) == pytest.approx(30)
        for forbidden in (
            "SELECT payload FROM updates",
            "SELECT 1 FROM stores",
            "DELETE FROM lanes",
        ):
            with pytest.raises(sa.exc.DBAPIError, match="permission denied"):
                async with connection.begin_nested():
                    await connection.exec_driver_sql(forbidden)
