"""Statements in two forms, and the survey in two forms: both give the same result."""

import random
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.domain.errors import Invalid
from app.domain.update import Kind
from app.storage import queries
from app.storage.commerce import events
from app.storage.outbox import due, retention
from app.storage.postgres import sharding
from app.storage.postgres.database import BY_KEY, Database, open_database
from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.postgres.placement import PLAN_BY_VALUES, Placement
from app.storage.postgres.pool import Pool
from app.storage.postgres.session import Session, Sessions
from app.storage.queries.order_filter import OrderFilter
from app.storage.queries.pagination import KeysetPage
from app.storage.queries.return_views import ReturnFilter
from app.storage.queries.update_views import UpdateFilter
from app.usecases.orders import ship
from app.worker.maintenance import retention as jobs
from app.worker.maintenance.retention import AttemptSweep
from tests.builders import a_package
from tests.harness.world import ACTOR, World

_UPDATE = sa.text("""
    INSERT INTO updates (store_id, id, subject, kind, sequence, state, ambiguous, urgent, active,
                         due_at)
    VALUES (:store_id, CAST(:id AS uuid), :subject, :kind, 1, :state, :ambiguous, :urgent, :active,
            now() + make_interval(secs => :due_in))
""")
_STORES = sa.text("""
    INSERT INTO stores (id, code, name, market, walmart_client_id, walmart_client_secret)
    SELECT gen_random_uuid(), 'c' || n, 'n' || n, 'US', 'i' || n, '' FROM generate_series(1, 4) n
""")
_PAUSE = sa.text("""
    INSERT INTO lanes (store_id, endpoint, paused_until, reason)
    VALUES (:store_id, :endpoint, now() + make_interval(secs => :due_in), 'p')
""")


def test_a_template_has_two_forms() -> None:
    template = "UPDATE t SET a = v.a FROM v\n WHERE t.store_id = <v.store_id>\n AND <v> AND t.b = 1"
    several = "UPDATE t SET a = v.a FROM v\n WHERE t.store_id = v.store_id AND t.b = 1"
    assert sharding.of_any(template) == several
    store = "CAST(:store_id AS int)"
    one = f"UPDATE t SET a = v.a FROM v\n WHERE t.store_id = {store} AND v.store_id = {store} AND t.b = 1"
    assert sharding.of_one(template) == one


@pytest.mark.parametrize("seed", range(20))
async def test_both_surveys_find_the_same(database: Database, seed: int) -> None:
    """One goes from group to group by an index, the other joins everything."""
    chance = random.Random(seed)  # noqa: S311 - nothing is to be kept secret

    def any_group() -> dict[str, Any]:
        return {"store_id": chance.randint(1, 4), "due_in": float(chance.randint(-9, 9))}

    def update() -> dict[str, Any]:
        flags = {name: chance.random() < 0.5 for name in ("ambiguous", "urgent")}
        states = ["pending", "retrying", "verifying", "confirmed", "failed"]
        state = chance.choices(states, [4, 2, 2, 1, 1])[0]
        active = state in states[:3] and chance.random() < 0.8
        kind = chance.choice(list(Kind)).value
        name = str(UUID(int=chance.getrandbits(128)))
        return {
            **any_group(),
            **flags,
            "id": name,
            "subject": name,
            "kind": kind,
            "state": state,
            "active": active,
        }

    async with database.begin() as connection:
        await connection.execute(_STORES)
        for _ in range(chance.choice([0, 1, 5, 60])):
            await connection.execute(_UPDATE, update())
        for store_id in chance.sample(range(1, 5), 2):
            for endpoint in ("*", "ship"):
                values = {**any_group(), "store_id": store_id, "endpoint": endpoint}
                await connection.execute(_PAUSE, values)
    # Within one transaction the time is constant.
    async with database.direct.transaction() as session:
        found = [await due.groups(session, sharded=sharded) for sharded in (False, True)]
    assert sorted(map(repr, found[0])) == sorted(map(repr, found[1]))


async def test_maintenance_covers_each_store_when_stores_are_sharded(database: Database) -> None:
    """One store after another, in batches of each, until all is done."""
    database.placement.sharded = True
    fill = sa.text("""
        INSERT INTO updates (store_id, id, subject, kind, sequence, state, active, finished_at)
        SELECT s, gen_random_uuid(), n::text, 'inventory', 1, 'confirmed', false,
               now() - interval '91 days' FROM generate_series(1, 3) s, generate_series(1, s) n
    """)
    async with database.begin() as connection:
        await connection.execute(fill)
    left = [await retention.archive_updates(database, 90, batch=2) for _ in range(3)]
    assert left == [5, 1, 0]


async def test_old_attempts_of_every_store_are_deleted_when_stores_are_sharded(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one sweep, of one store after another, each in as many batches as it needs."""
    database.placement.sharded = True
    monkeypatch.setattr(jobs, "_PAUSE", 0.0)
    monkeypatch.setattr(retention.forget_attempts, "__kwdefaults__", {"batch": 2})
    fill = sa.text("""
        INSERT INTO attempts (store_id, id, update_id, number, poller, started_at, ended_at, verdict,
                              calls)
        SELECT s, gen_random_uuid(), gen_random_uuid(), n, 'p', now() - interval '91 days',
               now() - interval '91 days', 'confirmed', '[]'
          FROM generate_series(1, 3) s, generate_series(1, s) n
    """)
    async with database.begin() as connection:
        await connection.execute(fill)
    sweep = AttemptSweep(database, 90)
    while await sweep.run():
        pass
    async with database.begin() as connection:
        left = await connection.execute(sa.text("SELECT store_id FROM attempts"))
        assert left.scalars().all() == []


async def test_a_store_with_a_backlog_does_not_delay_others_when_stores_are_sharded(
    database: Database,
) -> None:
    """One round takes some rows of all stores, the longest waiting first."""
    database.placement.sharded = True
    fill = sa.text("""
        INSERT INTO commerce_events (store_id, id, reference, about, commerce_order_id, order_id,
                                     told, state, code, due_at)
        SELECT s, CAST(lpad(s || '0' || n, 32, '0') AS uuid), n::text, 'shipment', 1,
               gen_random_uuid(), '{}', 'waiting', 'order_not_linked',
               now() - make_interval(secs => s)
          FROM generate_series(1, 9) s,
               generate_series(1, CASE s WHEN 9 THEN 1 WHEN 8 THEN 1 ELSE :many END) n
    """)
    async with database.begin() as connection:
        await connection.execute(fill, {"many": events.BATCH})
    claimed = await events.take(database)
    assert len(claimed) == events.BATCH
    # Two stores have one each, and have waited longest.
    assert {UUID("801".zfill(32)), UUID("901".zfill(32))} <= set(claimed)


async def _pages(session: Session) -> list[list[Any]]:
    """Every list of all stores, in pages of two."""
    lists: list[tuple[Any, Any]] = [
        (queries.orders, OrderFilter()),
        (queries.orders, OrderFilter(statuses=("open", "error"))),
        (queries.orders, OrderFilter(sync=("pending",))),
        (queries.orders, OrderFilter(q="1")),
        (queries.orders, OrderFilter(code="order_unreadable")),
        (queries.updates, UpdateFilter()),
        (queries.updates, UpdateFilter(state="pending")),
        (queries.updates, UpdateFilter(code="gave_up")),
        (queries.returns, ReturnFilter()),
        (queries.returns, ReturnFilter(status="received")),
    ]
    found: list[list[Any]] = []
    for read, wanted in lists:
        after, ids = None, []
        while True:
            views, after = await read(session, wanted, KeysetPage(2, after))
            ids += [view.id for view in views]
            if after is None:
                break
        found.append(ids)
    counts = await queries.summary(session, None)
    now = await queries.database_time(session)
    cards = await queries.cards(session, None, counts, now=now, soon=timedelta(days=1))
    return [*found, [cards]]


async def test_lists_of_all_stores_are_the_same_when_stores_are_sharded(world: World) -> None:
    """One server goes from group to group of an index; several answer for their own stores."""
    stores = [await world.a_store() for _ in range(3)]
    for number in range(7):
        order = await world.an_order(1, store=stores[number % 3])
        if number % 2:
            await ship.ship(world.context, order.id, a_package(f"1Z{number}"), actor=ACTOR)
    read = []
    for sharded in (False, True):
        world.database.placement.sharded = sharded
        async with world.database.direct.reading() as session:
            read.append(await _pages(session))
    assert [len(ids) for ids in read[0][:3]] == [7, 7, 3]
    assert read[1] == read[0]


async def test_what_only_one_server_answers_for_all_stores_asks_for_a_store_on_several(
    database: Database,
) -> None:
    database.placement.sharded = True
    async with database.direct.reading() as session:
        for ask in (queries.attention, queries.return_cards, queries.return_summary):
            with pytest.raises(Invalid) as refused:
                await ask(session, None)
            assert refused.value.code == "store_id_required"
            await ask(session, 1)


@pytest.mark.parametrize("sharded", [False, True])
async def test_statements_are_planned_by_their_values_only_when_stores_are_sharded(
    fresh_url: str, sharded: bool
) -> None:
    """Citus plans none while parameters are unknown."""
    settings = {"plan_cache_mode": "force_generic_plan"}
    arguments = asyncpg_arguments(fresh_url) | {"server_settings": settings}
    pool = Pool(arguments, 1, 5, placement=Placement(sharded), if_sharded=PLAN_BY_VALUES)
    sessions = Sessions(pool)
    (row,) = await sessions.fetch("SELECT current_setting('plan_cache_mode') AS mode")
    await sessions.close()
    wanted = "auto" if sharded else "force_generic_plan"
    assert row["mode"] == wanted

    database = open_database(fresh_url)
    database.placement.sharded = sharded
    async with database.begin(**BY_KEY) as connection:
        found = await connection.exec_driver_sql("SHOW plan_cache_mode")
    await database.close()
    assert found.scalar_one() == wanted
