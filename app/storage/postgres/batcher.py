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

from app.domain.errors import Busy, NotAvailable
from app.storage.postgres.errors import unavailable

Request = TypeVar("Request")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Waiter(Generic[Request, Answer]):
    """What somebody asks, where he gets the answer, and until when he waits for his turn."""

    asked: Request
    answer: asyncio.Future[Answer]
    until: float


@dataclass(slots=True)
class Batcher(Generic[Request, Answer]):
    """Carries out what is asked, in batches of at most `most`, so many `at_once`.

    carry_out answers each of a batch, or the error that is its own. When it raises for a batch of
    several, each is carried out again by itself, so that nobody gets another's error; only that the
    database is not available is true for all. It must have changed nothing then.

    patience: seconds that who asks waits for his turn, as he would for a connection; while the
    database does not answer, nobody else can tell him, and those who wait would pile up.
    """

    carry_out: Callable[[Sequence[Request]], Awaitable[Sequence[Answer | Exception]]]
    most: int
    at_once: int
    patience: float
    _waiting: deque[_Waiter[Request, Answer]] = field(default_factory=deque)
    _running: set[asyncio.Task[None]] = field(default_factory=set)
    _called: bool = False
    # One for all: a timer for each would cost more than it is worth.
    _timer: asyncio.TimerHandle | None = None

    async def ask(self, asked: Request) -> Answer:
        """Have it carried out with what others ask; raises what is its own error.

        NotAvailable, too, where its turn does not come.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append(_Waiter(asked, answer, loop.time() + self.patience))
        if self._timer is None:
            self._timer = loop.call_later(self.patience, self._turn_away)
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
            batch = [each for each in batch if not each.answer.done()]
            if batch:
                task = asyncio.create_task(self._run(batch))
                self._running.add(task)
                task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._start()

    def _turn_away(self) -> None:
        """Tell those whose patience is at its end; who has waited longest is first."""
        loop = asyncio.get_running_loop()
        while self._waiting and self._waiting[0].until <= loop.time():
            _tell(self._waiting.popleft(), unavailable())
        first = self._waiting[0].until if self._waiting else None
        self._timer = None if first is None else loop.call_at(first, self._turn_away)

    async def _run(self, batch: Sequence[_Waiter[Request, Answer]]) -> None:
        try:
            told = await self._carried_out(batch)
        except Exception as error:  # noqa: BLE001 - it is the asker's
            if len(batch) == 1:
                _tell(batch[0], error)
            else:
                await self._one_by_one(batch)
        else:
            for place, found in zip(batch, told, strict=True):
                _tell(place, found)
        finally:
            # Where it was cut short, nobody is left without an answer.
            for place in batch:
                _tell(place, unavailable())

    async def _carried_out(
        self, batch: Sequence[_Waiter[Request, Answer]]
    ) -> Sequence[Answer | Exception]:
        try:
            return await self.carry_out([place.asked for place in batch])
        except Busy:
            # The held row is one request's own.
            raise
        except NotAvailable as error:
            return [type(error)(error.code, str(error)) for _ in batch]

    async def _one_by_one(self, batch: Sequence[_Waiter[Request, Answer]]) -> None:
        loop = asyncio.get_running_loop()
        for place in batch:
            if loop.time() < place.until:
                await self._run([place])


def _tell(place: _Waiter[Request, Answer], told: Answer | Exception) -> None:
    if place.answer.done():
        return
    if isinstance(told, Exception):
        place.answer.set_exception(told)
    else:
        place.answer.set_result(told)
