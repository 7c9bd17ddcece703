"""The claimer: claims due updates, and loads what their deliveries need."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

import structlog

from app.domain.errors import NotAvailable
from app.domain.outbox.claimed_update import Claimed
from app.domain.outbox.fair_scheduler import SLOW_KINDS
from app.domain.outbox.outcome import Pause
from app.domain.outbox.rate_limits import Breaker, CallReport, Endpoint
from app.domain.update import COMMERCE_KINDS, Kind
from app.storage import rate_limits
from app.storage.commerce import updates as commerce_updates
from app.storage.inventory import levels as stock_levels
from app.storage.outbox import claims
from app.storage.outbox.claims import Claim, ClaimRequest
from app.storage.outbox.take import ClaimSettings
from app.storage.postgres.database import Database
from app.storage.returns import refunds
from app.storage.stores import credentials
from app.storage.stores.secrets import CannotDecrypt, SecretCipher
from app.worker.delivery.context import ClaimData

# Pause of a store, or of its Commerce, when its secret cannot be decrypted.
UNREADABLE_PAUSE = timedelta(seconds=60)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ClaimedBatch:
    """The updates of one store in a claim."""

    deliveries: Sequence[tuple[Claimed, ClaimData]] = ()
    updates: int = 0
    """Claimed updates, including stock levels that a newer value replaced."""
    held_back: bool = False
    """A rate limit allows no more calls now."""
    again_in: float | None = None
    """Seconds until the rate limit allows more. None means that this is unknown."""
    elsewhere: bool = False
    """Another poller claims updates of the store right now."""
    unreadable: bool = False
    """The store's secret cannot be decrypted."""


@dataclass(frozen=True, slots=True)
class Claimer:
    """Claims updates for one poller."""

    database: Database
    cipher: SecretCipher
    settings: ClaimSettings
    breaker: Breaker
    new_id: Callable[[int], UUID]
    monotonic: Callable[[], float]

    async def claim(self, wanted: Sequence[ClaimRequest], *, sharded: bool) -> list[ClaimedBatch]:
        """Claim due updates; returns a batch for each request.

        sharded: the rows of stores are on several servers. Raises NotAvailable; then nothing was
        claimed.
        """
        # The lease begins no earlier than now.
        asked_at = self.monotonic()
        found = await claims.claim(
            self.database.by_key,
            wanted,
            token=self.new_id(wanted[0].store_id),
            terms=self.settings,
            cipher=self.cipher,
            sharded=sharded,
        )
        # Read after the database's clock: our estimate of its time must never be ahead.
        at = self.monotonic()
        return [await self._batch(claim, asked_at, at) for claim in found]

    async def _batch(self, claim: Claim, asked_at: float, at: float) -> ClaimedBatch:
        if (account := claim.credentials) is None or not claim.updates:
            return ClaimedBatch(
                held_back=claim.held_back,
                again_in=claim.again_in,
                elsewhere=claim.elsewhere,
                unreadable=claim.unreadable,
            )
        # mutation: lease-from-claim-request
        data = ClaimData(account, claim.orders, asked_at, at)
        unusual = [update for update in claim.updates if update.kind in SLOW_KINDS]
        if unusual:
            data = await self._complete_or_release(data, unusual)
        # mutation: stale-claimed-level
        return ClaimedBatch(
            [(update, data) for update in claim.updates if update.id not in data.stale],
            len(claim.updates),
            claim.held_back,
            claim.again_in,
        )

    async def pause(self, store_id: int, endpoint: Endpoint) -> None:
        """Pause the calls that need a secret which cannot be decrypted. Raises NotAvailable."""
        pause = Pause(endpoint, "secret_unreadable", UNREADABLE_PAUSE)
        async with self.database.begin() as connection:
            at = await rate_limits.now(connection)
            reports = CallReport(store_id, endpoint, at, at, answered=False, pause=pause)
            if await rate_limits.record(connection, [reports], self.breaker):
                _log.error(
                    "lane_stopped",
                    store_id=store_id,
                    endpoint=endpoint,
                    reason=str(CannotDecrypt()),
                )

    async def _complete_or_release(self, data: ClaimData, claimed: Sequence[Claimed]) -> ClaimData:
        """Load what these updates need; where that fails, release them to a later claim.

        The other updates of the claim are delivered all the same.
        """
        why: CannotDecrypt | NotAvailable
        store_id = data.account.store_id
        try:
            return await self._complete(data, claimed)
        except (CannotDecrypt, NotAvailable) as error:
            why = error
        # If the release fails too, they are rescued when their lease ends.
        with contextlib.suppress(NotAvailable):
            await claims.give_back(self.database.by_key, store_id, claimed)
            if isinstance(why, CannotDecrypt):
                # mutation: unreadable-commerce-token
                await self.pause(store_id, Endpoint.COMMERCE)
            else:
                _log.warning("claiming_failed", store_id=store_id, error=str(why))
        return replace(data, stale=frozenset(update.id for update in claimed))

    async def _complete(self, data: ClaimData, claimed: Sequence[Claimed]) -> ClaimData:
        """Load returns, values in doubt, equal notes and the access to Commerce."""
        store_id = data.account.store_id
        levels = [update for update in claimed if update.kind is Kind.INVENTORY]
        refunding = [update.id for update in claimed if update.kind is Kind.REFUND]
        notes = [update.id for update in claimed if update.kind is Kind.COMMERCE_NOTE]
        commerce = any(u.kind in COMMERCE_KINDS or stock_levels.asks_commerce(u) for u in claimed)
        async with self.database.begin() as connection:
            stale = await stock_levels.drop_stale(connection, store_id, levels)
            others_until = await stock_levels.others_until(connection, store_id, levels)
            equal = await commerce_updates.equal_notes(connection, store_id, notes) if notes else {}
            found = await refunds.of_updates(connection, store_id, refunding) if refunding else {}
            connected = (
                await credentials.of_commerce(connection, store_id, self.cipher)
                if commerce
                else None
            )
        return replace(
            data,
            stale=stale,
            returned={each: (of.known.returned, of.items) for each, of in found.items()},
            commerce_connection=connected,
            others_until=others_until
            | {each: of.others_until for each, of in found.items() if of.others_until},
            equal_notes=equal,
        )
