"""Reads of Walmart by the store's lanes: asked where they bear it, what was said written down."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from app.domain.outbox.outcome import Pause
from app.domain.outbox.rate_limits import Breaker, Endpoint
from app.domain.update import Kind
from app.http_client.call import Call
from app.storage import rate_limits
from app.storage.postgres.database import Connection
from app.usecases.context import AppContext
from app.usecases.walmart_reader import Reply, WalmartReader
from app.walmart import errors
from app.worker.delivery import call_reports, walmart_outcomes

_log = structlog.get_logger(__name__)


class ReadingHalted(Exception):
    """Nothing goes on here for now, whichever order it is about."""


class LanePaused(ReadingHalted):
    """The lane stands still for so long; nothing was asked."""

    def __init__(self, endpoint: Endpoint, left: timedelta) -> None:
        self.left = left
        seconds = max(left.total_seconds(), 0.0)
        super().__init__(f"Walmart takes no such call ({endpoint}) for {seconds:.1f} s.")


@dataclass(frozen=True)
class RateLimitedReader(WalmartReader):
    """The way of one store's reads, in no update's name, through its lanes."""

    context: AppContext
    breaker: Breaker
    store_id: int

    async def ask(self, endpoint: Endpoint, call: Callable[[], Awaitable[Reply]]) -> Reply:
        """Ask where the lane bears it. Raises LanePaused, WalmartError, and what `enter` raises."""
        async with self.context.transaction() as connection:
            await self.enter(connection)
            left = await rate_limits.pause_left(connection, self.store_id, endpoint)
        if left is not None:
            raise LanePaused(endpoint, left)
        try:
            said = await call()
        except errors.WalmartError as error:
            made = [error.call] if error.call is not None else []
            await self._record(made, walmart_outcomes.pause(Kind.ACKNOWLEDGEMENT, error))
            raise
        await self._record([said.call], None)
        return said

    async def enter(self, connection: Connection) -> None:
        """What is done and asked before every call."""

    async def _record(self, made: Sequence[Call], pause: Pause | None) -> None:
        async with self.context.transaction() as connection:
            at = await rate_limits.now(connection)
            reports = list(call_reports.report(self.store_id, made, pause, at))
            for lane in await rate_limits.record(connection, reports, self.breaker):
                _log.error(
                    "lane_stopped",
                    store_id=self.store_id,
                    endpoint=lane.endpoint,
                    reason=lane.reason,
                )


@dataclass(frozen=True)
class PatientReader(RateLimitedReader):
    """The same for whoever has nothing else to do: pauses up to patience (seconds) are waited out.

    A longer one is raised as Paused.
    """

    patience: float

    async def ask(self, endpoint: Endpoint, call: Callable[[], Awaitable[Reply]]) -> Reply:
        """Ask as soon as the lane allows it. Raises as `Gate.ask` does, but never Throttled."""
        while True:
            try:
                return await super().ask(endpoint, call)
            except LanePaused as paused:
                left = paused.left.total_seconds()
                if left > self.patience:
                    raise
                await asyncio.sleep(max(left, 0.0))
            except errors.Throttled:
                # Its lane says for how long.
                continue
