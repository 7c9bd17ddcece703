"""The task pool: bounded, at most one task per store, and no store waits for the slowest."""

import asyncio

from app.worker.maintenance.task_pool import TaskPool


class Work:
    """Tasks that end on demand."""

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


async def test_a_hanging_store_does_not_delay_the_next_task_of_another() -> None:
    task_pool, work = TaskPool(2), Work()
    for _ in range(3):
        await task_pool.wait_for_slot()
        assert not task_pool.start([1, 2], work)
        await turns()
        work.end(2)
        await turns()
    assert work.begun == [1, 2, 2, 2]
    await task_pool.stop()


async def test_at_most_the_pools_size_runs_and_the_next_task_starts_when_one_ends() -> None:
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


async def test_a_stopped_pool_leaves_no_task_running() -> None:
    task_pool, work = TaskPool(2), Work()
    task_pool.start([1, 2], work)
    await turns()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await task_pool.stop()
    assert all(task.cancelled() for task in others)
