"""Archives and deletes rows at the end of their retention, a small batch at a time."""

import asyncio
from dataclasses import dataclass, field

from app.domain.outbox import lag
from app.storage.outbox import retention
from app.storage.postgres.database import Database
from app.storage.removal import expired
from app.storage.stores import notification_messages

# Days in which a repeated event is recognized, and in which an event waits for its order's link.
_EVENTS, _UNLINKED_EVENTS = 7, 30
# Days after which no repeated request is within the window of its timestamp (`app/web/oauth.py`).
_NONCES = 1
_SESSIONS = 1
# Seconds after each batch: the traffic comes first.
_PAUSE = 0.1
# Seconds between two sweeps of attempts, each of which reads past all attempts that stay.
_SWEEP_EVERY = 600.0
# Days in which the result of a job can be read.
_JOBS = 30


@dataclass(frozen=True, slots=True)
class RetentionDays:
    """Days that rows are kept; 0 keeps them for ever."""

    updates: int
    """Updates at rest, before they are archived."""
    attempts: int
    """Attempts of updates at rest."""
    idempotency_keys: int
    audit: int


async def remove_expired(database: Database, days: RetentionDays) -> bool:
    """Archive or delete a batch of each table but `attempts`."""
    largest = 0
    if days.updates:
        largest = await retention.archive_updates(database, days.updates)
    for rows, kept in (
        (expired.IDEMPOTENCY_KEYS, days.idempotency_keys),
        (expired.AUDIT, days.audit),
        (expired.WALMART_EVENTS, _EVENTS),
        (expired.COMMERCE_EVENT_IDS, _EVENTS),
        (expired.UNLINKED_EVENTS, _UNLINKED_EVENTS),
        (expired.NONCES, _NONCES),
        (expired.SESSIONS, _SESSIONS),
        (expired.ROLLUPS, lag.KEPT.days),
        (expired.JOBS, _JOBS),
        (expired.MESSAGES, notification_messages.KEPT),
    ):
        if kept:
            largest = max(largest, await rows.remove(database, kept))
    await asyncio.sleep(_PAUSE)
    return largest >= expired.BATCH


@dataclass(slots=True)
class AttemptSweep:
    """Deletes old attempts in sweeps: each reads every old attempt once, then rests."""

    database: Database
    days: int
    _stores: list[tuple[int, ...]] = field(default_factory=list)
    """Stores that the sweep has not finished, the next one last."""
    _position: retention.SweepPosition = retention.START
    _next_at: float = 0.0
    """Time of the event loop at which the next sweep begins."""

    async def run(self) -> bool:
        """Sweep a batch. True means that the sweep has not reached its end."""
        now = asyncio.get_running_loop().time()
        if not self.days or now < self._next_at:
            return False
        if not self._stores:
            self._stores = await retention.sweeps(self.database, self.days)
        if self._stores:
            await self._sweep(self._stores[-1])
        self._next_at = now if self._stores else now + _SWEEP_EVERY
        await asyncio.sleep(_PAUSE)
        return bool(self._stores)

    async def _sweep(self, stores: tuple[int, ...]) -> None:
        swept = await retention.forget_attempts(
            self.database, self.days, self._position, stores=stores
        )
        self._position = swept if swept.more else retention.START
        if not swept.more:
            self._stores.pop()
