"""Work for several stores at a time, a piece for each: nobody waits for the slowest of them."""

import asyncio
import functools
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class TaskPool:
    """At most size pieces of work are under way, at most one for each store.

    What is started must not raise: nobody is there to hear of it.
    """

    size: int
    _at_work: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _left: asyncio.Event = field(default_factory=asyncio.Event)

    async def room(self) -> None:
        """Wait until another piece may be started."""
        while len(self._at_work) >= self.size:
            self._left.clear()
            await self._left.wait()

    def start(
        self, store_ids: Iterable[int], work: Callable[[int], Coroutine[None, None, None]]
    ) -> bool:
        """Start as many as there is room for; answers whether some had to wait."""
        for store_id in store_ids:
            if store_id in self._at_work:
                continue
            if len(self._at_work) >= self.size:
                return True
            task = asyncio.create_task(work(store_id))
            self._at_work[store_id] = task
            task.add_done_callback(functools.partial(self._ended, store_id))
        return False

    async def stop(self) -> None:
        """End what is under way."""
        tasks = list(self._at_work.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, store_id: int, _: asyncio.Task[None]) -> None:
        del self._at_work[store_id]
        self._left.set()
