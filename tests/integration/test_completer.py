"""The completer: results are written in batches, and no result waits for ever."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa

from app.domain.errors import NotAvailable
from app.domain.outbox.delivery_result import Attempt, DeliveryResult, NextStep
from app.domain.outbox.rate_limits import Breaker, CallReport, Endpoint
from app.domain.update import Kind, State
from app.storage import queries
from app.storage.recording import delivery_results
from app.usecases.orders import ship
from app.worker import completer
from app.worker.completer import Completer
from tests.builders import a_package
from tests.harness.outbox import claim
from tests.harness.waiting import limited
from tests.harness.world import ACTOR, World

_NOW = datetime(2026, 11, 26, tzinfo=UTC)


async def results(world: World, number: int) -> list[DeliveryResult]:
    """Results of this many more shipments of one store."""
    store = await world.a_store()
    for one in range(number):
        order = await world.an_order(1, store=store)
        await ship.ship(world.context, order.id, a_package(f"1Z{one}"), actor=ACTOR)
    await world.answered_before()
    found = await claim(world.database, store.store_id, limit=2 * number)
    taken = [each for each in found if each.kind is Kind.SHIPMENT]
    assert len(taken) == number
    return [
        DeliveryResult(
            update,
            NextStep(State.RETRYING, due_in=60.0),
            Attempt(world.context.new_id(store.store_id), "p", _NOW, _NOW, "try_later", None, []),
        )
        for update in taken
    ]


@asynccontextmanager
async def writing(world: World, waited_for: Callable[[int], bool]) -> AsyncIterator[Completer]:
    """A completer with a stopped clock, so that no batch is written because of its age."""
    made = Completer(
        database=world.database,
        new_id=world.context.new_id,
        monotonic=lambda: 0.0,
        give_up_after=60.0,
        breaker=Breaker(),
        waited_for=waited_for,
    )
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_first_result_is_written_at_once(world: World) -> None:
    (result,) = await results(world, 1)
    async with writing(world, lambda _: False) as made, limited():
        await made.write(result)
    assert (await world.update(result.update.id)).state == "retrying"


async def test_a_result_with_a_waiting_successor_is_written_at_once(world: World) -> None:
    first, second, third = await results(world, 3)
    async with writing(world, lambda waiting: waiting >= 2) as made, limited():
        await made.write(first)
        alone = asyncio.create_task(made.write(second))
        await asyncio.sleep(completer.GATHER * 2)
        assert not alone.done()
        await made.write(third)
        await alone
    assert (await world.update(second.update.id)).state == "retrying"


async def test_many_results_are_written_in_one_batch(world: World) -> None:
    first, *others = await results(world, completer.ENOUGH + 1)
    async with writing(world, lambda _: False) as made, limited():
        await made.write(first)
        await asyncio.gather(*(made.write(each) for each in others))
    assert {(await world.update(each.update.id)).state for each in others} == {"retrying"}


async def test_a_result_without_a_waiting_successor_is_written_soon(world: World) -> None:
    first, second = await results(world, 2)
    async with writing(world, lambda _: False) as made, limited():
        made.monotonic = asyncio.get_running_loop().time
        await made.write(first)
        await made.write(second)
    assert (await world.update(second.update.id)).state == "retrying"


async def test_a_failing_store_does_not_affect_others_when_stores_are_sharded(world: World) -> None:
    world.database.placement.sharded = True
    stores = [await results(world, 2) for _ in range(3)]
    # PostgreSQL cannot store this character.
    invalid = replace(stores[1][0], attempt=replace(stores[1][0].attempt, detail="\0"))
    stores[1][0] = invalid
    given = [each for of_store in stores for each in of_store]
    async with writing(world, lambda waiting: waiting >= len(given)) as made, limited():
        await asyncio.gather(*(made.write(each) for each in given))
    states = {each.update.id: (await world.update(each.update.id)).state for each in given}
    assert states.pop(invalid.update.id) == "sending"
    assert set(states.values()) == {"retrying"}


async def test_a_result_that_cannot_be_written_counts_as_an_internal_error(world: World) -> None:
    (result,) = await results(world, 1)
    invalid = replace(
        result,
        attempt=replace(result.attempt, detail="\0"),
        fallback_step=lambda: NextStep(State.RETRYING, due_in=60, faults=1),
    )
    async with writing(world, lambda _: True) as made:
        await made.write(invalid)
    update = await world.update(result.update.id)
    assert update.state == "retrying"
    async with world.database.begin() as connection:
        (attempt,) = await queries.attempts(connection, 1, update.id)
    assert attempt.verdict == "fault"


async def test_results_of_a_locked_store_do_not_delay_others(world: World) -> None:
    """Here its rows are locked by another session."""
    world.database.placement.sharded = True
    (held,), (free,) = await results(world, 1), await results(world, 1)
    hold = sa.text("SELECT FROM orders WHERE id = :id FOR UPDATE")
    async with writing(world, lambda _: True) as made, limited():
        async with world.database.begin() as connection:
            await connection.execute(hold, {"id": held.update.order_id})
            waits = asyncio.create_task(made.write(held))
            await made.write(free)
            assert not waits.done()
        await waits
    assert (await world.update(held.update.id)).state == "retrying"


@pytest.mark.parametrize("row", ["orders", "updates", "lanes"])
async def test_a_locked_row_does_not_delay_other_results(world: World, row: str) -> None:
    """Stores share a server here, so all results start in one batch."""
    (held,), others, later = (
        await results(world, 1),
        await results(world, 5),
        await results(world, 1),
    )
    at = world.context.now()
    reports = [CallReport(held.update.store_id, Endpoint.SHIP, at, at, answered=True)]
    held = replace(held, reports=reports if row == "lanes" else ())
    column, value = {
        "orders": ("id", held.update.order_id),
        "updates": ("id", held.update.id),
        "lanes": ("store_id", held.update.store_id),
    }[row]
    hold = sa.text(f"SELECT FROM {row} WHERE {column} = :value FOR UPDATE")
    together = [*others[:3], held, *others[3:]]
    async with writing(world, lambda waiting: waiting != len(others)) as made, limited():
        async with world.database.begin() as connection:
            await connection.execute(hold, {"value": value})
            waits = [asyncio.create_task(made.write(each)) for each in together]
            await asyncio.gather(*(task for task in waits if task is not waits[3]))
            await made.write(later[0])
            assert not waits[3].done()
        await waits[3]
    assert (await world.update(held.update.id)).state == "retrying"


async def test_a_connection_that_dies_during_setup_loses_no_result(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (result,) = await results(world, 1)
    await world.database.engine.dispose()
    connect = asyncpg.connect
    died: list[int] = []

    async def dies_first(*given: Any, **more: Any) -> Any:
        if len(died) < 2:
            died.append(1)
            raise RuntimeError("unable to perform operation on a closed transport")
        return await connect(*given, **more)

    monkeypatch.setattr(asyncpg, "connect", dies_first)
    monkeypatch.setattr(completer, "_AFTER_ERROR", 0.01)
    async with writing(world, lambda _: True) as made, limited():
        await made.write(result)
    assert len(died) == 2
    assert (await world.update(result.update.id)).state == "retrying"


@pytest.mark.parametrize("sharded", [False, True])
async def test_a_result_written_twice_is_recorded_once(world: World, sharded: bool) -> None:
    """As after a COMMIT with a lost answer."""
    world.database.placement.sharded = sharded
    (result,) = await results(world, 1)
    first, second = [
        await delivery_results.record(world.database, [result], world.context.new_id)
        for _ in range(2)
    ]
    assert (len(first.kept), len(second.kept)) == (1, 0)
    async with world.database.begin() as connection:
        tries = await queries.attempts(connection, result.update.store_id, result.update.id)
    assert [each.verdict for each in tries] == ["try_later"]


async def test_a_result_is_dropped_and_frees_its_slot_when_its_lease_has_ended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease counts from the arrival of the result, whatever was tried before it."""
    (result,) = await results(world, 1)
    tried: list[int] = []

    async def away(*_: object) -> None:
        tried.append(1)
        raise NotAvailable("database_unavailable", "Away.")

    monkeypatch.setattr(delivery_results, "record", away)
    monkeypatch.setattr(completer, "_AFTER_ERROR", 0.01)
    async with writing(world, lambda _: True) as made, limited():
        made.monotonic = lambda: 30.0 * len(tried)
        await made.write(result)
    assert len(tried) == 2
    assert (await world.update(result.update.id)).state == "sending"
