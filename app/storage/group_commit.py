"""Group commit: what several ask of PostgreSQL at the same moment is asked in one statement.

A statement's round trip, its start and above all its commit cost more than what it does for one
request. Who asks while nothing is under way is not kept waiting for others: only those who asked
in the same turn of the event loop go with him, and those who ask meanwhile go together next.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from app.orders.errors import NotAvailable

Asked = TypeVar("Asked")
Told = TypeVar("Told")


@dataclass(slots=True)
class Group(Generic[Asked, Told]):
    """Carries out what is asked, in batches of at most `most`, so many `at_once`.

    carry_out answers each of a batch, or the error that is its own. When it raises for a batch of
    several, each is carried out again by itself, so that nobody gets another's error; only that the
    database is not available is true for all. It must have changed nothing then.
    """

    carry_out: Callable[[Sequence[Asked]], Awaitable[Sequence[Told | Exception]]]
    most: int
    at_once: int
    _waiting: deque[tuple[Asked, asyncio.Future[Told]]] = field(default_factory=deque)
    _running: set[asyncio.Task[None]] = field(default_factory=set)
    _called: bool = False

    async def ask(self, asked: Asked) -> Told:
        """Have it carried out with what others ask; raises what is its own error."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Told] = loop.create_future()
        self._waiting.append((asked, answer))
        if not self._called and len(self._running) < self.at_once:
            # Who else is ready to run asks before that.
            self._called = True
            loop.call_soon(self._start)
        return await answer

    def _start(self) -> None:
        self._called = False
        while self._waiting and len(self._running) < self.at_once:
            batch = [self._waiting.popleft() for _ in range(min(self.most, len(self._waiting)))]
            # Whose client is gone needs nothing any more.
            batch = [each for each in batch if not each[1].done()]
            if batch:
                task = asyncio.create_task(self._run(batch))
                self._running.add(task)
                task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._start()

    async def _run(self, batch: Sequence[tuple[Asked, asyncio.Future[Told]]]) -> None:
        try:
            told = await self.carry_out([asked for asked, _ in batch])
        except NotAvailable as error:
            told = [NotAvailable(error.code, str(error)) for _ in batch]
        except Exception as error:  # noqa: BLE001 - it is the asker's
            if len(batch) > 1:
                for alone in batch:
                    await self._run([alone])
                return
            told = [error]
        for (_, answer), found in zip(batch, told, strict=True):
            if answer.done():
                continue
            if isinstance(found, Exception):
                answer.set_exception(found)
            else:
                answer.set_result(found)
