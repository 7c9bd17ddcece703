"""What several ask at once is carried out together, and everybody gets an answer of his own."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from app.domain.errors import Busy, NotAvailable, Stale
from app.storage.postgres.batcher import Batcher
from tests.harness.waiting import LIMIT


@dataclass
class Halves:
    """Halves even numbers when it is let; batches are what it was given."""

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


async def test_who_asks_in_one_moment_goes_together_and_who_asks_later_next() -> None:
    halves = Halves()
    group = Batcher(halves, most=3, at_once=1, patience=9)
    first = await asked(group, 2, 4)
    later = await asked(group, 6, 8, 10, 12)
    assert halves.batches == [[2, 4]]
    halves.open.set()
    assert await outcome([*first, *later]) == [1, 2, 3, 4, 5, 6]
    assert halves.batches == [[2, 4], [6, 8, 10], [12]]


async def test_a_batch_does_not_wait_for_another_while_there_is_room() -> None:
    halves = Halves()
    group = Batcher(halves, most=3, at_once=2, patience=9)
    tasks = [*await asked(group, 2), *await asked(group, 4), *await asked(group, 6)]
    assert halves.batches == [[2], [4]]
    halves.open.set()
    assert await outcome(tasks) == [1, 2, 3]


async def test_an_error_of_one_is_nobody_elses() -> None:
    halves = Halves()
    halves.open.set()
    group = Batcher(halves, most=9, at_once=1, patience=9)
    assert await outcome(await asked(group, 2, 3, 4)) == [1, "3 is odd", 2]


async def test_a_batch_that_fails_is_carried_out_one_by_one() -> None:
    halves = Halves()
    halves.open.set()
    group = Batcher(halves, most=9, at_once=1, patience=9)
    assert await outcome(await asked(group, 2, 0, 5, 4)) == [1, "0 in [0]", "5 is odd", 2]


async def test_a_database_that_is_away_is_told_to_all_and_asked_once() -> None:
    halves = Halves(broken=NotAvailable("database_unavailable", "Away."))
    halves.open.set()
    group = Batcher(halves, most=9, at_once=1, patience=9)
    tasks = await asked(group, 2, 4)
    for task in tasks:
        with pytest.raises(NotAvailable, match="Away") as told:
            await task
        assert told.value.code == "database_unavailable"
    assert halves.batches == [[2, 4]]
    halves.broken = None
    assert await outcome(await asked(group, 6)) == [3]


async def test_a_row_that_one_needs_and_another_holds_is_nobody_elses_trouble() -> None:
    """And a session that is stale is told as such, so that each is run again."""
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


async def test_who_gives_up_leaves_the_others_their_answer() -> None:
    halves = Halves()
    group = Batcher(halves, most=9, at_once=1, patience=9)
    gone, stays = await asked(group, 2, 4)
    waits, leaves = await asked(group, 6, 8)
    gone.cancel()
    leaves.cancel()
    halves.open.set()
    assert await outcome([stays, waits]) == [2, 3]
    assert halves.batches == [[2, 4], [6]]


async def test_whose_turn_does_not_come_is_told_so_and_needs_nothing_any_more() -> None:
    """The database does not answer: those who wait must not pile up for as long as it does not."""
    halves = Halves()
    group = Batcher(halves, most=1, at_once=1, patience=0.05)
    under_way, *others = await asked(group, 2, 4, 6)
    for task in others:
        with pytest.raises(NotAvailable) as told:
            await asyncio.wait_for(task, LIMIT)
        assert told.value.code == "database_unavailable"
    assert not under_way.done()
    (late,) = await asked(group, 8)
    halves.open.set()
    assert await outcome([under_way, late]) == [1, 4]
    assert halves.batches == [[2], [8]]


async def test_who_would_be_carried_out_alone_does_not_wait_for_ever_for_that() -> None:
    halves = Halves()
    group = Batcher(halves, most=9, at_once=1, patience=0.05)
    tasks = await asked(group, 0, 2)
    await asyncio.sleep(0.1)
    halves.open.set()
    for task in tasks:
        with pytest.raises(NotAvailable):
            await asyncio.wait_for(task, LIMIT)
    assert halves.batches == [[0, 2]]


async def test_nobody_is_left_without_an_answer_where_a_batch_is_cut_short() -> None:
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
