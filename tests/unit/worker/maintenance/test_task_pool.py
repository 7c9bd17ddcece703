"""Stores at work at the same time: bounded, one piece for each, none waits for the slowest."""

import asyncio

from app.worker.maintenance.task_pool import TaskPool


class Work:
    """Pieces that end when they are told to."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.ends: dict[int, asyncio.Event] = {}

    async def __call__(self, store_id: int) -> None:
        self.begun.append(store_id)
        await self.ends.setdefault(store_id, asyncio.Event()).wait()

    def end(self, store_id: int) -> None:
        self.ends.pop(store_id).set()


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_store_that_hangs_does_not_hold_up_the_next_piece_of_another() -> None:
    task_pool, work = TaskPool(2), Work()
    for _ in range(3):
        await task_pool.wait_for_slot()
        assert not task_pool.start([1, 2], work)
        await turns()
        work.end(2)
        await turns()
    assert work.begun == [1, 2, 2, 2]
    await task_pool.stop()


async def test_no_more_are_at_work_than_the_crew_has_and_the_next_begins_when_one_ends() -> None:
    task_pool, work = TaskPool(2), Work()
    assert task_pool.start([1, 2, 3], work)
    waiting = asyncio.create_task(task_pool.wait_for_slot())
    await turns()
    assert (work.begun, waiting.done()) == ([1, 2], False)
    work.end(1)
    await turns()
    assert waiting.done()
    assert not task_pool.start([2, 3], work)
    await turns()
    assert work.begun == [1, 2, 3]
    await task_pool.stop()


async def test_a_crew_that_is_stopped_leaves_nothing_under_way() -> None:
    task_pool, work = TaskPool(2), Work()
    task_pool.start([1, 2], work)
    await turns()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await task_pool.stop()
    assert all(task.cancelled() for task in others)
