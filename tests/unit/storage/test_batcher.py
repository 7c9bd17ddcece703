"""The batcher: concurrent requests run as one batch, and each gets its own result."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from app.domain.errors import Busy, NotAvailable, Stale
from app.storage.postgres.batcher import Batcher
from tests.harness.waiting import LIMIT


@dataclass
class Halves:
    """Halves even numbers once it is released; batches records its inputs."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    batches: list[list[int]] = field(default_factory=list)
    broken: Exception | None = None

    async def __call__(self, numbers: Sequence[int]) -> Sequence[int | Exception]:
        self.batches.append(list(numbers))
        await self.open.wait()
        if self.broken is not None:
            raise self.broken
        if 0 in numbers:
            raise ZeroDivisionError(f"0 in {numbers}")
        return [ValueError(f"{n} is odd") if n % 2 else n // 2 for n in numbers]


async def asked(group: Batcher[int, int], *numbers: int) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(group.ask(number)) for number in numbers]
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


async def outcome(tasks: Sequence[asyncio.Task[int]]) -> list[object]:
    return [
        str(each) if isinstance(each, BaseException) else each
        for each in await asyncio.gather(*tasks, return_exceptions=True)
    ]


async def test_requests_of_one_moment_share_a_batch_and_later_ones_get_the_next() -> None:
    halves = Halves()
    group = Batcher(halves, most=3, at_once=1, patience=9)
    first = await asked(group, 2, 4)
    later = await asked(group, 6, 8, 10, 12)
    assert halves.batches == [[2, 4]]
    halves.open.set()
    assert await outcome([*first, *later]) == [1, 2, 3, 4, 5, 6]
    assert halves.batches == [[2, 4], [6, 8, 10], [12]]


async def test_a_batch_is_of_one_place_and_a_busy_place_delays_no_other() -> None:
    halves = Halves()
    group = Batcher(
        halves, most=3, at_once=2, patience=9, place=lambda n: n // 100, at_once_in_place=1
    )
    tasks = await asked(group, 2, 102, 4, 6, 8, 10, 104, 202)
    assert halves.batches == [[2, 4, 6], [102, 104]]
    halves.open.set()
    assert await outcome(tasks) == [1, 51, 2, 3, 4, 5, 52, 101]
    assert halves.batches[2:] == [[8, 10], [202]]


async def test_a_batch_does_not_wait_for_another_while_there_is_capacity() -> None:
    halves = Halves()
    group = Batcher(halves, most=3, at_once=2, patience=9)
    tasks = [*await asked(group, 2), *await asked(group, 4), *await asked(group, 6)]
    assert halves.batches == [[2], [4]]
    halves.open.set()
    assert await outcome(tasks) == [1, 2, 3]


async def test_an_error_of_one_request_does_not_affect_the_others() -> None:
    halves = Halves()
    halves.open.set()
    group = Batcher(halves, most=9, at_once=1, patience=9)
    assert await outcome(await asked(group, 2, 3, 4)) == [1, "3 is odd", 2]


async def test_a_failed_batch_is_retried_request_by_request() -> None:
    halves = Halves()
    halves.open.set()
    group = Batcher(halves, most=9, at_once=1, patience=9)
    assert await outcome(await asked(group, 2, 0, 5, 4)) == [1, "0 in [0]", "5 is odd", 2]


async def test_an_unavailable_database_fails_all_requests_after_one_try() -> None:
    halves = Halves(broken=NotAvailable("database_unavailable", "Away."))
    halves.open.set()
    group = Batcher(halves, most=9, at_once=1, patience=9)
    tasks = await asked(group, 2, 4)
    for task in tasks:
        with pytest.raises(NotAvailable, match="Away") as raised:
            await task
        assert raised.value.code == "database_unavailable"
    assert halves.batches == [[2, 4]]
    halves.broken = None
    assert await outcome(await asked(group, 6)) == [3]


async def test_a_locked_row_of_one_request_does_not_affect_the_others() -> None:
    """A stale session does not either: it is reported so that each request runs again."""
    halves = Halves(broken=Busy("order_busy", "Held."))
    halves.open.set()
    group = Batcher(halves, most=9, at_once=1, patience=9)
    tasks = await asked(group, 2, 4)
    for task in tasks:
        with pytest.raises(Busy):
            await task
    assert halves.batches == [[2, 4], [2], [4]]
    halves.broken = Stale("database_unavailable", "Away.")
    for task in await asked(group, 2, 4):
        with pytest.raises(Stale):
            await task


async def test_a_canceled_request_leaves_the_others_their_results() -> None:
    halves = Halves()
    group = Batcher(halves, most=9, at_once=1, patience=9)
    canceled, stays = await asked(group, 2, 4)
    waits, leaves = await asked(group, 6, 8)
    canceled.cancel()
    leaves.cancel()
    halves.open.set()
    assert await outcome([stays, waits]) == [2, 3]
    assert halves.batches == [[2, 4], [6]]


async def test_a_request_without_a_turn_fails_and_frees_its_resources() -> None:
    """While the database does not answer, waiting requests must not pile up."""
    halves = Halves()
    group = Batcher(halves, most=1, at_once=1, patience=0.05)
    under_way, *others = await asked(group, 2, 4, 6)
    for task in others:
        with pytest.raises(NotAvailable) as raised:
            await asyncio.wait_for(task, LIMIT)
        assert raised.value.code == "database_unavailable"
    assert not under_way.done()
    (late,) = await asked(group, 8)
    halves.open.set()
    assert await outcome([under_way, late]) == [1, 4]
    assert halves.batches == [[2], [8]]


async def test_waiting_for_a_run_of_its_own_is_limited() -> None:
    halves = Halves()
    group = Batcher(halves, most=9, at_once=1, patience=0.05)
    tasks = await asked(group, 0, 2)
    await asyncio.sleep(0.1)
    halves.open.set()
    for task in tasks:
        with pytest.raises(NotAvailable):
            await asyncio.wait_for(task, LIMIT)
    assert halves.batches == [[0, 2]]


async def test_every_request_gets_a_result_when_a_batch_is_interrupted() -> None:
    halves = Halves()
    group = Batcher(halves, most=9, at_once=1, patience=9)
    tasks = await asked(group, 2, 4)
    for running in group._running:
        running.cancel()
    for task in tasks:
        with pytest.raises(NotAvailable):
            await asyncio.wait_for(task, LIMIT)
    halves.open.set()
    assert await outcome(await asked(group, 6)) == [3]
