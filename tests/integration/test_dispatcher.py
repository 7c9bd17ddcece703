"""The dispatcher: an announced update is claimed at once, and later ones without the next poll."""

import asyncio
import dataclasses
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import sqlalchemy as sa

from app.domain.orders.requests import CancelRequest
from app.domain.outbox import quotas
from app.domain.outbox.rate_limits import BREAK_AFTER, Breaker, CallReport, Endpoint
from app.domain.update import Kind
from app.storage import rate_limits
from app.storage.outbox import claim_state, claims, due, notify
from app.storage.outbox.claims import ClaimRequest
from app.storage.outbox.notify import (
    CHANNEL,
    MOST_HINTS,
    NotifyListener,
    NotifyPublisher,
    WakeSignal,
)
from app.storage.outbox.take import ClaimSettings, take
from app.storage.postgres.dsn import asyncpg_arguments
from app.storage.tables import lanes as lanes_table
from app.storage.tables import updates as table
from app.usecases.orders import cancel, ship
from tests.builders import a_package, items
from tests.harness.outbox import VAULT, claim
from tests.harness.waiting import limited
from tests.harness.world import ACTOR, World

# So long that a poller that finds due updates only by polling would not end a test.
NEVER = 3600.0


@asynccontextmanager
async def listening(url: str) -> AsyncIterator[WakeSignal]:
    """The notifications that a poller of another process receives."""
    wake_signal = WakeSignal()
    async with NotifyListener(url, wake_signal):
        await wake_signal.wait()
        wake_signal.take()
        yield wake_signal


async def shipped(world: World, number: str, order_id: UUID | None = None, **changes: Any) -> UUID:
    order = order_id or (await world.an_order(1)).id
    accepted = await ship.ship(world.context, order, a_package(number, **changes), actor=ACTOR)
    return accepted.shipment.update.id


async def confirmed(world: World, update_id: UUID) -> None:
    async with limited():
        while (await world.update(update_id)).state != "confirmed":
            await asyncio.sleep(0.02)


async def test_a_shipment_is_announced_by_its_store_and_kind(world: World) -> None:
    async with listening(world.url) as wake_signal, NotifyPublisher(world.url) as publisher:
        publisher.wake((7, Kind.SHIPMENT), (7, Kind.SHIPMENT), (9, Kind.CANCELLATION))
        await wake_signal.wait()
    assert wake_signal.take() == (frozenset({(7, Kind.SHIPMENT), (9, Kind.CANCELLATION)}), False)


async def test_too_many_groups_are_announced_without_names(world: World) -> None:
    async with listening(world.url) as wake_signal, NotifyPublisher(world.url) as publisher:
        publisher.wake(*((store, Kind.SHIPMENT) for store in range(MOST_HINTS + 1)))
        await wake_signal.wait()
    assert wake_signal.take() == (frozenset(), True)


@pytest.mark.parametrize("words", ["", "of another version", "7:something_new", "x:shipment"])
async def test_an_unreadable_announcement_may_mean_any_group(world: World, words: str) -> None:
    connection: Any = await asyncpg.connect(**asyncpg_arguments(world.url))
    async with listening(world.url) as wake_signal:
        await connection.execute(f"NOTIFY {CHANNEL}, '{words}'")
        await wake_signal.wait()
    await connection.close()
    assert wake_signal.take() == (frozenset(), True)


async def test_an_announced_update_is_delivered_before_the_next_poll(
    world: World,
) -> None:
    async with world.polling(poll_interval=NEVER):
        await confirmed(world, await shipped(world, "1ZFIRST"))
        await confirmed(world, await shipped(world, "1ZAGAIN"))


async def test_a_successor_is_delivered_before_the_next_poll(
    world: World,
) -> None:
    order = await world.an_order(3)
    found = [await shipped(world, number, order.id, items=items(l1=1)) for number in ("1ZA", "1ZB")]
    async with world.polling(poll_interval=NEVER):
        for update in found:
            await confirmed(world, update)


async def test_a_retry_is_delivered_before_the_next_poll(world: World) -> None:
    await world.fault("shipping", "error", times=1)
    update = await shipped(world, "1ZRETRY")
    await world.answered_before()
    async with world.polling(poll_interval=NEVER):
        await confirmed(world, update)


async def test_updates_of_a_full_lane_go_as_soon_as_walmart_has_answered(world: World) -> None:
    store = await world.a_store()
    found = []
    for number in range(9):
        order = await world.an_order(1, store=store)
        found.append(await shipped(world, f"1Z{number}", order.id))
    async with world.polling(poll_interval=NEVER):
        for update in found:
            await confirmed(world, update)


async def two_left(world: World) -> None:
    """Three shipments of a store with two remaining calls."""
    for number in range(3):
        await shipped(world, f"1Z{number}")
    await world.answered_before()
    hour = world.context.now() + timedelta(hours=1)
    async with world.database.begin() as connection:
        now = await rate_limits.now(connection)
        ways = (Endpoint.SHIP, Endpoint.ALL)
        reports = [CallReport(1, each, now, now, tokens=2, replenish_at=hour) for each in ways]
        await rate_limits.record(connection, reports, Breaker())


# The claim of another poller, in a transaction that is still open.
_TAKES = """
    UPDATE updates SET state = 'sending', lease_token = gen_random_uuid(), leased_by = 'x',
           leased_until = now() + interval '1 minute'
     WHERE id = (SELECT id FROM updates WHERE store_id = 1 AND kind = 'shipment'
                    AND state = 'pending' AND active LIMIT 1)
"""
_COUNTS = "UPDATE lanes SET claims = claims + 1 WHERE store_id = 1 AND endpoint = '*'"


async def test_a_claim_does_not_use_a_count_that_another_claim_has_changed(world: World) -> None:
    await two_left(world)
    other: Any = await asyncpg.connect(**asyncpg_arguments(world.url))
    async with other.transaction():
        await other.execute(_TAKES)
        await other.execute(_COUNTS)
        claimer = asyncio.create_task(claim(world.database))
        await asyncio.sleep(0.1)
        assert not claimer.done()
    taken = await claimer
    await other.close()
    assert len(taken) == 1


async def test_a_locked_store_is_tried_again_and_again(world: World) -> None:
    order = await world.an_order(1)
    await world.answered_before()
    other: Any = await asyncpg.connect(**asyncpg_arguments(world.url))
    async with world.polling(poll_interval=NEVER):
        async with other.transaction():
            await other.execute("SELECT FROM lanes WHERE endpoint = '*' FOR UPDATE")
            update = await shipped(world, "1ZHELD", order.id)
            await asyncio.sleep(0.2)
            assert (await world.update(update)).state == "pending"
        await confirmed(world, update)
    await other.close()


async def test_a_retry_is_on_time_while_another_store_is_locked(world: World) -> None:
    held = await world.an_order(1, store=await world.a_store())
    order = await world.an_order(1, store=await world.a_store())
    await world.fault("shipping", "error", times=1)
    await world.answered_before()
    other: Any = await asyncpg.connect(**asyncpg_arguments(world.url))
    async with world.polling(poll_interval=NEVER), other.transaction():
        await other.execute("SELECT FROM lanes WHERE store_id = 1 FOR UPDATE")
        await shipped(world, "1ZHELD", held.id)
        await confirmed(world, await shipped(world, "1ZRETRY", order.id))
    await other.close()


async def test_only_one_of_two_concurrent_surveys_leads_to_a_claim(world: World) -> None:
    await two_left(world)
    groups = [each for each in await due.groups(world.database.by_key) if each.due_in <= 0]
    async with world.database.by_key.session() as session:
        seen = await claim_state.load(session, [1], Endpoint, 30.0)
        assert len(await claim(world.database)) == 2
        going = [(each, 9) for each in quotas.quotas(groups, seen[1], {}, 9) if each.calls]
        terms = ClaimSettings("q", 60.0, 30.0)
        taken = await take(session, going, seen, token=uuid4(), terms=terms, sharded=False)
    assert taken == {}


async def test_a_claim_of_several_stores_does_not_wait_for_a_locked_one(world: World) -> None:
    await two_left(world)
    order = await world.an_order(1, store=await world.a_store())
    await shipped(world, "1ZOTHER", order.id)
    await world.answered_before()
    found = [each for each in await due.groups(world.database.by_key) if each.due_in <= 0]
    wanted = [
        ClaimRequest([each for each in found if each.store_id == store], 9) for store in (1, 2)
    ]
    other: Any = await asyncpg.connect(**asyncpg_arguments(world.url))
    async with other.transaction():
        await other.execute(_TAKES)
        await other.execute(_COUNTS)
        first, second = await claims.claim(
            world.database.by_key,
            wanted,
            token=uuid4(),
            terms=ClaimSettings("p", 60.0, 30.0),
            cipher=VAULT,
        )
    await other.close()
    assert first.elsewhere
    assert not first.updates
    assert [each.store_id for each in second.updates if each.kind is Kind.SHIPMENT] == [2]


async def test_recording_a_served_call_does_not_delay_claims_of_its_store(world: World) -> None:
    await shipped(world, "1ZCLAIMED")
    await world.answered_before()
    async with world.database.begin() as connection:
        now = await rate_limits.now(connection)
        reports = [
            CallReport(1, Endpoint.ALL, now, now, served=True),
            CallReport(1, Endpoint.SHIP, now, now, served=True, tokens=7),
        ]
        await rate_limits.record(connection, reports, Breaker())
        # The transaction is still open.
        (taken,) = [each for each in await claim(world.database) if each.kind is Kind.SHIPMENT]
    assert taken.store_id == 1


async def test_unrecorded_results_keep_a_slot_only_if_there_are_many(world: World) -> None:
    orders = [await world.an_order(1) for _ in range(3)]
    await world.answered_before()
    poller = world.poller(poll_interval=NEVER, poller_concurrency=1, lease=NEVER)
    poller.executor.most_unrecorded = 1  # instead of 200
    stop = asyncio.Event()
    other: Any = await asyncpg.connect(**asyncpg_arguments(world.url))
    async with asyncio.TaskGroup() as group:
        group.create_task(poller.run(stop))
        async with other.transaction():
            # Their results cannot be recorded.
            await other.execute("SELECT FROM lanes WHERE endpoint = $1 FOR UPDATE", Endpoint.SHIP)
            for number, order in enumerate(orders[:2], 1):
                await shipped(world, "1ZSENT", order.id)
                async with limited():
                    while len(await world.calls("shipping")) < number:
                        await asyncio.sleep(0.01)
            update = await shipped(world, "1ZLATER", orders[2].id)
            await asyncio.sleep(0.2)
            assert (await world.update(update)).state == "pending"
        await confirmed(world, update)
        stop.set()
    await other.close()


async def until_one_waits(connection: Any) -> None:
    async with limited():
        while not await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.01)


async def test_a_survey_returns_the_next_due_time(world: World) -> None:
    update = await shipped(world, "1ZLATER")
    await world.answered_before()
    async with world.database.begin() as connection:
        later = sa.func.now() + timedelta(seconds=500)
        await connection.execute(sa.update(table).values(due_at=later).where(table.c.id == update))
    found = [each for each in await due.groups(world.database.direct) if each.kind is Kind.SHIPMENT]
    assert [math.ceil(each.due_in / 10) for each in found] == [50]


async def test_an_unreadable_commerce_token_stops_no_shipment(world: World) -> None:
    store = await world.a_store(
        commerce_base_url=world.walmart_url,
        commerce_access_token="token",
        commerce_push_orders=True,
    )
    order = await world.an_order(1, store=store)
    async with world.database.begin() as connection:
        await connection.execute(sa.text("UPDATE stores SET commerce_access_token = 'nonsense'"))
    async with world.polling():
        await until(world, "SELECT true FROM lanes WHERE reason = 'secret_unreadable'")
        await confirmed(world, await shipped(world, "1ZONE", order.id))
    stopped = "SELECT string_agg(endpoint, ',') FROM lanes WHERE reason = 'secret_unreadable'"
    assert await asked(world, stopped) == "commerce"
    held = "SELECT count(*) FROM updates WHERE kind = 'commerce_order' AND state = 'sending'"
    assert await asked(world, held) == 0


async def test_a_returned_claim_leaves_no_trace(world: World) -> None:
    update = await shipped(world, "1ZBACK")
    await world.answered_before()
    taken = [each for each in await claim(world.database) if each.id == update]
    await claims.give_back(world.database.by_key, 1, taken)
    view = await world.update(update)
    assert (view.state, view.attempts_made) == ("pending", 0)
    async with world.polling(poll_interval=NEVER):
        await confirmed(world, update)
    assert (await world.update(update)).attempts_made == 1


async def test_an_update_claimed_by_another_poller_is_not_returned(world: World) -> None:
    update = await shipped(world, "1ZTAKEN")
    await world.answered_before()
    taken = [each for each in await claim(world.database) if each.id == update]
    stale = [dataclasses.replace(each, lease_token=uuid4()) for each in taken]
    await claims.give_back(world.database.by_key, 1, stale)
    assert await asked(world, "SELECT state FROM updates WHERE kind = 'shipment'") == "sending"


async def test_a_store_with_an_open_breaker_is_probed_with_one_call_of_any_kind(
    world: World,
) -> None:
    canceled = await world.an_order(1)
    await shipped(world, "1ZONE")
    request = CancelRequest("out_of_stock")
    await cancel.cancel(world.context, canceled.id, request, actor=ACTOR)
    await world.answered_before()
    async with world.database.begin() as connection:
        broken = sa.update(lanes_table).where(lanes_table.c.endpoint == "*")
        await connection.execute(broken.values(failures=BREAK_AFTER))
    assert len(await claim(world.database)) == 1


async def test_own_caps_are_locked_in_the_order_of_the_recorded_results(
    world: World,
) -> None:
    canceled = await world.an_order(1)
    await shipped(world, "1ZONE")
    await cancel.cancel(world.context, canceled.id, CancelRequest("out_of_stock"), actor=ACTOR)
    await world.answered_before()
    caps = {Endpoint.SHIP: 6000.0, Endpoint.READ: 6000.0, Endpoint.CANCEL: 6000.0}
    recording: Any = await asyncpg.connect(**asyncpg_arguments(world.url))
    async with recording.transaction():
        held = "SELECT FROM lanes WHERE store_id = 1 AND endpoint = $1 FOR UPDATE"
        await recording.execute(held, "read_order")
        claimer = asyncio.create_task(claim(world.database, caps=caps))
        await until_one_waits(recording)
        await recording.execute(held, "ship")
    assert await claimer
    await recording.close()


async def asked(world: World, question: str) -> Any:
    async with world.database.begin() as connection:
        return (await connection.execute(sa.text(question))).scalar()


async def until(world: World, question: str) -> None:
    async with limited():
        while not await asked(world, question):
            await asyncio.sleep(0.02)


async def test_a_listener_leaves_a_read_only_server(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a failover, when the session stays open and receives no notifications."""
    monkeypatch.setattr(notify, "_PROBE_EVERY", 0.01)
    (name,) = await world.database.direct.fetch("SELECT current_database() AS name")
    readonly = f"ALTER DATABASE {name['name']} SET default_transaction_read_only = on"
    await world.database.direct.fetch(readonly)
    async with limited(), listening(world.url) as wake_signal:
        # It checks for missed notifications each time it starts to listen.
        await wake_signal.wait()
