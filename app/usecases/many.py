"""The same act on many orders or updates, some at once; one that is refused stops no other."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from app.domain.errors import OrderError
from app.storage.postgres.retry import again

Item = TypeVar("Item")
Result = TypeVar("Result")
# Each may cost a read at Walmart, and the caller waits for all of them.
MOST = 200
_AT_ONCE = 8


async def each(
    items: Sequence[Item],
    act: Callable[[Item], Awaitable[Result]],
    refused: Callable[[Item, OrderError], Result],
) -> list[Result]:
    """Act on each item; answers the results in the same order.

    refused makes the result of an item that raised, or raises to give up. act must be safe to
    repeat, for a row that it needs may be locked.
    """
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(item: Item) -> Result:
        async with slots:
            try:
                # mutation: bulk-retry-lock-wait
                return await again(lambda: act(item))
            except OrderError as error:
                return refused(item, error)

    # If one gives up, the others end before it is raised, so that none works on unseen.
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(item)) for item in items]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from failed
    return [task.result() for task in tasks]
