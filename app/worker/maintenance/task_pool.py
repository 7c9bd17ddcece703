"""A bounded pool that runs at most one task per store, and the job that keeps it filled."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field

import structlog

from app import logs
from app.domain.errors import NotAvailable

_log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class TaskPool:
    """Runs at most `size` tasks at once, at most one of each store."""

    size: int
    _running: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait_for_slot(self) -> None:
        """Wait until another task may start."""
        while len(self._running) >= self.size:
            self._ended.clear()
            await self._ended.wait()

    def start(
        self, store_ids: Iterable[int], work: Callable[[int], Coroutine[None, None, None]]
    ) -> bool:
        """Start a task for each store until the slots are used up. True means that some are left.

        work must not raise: the pool does not read the results of its tasks.
        """
        for store_id in store_ids:
            if store_id in self._running:
                continue
            if len(self._running) >= self.size:
                return True
            task = asyncio.create_task(work(store_id))
            self._running[store_id] = task
            task.add_done_callback(functools.partial(self._remove, store_id))
        return False

    async def stop(self) -> None:
        """Cancel all tasks."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _remove(self, store_id: int, _: asyncio.Task[None]) -> None:
        del self._running[store_id]
        self._ended.set()


@dataclass(frozen=True, slots=True)
class StoreTasks:
    """Runs a task for each store that is due: a slow or failing store does not delay the others."""

    name: str
    """Prefix of the log events `…_waits` and `…_failed`."""
    pool: TaskPool
    due: Callable[[], Awaitable[Iterable[int]]]
    work: Callable[[int], Awaitable[None]]

    async def run(self) -> bool:
        """Start tasks for the stores that are due. True means that some wait for a slot."""
        await self.pool.wait_for_slot()
        return self.pool.start(await self.due(), self._isolated)

    async def _isolated(self, store_id: int) -> None:
        logs.now_about(store_id=store_id)
        try:
            await self.work(store_id)
        except NotAvailable as error:
            _log.warning(f"{self.name}_waits", store_id=store_id, error=str(error))
        except Exception:  # noqa: BLE001 - logged; the store is due again later
            _log.exception(f"{self.name}_failed", store_id=store_id)
