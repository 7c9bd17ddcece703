"""Rate-limited reads outside the outbox: each call is checked and recorded in the store's lane."""

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
from app.worker.delivery import call_reports, outcomes

_log = structlog.get_logger(__name__)


class ReadingHalted(Exception):
    """No read of the store can go on now, whichever order it is about."""


class LanePaused(ReadingHalted):
    """The lane is paused; no call was made."""

    def __init__(self, endpoint: Endpoint, left: timedelta) -> None:
        self.left = left
        seconds = max(left.total_seconds(), 0.0)
        super().__init__(f"Calls of {endpoint} are paused for {seconds:.1f} s.")


@dataclass(frozen=True)
class RateLimitedReader(WalmartReader):
    """Reads Walmart for one store, within its rate limits."""

    context: AppContext
    breaker: Breaker
    store_id: int

    async def ask(self, endpoint: Endpoint, call: Callable[[], Awaitable[Reply]]) -> Reply:
        """Call if the lane is not paused. Raises LanePaused, WalmartError and errors of `enter`."""
        async with self.context.transaction() as connection:
            await self.enter(connection)
            left = await rate_limits.pause_left(connection, self.store_id, endpoint)
        # mutation: event-waits-for-lane
        if left is not None:
            raise LanePaused(endpoint, left)
        try:
            answer = await call()
        except errors.WalmartError as error:
            made = [error.call] if error.call is not None else []
            await self._record(made, outcomes.pause(Kind.ACKNOWLEDGEMENT, error))
            raise
        await self._record([answer.call], None)
        return answer

    async def enter(self, connection: Connection) -> None:
        """Prepare a call, in the transaction that checks its lane."""

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
    """Waits out the pauses of lanes, for a command that does nothing else."""

    patience: float
    """Seconds. A longer pause is raised as LanePaused."""

    async def ask(self, endpoint: Endpoint, call: Callable[[], Awaitable[Reply]]) -> Reply:
        """Call as soon as the lane allows it. Raises as the base class, but never Throttled."""
        while True:
            try:
                return await super().ask(endpoint, call)
            except LanePaused as paused:
                left = paused.left.total_seconds()
                if left > self.patience:
                    raise
                await asyncio.sleep(max(left, 0.0))
            except errors.Throttled:
                # The next call reads from the lane how long the pause is.
                continue
