"""Batcher: requests that arrive at the same moment run as one statement (group commit).

The round trip of a statement, its start and above all its commit cost more than its work for one
request. An idle batcher starts at the end of the current turn of the event loop, so a request never
waits for others to come; requests that arrive while a batch runs form the next batch.
"""

import asyncio
import math
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from app.domain.errors import Busy, NotAvailable
from app.storage.postgres.errors import unavailable

_CUT_SHORT = "cut_short: the batch ended without an answer for this request"
Request = TypeVar("Request")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class _Waiter(Generic[Request, Answer]):
    """A request that waits for its answer."""

    request: Request
    answer: asyncio.Future[Answer]
    until: float
    """When it stops waiting for its batch to start."""


@dataclass(slots=True)
class Batcher(Generic[Request, Answer]):
    """Runs requests in batches."""

    carry_out: Callable[[Sequence[Request]], Awaitable[Sequence[Answer | Exception]]]
    """Runs a batch: answers each request, or gives the error that is its own. If it raises for a
    batch of several requests, it must have changed nothing; each then runs by itself, so that no
    request gets the error of another. Only NotAvailable is true for all of them."""
    most: int
    """Requests of one batch."""
    at_once: int
    """Batches that run at the same time."""
    patience: float
    """Seconds that a request waits for its batch, as it would for a connection. While the database
    does not answer, requests would pile up otherwise."""
    place: Callable[[Request], Hashable] = lambda _: None
    """Where a request is carried out; the requests of a batch share it."""
    at_once_in_place: float = math.inf
    """Batches of one place that run at the same time: few, so that each is large."""
    _waiting: deque[_Waiter[Request, Answer]] = field(default_factory=deque)
    _running: set[asyncio.Task[None]] = field(default_factory=set)
    _busy: Counter[Hashable] = field(default_factory=Counter)
    _starting: bool = False
    # One timer for all: a timer for each request would cost more than it is worth.
    _timer: asyncio.TimerHandle | None = None

    async def ask(self, request: Request) -> Answer:
        """Run a request in the next batch. Raises its own error.

        Raises NotAvailable if the batch does not start in time.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append(_Waiter(request, answer, loop.time() + self.patience))
        if self._timer is None:
            self._timer = loop.call_later(self.patience, self._turn_away)
        if not self._starting and len(self._running) < self.at_once:
            # Requests of all tasks that are ready to run arrive before that.
            self._starting = True
            loop.call_soon(self._start)
        return await answer

    def _start(self) -> None:
        self._starting = False
        while self._waiting and len(self._running) < self.at_once:
            place, batch = self._next_batch()
            if not batch:
                return
            # A request that was canceled meanwhile needs no answer.
            batch = [each for each in batch if not each.answer.done()]
            if batch:
                task = asyncio.create_task(self._run(batch))
                self._running.add(task)
                self._busy[place] += 1
                task.add_done_callback(partial(self._ended, place))

    def _next_batch(self) -> tuple[Hashable, list[_Waiter[Request, Answer]]]:
        """Take the requests of the first place that has room, those that waited longest."""
        free: Hashable = None
        found = False
        batch: list[_Waiter[Request, Answer]] = []
        left: list[_Waiter[Request, Answer]] = []
        while self._waiting and len(batch) < self.most:
            waiter = self._waiting.popleft()
            place = self.place(waiter.request)
            if not found and self._busy[place] < self.at_once_in_place:
                free, found = place, True
            # mutation: batch-of-one-place
            taken = found and place == free
            (batch if taken else left).append(waiter)
        self._waiting.extendleft(reversed(left))
        return free, batch

    def _ended(self, place: Hashable, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._busy[place] -= 1
        if not self._busy[place]:
            del self._busy[place]
        # mutation: batch-start-without-wait
        self._start()

    def _turn_away(self) -> None:
        """Refuse the requests that have waited too long; the oldest is the first in the queue."""
        loop = asyncio.get_running_loop()
        # mutation: batch-queue-timeout
        while self._waiting and self._waiting[0].until <= loop.time():
            _answer(self._waiting.popleft(), unavailable(self._late()))
        first = self._waiting[0].until if self._waiting else None
        self._timer = None if first is None else loop.call_at(first, self._turn_away)

    def _late(self) -> str:
        return f"queue_full: {self.at_once} batches ran for {self.patience:g} s before this one"

    async def _run(self, batch: Sequence[_Waiter[Request, Answer]]) -> None:
        try:
            results = await self._carried_out(batch)
        except Exception as error:  # noqa: BLE001 - it is raised in `ask`
            if len(batch) == 1:
                _answer(batch[0], error)
            else:
                # mutation: batch-error-isolation
                await self._one_by_one(batch)
        else:
            for waiter, result in zip(batch, results, strict=True):
                _answer(waiter, result)
        finally:
            # A batch that was cut short leaves requests without an answer.
            for waiter in batch:
                if not waiter.answer.done():
                    _answer(waiter, unavailable(_CUT_SHORT))

    async def _carried_out(
        self, batch: Sequence[_Waiter[Request, Answer]]
    ) -> Sequence[Answer | Exception]:
        # mutation: locked-row-in-batch
        try:
            return await self.carry_out([each.request for each in batch])
        except Busy:
            # The locked row belongs to one request.
            raise
        except NotAvailable as error:
            return [error.once_more() for _ in batch]

    async def _one_by_one(self, batch: Sequence[_Waiter[Request, Answer]]) -> None:
        loop = asyncio.get_running_loop()
        for waiter in batch:
            if loop.time() < waiter.until:
                await self._run([waiter])


def _answer(waiter: _Waiter[Request, Answer], result: Answer | Exception) -> None:
    if waiter.answer.done():
        return
    if isinstance(result, Exception):
        waiter.answer.set_exception(result)
    else:
        waiter.answer.set_result(result)
