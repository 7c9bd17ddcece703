"""Concurrent claims: for several stores, by several pollers, beside failing stores."""

import asyncio
import random
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from app.domain.ids import store_of
from app.domain.outbox.rate_limits import Breaker, CallReport, Endpoint
from app.domain.update import Kind, State
from app.storage import rate_limits
from app.storage.outbox import claim_state, claims, due, take
from app.storage.outbox.claims import ClaimRequest
from app.storage.outbox.notify import NotifyPublisher
from app.storage.outbox.take import ClaimSettings
from app.storage.postgres.database import BY_KEY, open_database
from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.postgres.sharding import ShardedCommand
from app.usecases.orders import ship
from tests.builders import a_package
from tests.harness.outbox import VAULT
from tests.harness.waiting import limited
from tests.harness.world import ACTOR, World
from tests.pooler import pgbouncer

STORES = (1, 2, 3)
TOKENS = 9
TERMS = ClaimSettings("p", 60.0, 30.0)


async def shipped(world: World, number: str, **changes: Any) -> UUID:
    order = await world.an_order(1, **changes)
    accepted = await ship.ship(world.context, order.id, a_package(number), actor=ACTOR)
    return accepted.shipment.update.id


async def do(world: World, statement: str, **values: Any) -> Any:
    async with world.database.begin() as connection:
        result = await connection.execute(sa.text(statement), values)
        return result.all() if result.returns_rows else None


async def with_tokens(world: World) -> dict[int, ClaimRequest]:
    """Three stores with twelve shipments each; Walmart has reported nine remaining calls."""
    for _ in STORES:
        store = await world.a_store()
        for number in range(12):
            await shipped(world, f"1Z{number}", store=store)
    await world.answered_before()
    await do(world, "DELETE FROM updates WHERE kind <> 'shipment'")
    async with world.database.begin() as connection:
        now = await rate_limits.now(connection)
        reports = [
            CallReport(store, way, now, now, tokens=TOKENS, replenish_at=now + timedelta(hours=1))
            for store in STORES
            for way in (Endpoint.SHIP, Endpoint.ALL)
        ]
        await rate_limits.record(connection, reports, Breaker())
    groups = await due.groups(world.database.by_key)
    return {
        store: ClaimRequest([each for each in groups if each.store_id == store], 4)
        for store in STORES
    }


async def test_concurrent_claims_take_each_update_once_and_stay_within_the_limit(
    world: World,
) -> None:
    wanted = await with_tokens(world)
    held: set[UUID] = set()
    seen: list[int] = []

    async def claimer(seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - a test's
        for _ in range(30):
            stores = chance.sample(STORES, chance.randint(1, 3))
            found = await claims.claim(
                world.database.by_key,
                [wanted[store] for store in stores],
                token=uuid4(),
                terms=TERMS,
                cipher=VAULT,
            )
            mine = {update.id for each in found for update in each.updates}
            assert not mine & held
            held.update(mine)
            under_way = await do(
                world,
                "SELECT count(*) AS n FROM updates WHERE state = 'sending' GROUP BY store_id",
            )
            seen.extend(row.n for row in under_way)
            # They are due again, as after a failed try, and a lane gets a report.
            done = {each for each in mine if chance.random() < 0.7}
            held.difference_update(done)
            await do(
                world,
                "UPDATE updates SET state = 'pending', lease_token = NULL, leased_until = NULL "
                "WHERE id = ANY(:ids)",
                ids=list(done),
            )
            await do(world, "UPDATE lanes SET since = now() WHERE store_id = :s", s=stores[0])

    await asyncio.gather(*(claimer(seed) for seed in range(4)))
    assert max(seen) <= TOKENS


async def test_a_store_with_an_unreadable_secret_does_not_affect_the_others(
    world: World,
) -> None:
    first, second = await world.a_store(), await world.a_store()
    await shipped(world, "1ZUNREADABLE", store=first)
    healthy = await shipped(world, "1ZHEALTHY", store=second)
    await world.answered_before()
    number = store_of(first.id)
    await do(
        world, "UPDATE stores SET walmart_client_secret = 'nonsense' WHERE store_id = :s", s=number
    )
    other: Any = await asyncpg.connect(**asyncpg_arguments(world.url))
    async with other.transaction():
        # Even while its pause cannot be recorded.
        await other.execute("SELECT FROM lanes WHERE store_id = $1 FOR UPDATE", number)
        with capture_logs() as said:
            async with world.polling(), limited():
                while (await world.update(healthy)).state != State.CONFIRMED.value:
                    await asyncio.sleep(0.01)
                # That transaction is still open, so the other store did not wait for it.
                assert [each["event"] for each in said if each["log_level"] == "warning"] == []
    await other.close()


async def test_a_claim_with_own_caps_covers_one_store(world: World) -> None:
    wanted = await with_tokens(world)
    capped = ClaimSettings("p", 60.0, 30.0, {Endpoint.SHIP: 60.0})
    with pytest.raises(ValueError, match="one store"):
        await claims.claim(
            world.database.by_key, list(wanted.values()), token=uuid4(), terms=capped, cipher=VAULT
        )


@pytest.mark.parametrize(
    ("command", "row"),
    [
        (take._TAKE, "((store_id = chosen.store_id) AND (id = chosen.id))"),
        (claim_state._LOAD, "((store_id = q.store_id) AND (endpoint = ANY ($3)))"),
    ],
)
async def test_a_plan_made_on_empty_tables_finds_rows_by_their_keys(
    world: World, command: ShardedCommand, row: str
) -> None:
    """The connection keeps its plan, however many rows the tables get."""
    connection: Any = await asyncpg.connect(**asyncpg_arguments(world.url))
    for name, value in BY_KEY.items():
        await connection.execute(f"SET {name} = {value}")
    statement = command.form(one=False)
    await connection.execute(f"PREPARE claiming AS {statement.text}")
    nothing = ", ".join(["NULL"] * len(statement.names))
    plan = "\n".join(
        row[0] for row in await connection.fetch(f"EXPLAIN EXECUTE claiming({nothing})")
    )
    await connection.close()
    assert "Seq Scan" not in plan
    found = [at.split("\n")[1] for at in plan.split("Index Scan using ")[1:]]
    assert row in plan
    # The index condition stands directly below; few rows are leased at any time.
    by_store = (
        "Index Cond: (store_id = ",
        "Index Cond: ((store_id = ",
        "Index Cond: (leased_until",
    )
    assert [each.strip() for each in found if not each.strip().startswith(by_store)] == []


async def test_an_announcement_leaves_no_session_state_in_a_pooler(
    world: World, data_folder: Path
) -> None:
    (name,) = (await do(world, "SELECT current_database()"))[0]
    await do(world, f'ALTER DATABASE "{name}" SET synchronous_commit = on')
    with pgbouncer(world.url, data_folder / "announcing") as url:
        database = open_database(url, pooler=True)
        async with NotifyPublisher(url) as publisher:
            publisher.wake((1, Kind.SHIPMENT))
            await asyncio.sleep(0.3)
        async with database.begin() as connection:
            said = (await connection.execute(sa.text("SHOW synchronous_commit"))).scalar_one()
        await database.close()
    assert said == "on"
