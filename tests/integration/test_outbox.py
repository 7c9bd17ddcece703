"""The outbox on a real PostgreSQL: order of updates, leases, and exclusive claims by pollers."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from app.domain.errors import Conflict
from app.domain.outbox.claimed_update import Claimed, NewUpdate
from app.domain.outbox.delivery_result import Attempt, DeliveryResult, NextStep
from app.domain.outbox.outcome import Failure, Pause
from app.domain.outbox.rate_limits import Breaker, CallReport, Endpoint
from app.domain.update import Kind, State
from app.storage import rate_limits
from app.storage.orders import accept
from app.storage.outbox import rescue, updates
from app.storage.recording import delivery_results
from app.storage.stores.secrets import SecretCipher
from app.storage.tables import attempts, order_lines
from app.storage.tables import stores as stores_table
from app.storage.tables import updates as table
from app.usecases.imports import register
from app.usecases.orders import refresh, ship
from app.usecases.orders.ship_locked import AcceptedShipment
from app.usecases.stores import manage
from tests.builders import NOW, a_package, items
from tests.harness.outbox import claim
from tests.harness.world import ACTOR, World

LEASE = 60.0
FAILURE = Failure("walmart_unclear", "It was unclear.")


@pytest.fixture(autouse=True, params=[False, True], ids=["unsharded", "sharded"])
def sharded(request: pytest.FixtureRequest, world: World) -> None:
    """Rows of all stores on one server, or of each on its own: the results are equal."""
    world.database.placement.sharded = request.param


async def a_shipped_order(world: World, packages: int = 1, units: int = 9) -> list[UUID]:
    """An acknowledged order with waiting shipments; return their updates."""
    order = await world.an_order(units)
    return [
        (
            await ship.ship(
                world.context, order.id, a_package(f"1Z{n}", items=items(l1=1)), actor=ACTOR
            )
        ).shipment.update.id
        for n in range(packages)
    ]


def a_result(world: World, update: Claimed, step: NextStep) -> DeliveryResult:
    attempt = Attempt(world.context.new_id(1), "p", NOW, NOW, "try_later", None, [])
    return DeliveryResult(update, step, attempt)


async def record(world: World, update: Claimed, step: NextStep) -> Sequence[DeliveryResult]:
    result = a_result(world, update, step)
    return (await delivery_results.record(world.database, [result], world.context.new_id)).kept


async def rewind(world: World, *columns: str, seconds: float) -> None:
    """Let time pass for the outbox by moving its times back."""
    async with world.database.begin() as connection:
        for column in columns:
            await connection.execute(
                sa.text(f"UPDATE updates SET {column} = {column} - make_interval(secs => :s)"),
                {"s": seconds},
            )


async def test_updates_of_one_order_are_claimed_one_at_a_time_oldest_first(world: World) -> None:
    first, second = await a_shipped_order(world, packages=2)
    (claimed,) = await claim(world.database)
    assert claimed.id == first
    assert await claim(world.database) == []
    await record(world, claimed, NextStep(State.CONFIRMED))
    (following,) = await claim(world.database)
    assert following.id == second


async def test_two_pollers_never_claim_the_same_update(world: World) -> None:
    store = await world.a_store()
    for _ in range(12):
        order = await world.an_order(1, store=store)
        await ship.ship(world.context, order.id, a_package("1ZA"), actor=ACTOR)
    await world.answered_before()
    claims = await asyncio.gather(*(claim(world.database, limit=5) for _ in range(6)))
    claimed = [update.id for some in claims for update in some]
    assert len(claimed) == len(set(claimed)) == 12


async def test_the_database_refuses_two_active_updates_of_one_order(world: World) -> None:
    await a_shipped_order(world, packages=2)
    with pytest.raises(sa.exc.IntegrityError, match="uq_updates_active"):
        async with world.database.begin() as connection:
            await connection.execute(sa.update(table).values(active=True))


async def test_a_poller_that_lost_its_lease_changes_nothing_but_records_its_attempt(
    world: World,
) -> None:
    await a_shipped_order(world)
    (late,) = await claim(world.database)
    await rewind(world, "leased_until", seconds=LEASE + 1)
    assert await rescue.rescue(world.database, world.context.new_id) == 1
    (taken_over,) = await claim(world.database)
    assert taken_over.id == late.id
    assert await record(world, late, NextStep(State.CONFIRMED)) == []
    async with world.database.begin() as connection:
        state = (await connection.execute(sa.select(table.c.state))).scalar_one()
        verdicts = (await connection.execute(sa.select(attempts.c.verdict))).scalars().all()
    assert state == "sending"
    assert sorted(verdicts) == ["lease_lost", "poller_lost"]


async def test_updates_of_a_lost_poller_are_in_doubt_until_the_end_of_the_lease(
    world: World,
) -> None:
    await a_shipped_order(world)
    (lost,) = await claim(world.database)
    await rewind(world, "leased_until", seconds=LEASE + 1)
    await rescue.rescue(world.database, world.context.new_id)
    (again,) = await claim(world.database)
    assert (again.ambiguous, again.claimed_from, again.attempts) == (True, State.VERIFYING, 2)
    assert again.in_doubt_until is not None
    left_at = again.in_doubt_until - timedelta(seconds=120)
    assert lost.claimed_at - timedelta(seconds=2) < left_at < again.claimed_at


async def test_a_running_lease_is_not_taken_back(world: World) -> None:
    await a_shipped_order(world)
    await claim(world.database)
    assert await rescue.rescue(world.database, world.context.new_id) == 0


async def test_a_lease_is_renewed_only_by_its_holder(world: World) -> None:
    await a_shipped_order(world)
    (held,) = await claim(world.database)
    async with world.database.begin() as connection:
        assert await updates.renew(connection, held, LEASE)
    await rewind(world, "leased_until", seconds=LEASE + 1)
    async with world.database.begin() as connection:
        assert not await updates.renew(connection, held, LEASE)


async def test_a_shipment_known_to_be_absent_lets_the_next_one_pass_after_five_retries(
    world: World,
) -> None:
    first, second = await a_shipped_order(world, packages=2)
    (held,) = await claim(world.database)
    waiting = NextStep(State.RETRYING, due_in=60, retries=4, failure=FAILURE)
    await record(world, held, waiting)
    assert await claim(world.database) == []
    await rewind(world, "due_at", seconds=60)
    (held,) = await claim(world.database)
    await record(world, held, NextStep(State.RETRYING, due_in=60, retries=5, failure=FAILURE))
    (passed,) = await claim(world.database)
    assert passed.id == second
    await record(world, passed, NextStep(State.CONFIRMED))
    await rewind(world, "due_at", seconds=60)
    (again,) = await claim(world.database)
    assert again.id == first


async def test_no_update_passes_one_in_doubt(world: World) -> None:
    await a_shipped_order(world, packages=2)
    (held,) = await claim(world.database)
    doubt = NextStep(State.VERIFYING, due_in=60, retries=9, ambiguous=True, failure=FAILURE)
    await record(world, held, doubt)
    assert await claim(world.database) == []


async def test_a_new_shipment_may_pass_one_that_is_known_to_be_absent(world: World) -> None:
    order = await world.an_order(5)
    await ship.ship(world.context, order.id, a_package("1ZA", items=items(l1=1)), actor=ACTOR)
    (held,) = await claim(world.database)
    await record(world, held, NextStep(State.RETRYING, due_in=60, retries=5, failure=FAILURE))
    later = await ship.ship(
        world.context, order.id, a_package("1ZB", items=items(l1=1)), actor=ACTOR
    )
    (passed,) = await claim(world.database)
    assert passed.id == later.shipment.update.id


async def test_a_paused_lane_is_not_claimed_and_other_stores_continue(world: World) -> None:
    first, second = await world.a_store(), await world.a_store()
    for store in (first, second):
        order = await world.an_order(1, store=store)
        await ship.ship(world.context, order.id, a_package("1ZA"), actor=ACTOR)
    async with world.database.begin() as connection:
        now = await rate_limits.now(connection)
        pause = Pause(Endpoint.SHIP, "walmart_throttled", timedelta(seconds=60))
        reports = CallReport(first.store_id, Endpoint.SHIP, now, now, pause=pause)
        await rate_limits.record(connection, [reports], Breaker())
    claimed = [len(await claim(world.database, store.store_id)) for store in (first, second)]
    assert claimed == [0, 1]


async def test_a_failed_transaction_leaves_neither_shipment_nor_update(world: World) -> None:
    order = await world.an_order(1)
    with pytest.raises(RuntimeError):
        async with world.context.transaction() as connection:
            await accept.append(
                connection,
                NewUpdate(
                    store_id=order.id.int & 0xFFFFFFFF,
                    id=world.context.new_id(1),
                    kind=Kind.SHIPMENT,
                    subject=order.purchase_order_id,
                    sequence=99,
                    order_id=order.id,
                    requested_by=ACTOR,
                    payload={},
                ),
            )
            raise RuntimeError
    async with world.database.begin() as connection:
        assert (await connection.execute(sa.select(table))).all() == []


async def test_two_concurrent_requests_for_the_last_unit_get_one_shipment(world: World) -> None:
    order = await world.an_order(1)
    results = await asyncio.gather(
        *(ship.ship(world.context, order.id, a_package(f"1Z{n}"), actor=ACTOR) for n in range(12)),
        return_exceptions=True,
    )
    accepted = [r for r in results if isinstance(r, AcceptedShipment)]
    assert len(accepted) == 1
    assert all(isinstance(r, Conflict) for r in results if r not in accepted)


async def test_the_database_refuses_more_units_than_were_ordered(world: World) -> None:
    await world.an_order(3)
    with pytest.raises(sa.exc.IntegrityError, match="ck_order_lines_units_within_ordered"):
        async with world.database.begin() as connection:
            await connection.execute(sa.update(order_lines).values(pending=4))


async def test_twelve_concurrent_registrations_make_one_order(world: World) -> None:
    store = await world.a_store()
    lines = (register.RegisteredLine("1", "ABC", 1),)
    registration = register.Registration("1796330120075", lines)
    results = await asyncio.gather(
        *(register.register(world.context, store.id, registration, actor=ACTOR) for _ in range(12))
    )
    assert sum(result.created for result in results) == 1
    assert len({result.order.id for result in results}) == 1
    (only,) = await claim(world.database)
    assert only.kind == "acknowledgement"


async def test_stores_alternate_in_a_pollers_claims(world: World) -> None:
    busy, small = await world.a_store(), await world.a_store()
    for _ in range(30):
        order = await world.an_order(1, store=busy)
        await ship.ship(world.context, order.id, a_package("1ZA"), actor=ACTOR)
    order = await world.an_order(1, store=small)
    last = await ship.ship(world.context, order.id, a_package("1ZA"), actor=ACTOR)
    await world.deliver_until(last.shipment.update.id, poller_concurrency=2)
    calls = [call["client_id"] for call in await world.calls("shipping")]
    # The one update of the small store does not wait for the thirty of the busy one.
    assert calls.index(small.walmart.client_id) < 25


async def test_a_store_with_an_unreadable_secret_does_not_stop_the_others(world: World) -> None:
    broken, healthy = await world.a_store(), await world.a_store()
    waiting = await world.an_order(1, store=broken)
    stuck = await ship.ship(world.context, waiting.id, a_package("1ZA"), actor=ACTOR)
    order = await world.an_order(1, store=healthy)
    good = await ship.ship(world.context, order.id, a_package("1ZA"), actor=ACTOR)
    other_vault = SecretCipher([Fernet.generate_key().decode()])
    async with world.database.begin() as connection:
        await connection.execute(
            sa.update(stores_table)
            .where(stores_table.c.store_id == broken.store_id)
            .values(walmart_client_secret=other_vault.seal("right"))
        )
    await world.deliver_until(good.shipment.update.id)
    assert (await world.update(stuck.shipment.update.id)).state == "pending"
    with pytest.raises(Conflict, match="cannot be read"):
        await refresh.refresh(world.context, waiting.id, actor=ACTOR)


async def test_a_changed_secret_is_used_for_the_next_delivery(world: World) -> None:
    store = await world.a_store(walmart_client_secret="right")
    order = await world.an_order(2, store=store)
    first = await ship.ship(
        world.context, order.id, a_package("1ZA", items=items(l1=1)), actor=ACTOR
    )
    await world.deliver_until(first.shipment.update.id)
    wrong = manage.StoreChanges(walmart_client_secret="wrong")
    await manage.change(world.context, store.id, wrong, actor=ACTOR)
    second = await ship.ship(world.context, order.id, a_package("1ZB"), actor=ACTOR)
    (update,) = await world.deliver_until(second.shipment.update.id, states={State.RETRYING})
    assert update.status_detail is not None
    assert update.status_detail.code == "credentials_rejected"


@pytest.mark.impatient
async def test_a_store_with_hanging_calls_leaves_slots_to_the_others(world: World) -> None:
    small, hanging = await world.a_store(), await world.a_store()
    await world.fault("shipping", "timeout", times=None, client_id=hanging.walmart.client_id)
    for _ in range(8):
        order = await world.an_order(1, store=hanging)
        await ship.ship(world.context, order.id, a_package("1ZA"), actor=ACTOR)
    order = await world.an_order(1, store=small)
    last = await ship.ship(world.context, order.id, a_package("1ZA"), actor=ACTOR)
    await world.answered_before()
    await world.deliver_until(last.shipment.update.id, poller_concurrency=5)
    calls = [call["client_id"] for call in await world.calls("shipping")]
    assert calls.index(small.walmart.client_id) <= 2
