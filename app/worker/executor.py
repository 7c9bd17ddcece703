"""Deliveries under way in one poller: started, judged, written down, drained at a stop."""

import asyncio
import contextlib
import itertools
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import structlog

from app.commerce.client import CommerceClient
from app.commerce.connection import CommerceConnection
from app.domain.errors import NotAvailable
from app.domain.orders.order import Order
from app.domain.orders.returns import RefundItem, Return
from app.domain.outbox import retry_policy
from app.domain.outbox.claimed_update import Claimed
from app.domain.outbox.delivery_result import Attempt, DeliveryResult
from app.domain.outbox.due_group import SlotKey, slot_key
from app.domain.outbox.outcome import InternalError, Outcome
from app.domain.outbox.retry_policy import DeliveryEnd, RetryPolicy
from app.http_client import error_redaction, redaction
from app.http_client.call import Call
from app.storage.outbox import updates
from app.storage.postgres.database import Database
from app.walmart.client import WalmartClient
from app.walmart.credentials import SellerCredentials
from app.worker.completer import Completer
from app.worker.delivery import attempt_log, call_reports, deliver, failures
from app.worker.delivery.context import DeliveryContext

# Seconds after which a delivery counts as one that may take long.
STUCK_AFTER = 0.25
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """On what terms updates are delivered. Seconds: the lease, Walmart's time-out."""

    poller: str
    lease: float
    timeout: float
    policy: RetryPolicy


@dataclass(frozen=True, slots=True)
class DeliverySubject:
    """What an update is about, and in whose name it goes out.

    of_return: what a refund answers, and what of it is wanted. shop: the store's Commerce, where
    it is called.
    """

    account: SellerCredentials
    order: Order | None
    of_return: tuple[Return, tuple[RefundItem, ...]] | None = None
    commerce_connection: CommerceConnection | None = None
    # See Errand.
    others_until: datetime | None = None
    equal_notes: int = 0


@dataclass(slots=True)
class Executor:
    """Carries claimed updates to Walmart, each in a task of its own.

    busy counts those under way; a place without one is not in it. freed is called when one has
    ended and is written down.
    """

    database: Database
    client: WalmartClient
    commerce: CommerceClient
    completer: Completer
    terms: DeliverySettings
    random: Callable[[], float]
    new_id: Callable[[int], UUID]
    monotonic: Callable[[], float]
    freed: Callable[[], None] = lambda: None
    busy: Counter[SlotKey] = field(default_factory=Counter)
    # Each with when it began, the oldest first.
    _running: dict[asyncio.Task[None], float] = field(default_factory=dict)
    _stopping: bool = False

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._running)

    def start(
        self, update: Claimed, subject: DeliverySubject, asked_at: float, claimed_at: float
    ) -> None:
        """Deliver an update; the monotonic time right before its claim, and right after."""
        context = self._context(update, subject, asked_at, claimed_at)
        task = asyncio.create_task(self._deliver(context))
        self._running[task] = self.monotonic()
        place = slot_key(update.store_id, update.kind)
        self.busy[place] += 1

        def ended(task: asyncio.Task[None]) -> None:
            del self._running[task]
            self.busy[place] -= 1
            if not self.busy[place]:
                del self.busy[place]
            self.freed()

        task.add_done_callback(ended)

    def stuck_at(self, number: int) -> float:
        """When so many of them have been under way for long; inf while there are fewer.

        By the monotonic clock.
        """
        began = next(itertools.islice(self._running.values(), max(number, 1) - 1, None), math.inf)
        return began + STUCK_AFTER

    async def drain(self, seconds: float) -> None:
        """Let what is under way end; what does not is found again when its lease ends."""
        self._stopping = True
        if not self._running:
            return
        _, late = await asyncio.wait(self._running, timeout=seconds)
        for task in late:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*late, return_exceptions=True)

    def _context(
        self, update: Claimed, subject: DeliverySubject, asked_at: float, at: float
    ) -> DeliveryContext:
        return DeliveryContext(
            update=update,
            of_order=subject.order,
            of_return=subject.of_return,
            commerce_connection=subject.commerce_connection,
            others_until=subject.others_until,
            equal_notes=subject.equal_notes,
            account=subject.account,
            client=self.client,
            commerce=self.commerce,
            policy=self.terms.policy,
            lease=self.terms.lease,
            timeout=self.terms.timeout,
            monotonic=self.monotonic,
            claimed_monotonic=at,
            leased_monotonic=asked_at,
            renew=lambda: self._renew(update),
            stopping=lambda: self._stopping,
        )

    async def _renew(self, update: Claimed) -> bool:
        try:
            async with self.database.begin() as connection:
                return await updates.renew(connection, update, self.terms.lease)
        except NotAvailable:
            return False

    async def _deliver(self, context: DeliveryContext) -> None:
        started = context.now()
        try:
            outcome = await deliver.deliver(context)
        except Exception:  # noqa: BLE001 - logged; the loop must live on
            _log.exception("delivery_failed", update_id=str(context.update.id))
            outcome = InternalError(
                failures.INTERNAL_ERROR, sent=context.wrote, snapshot=context.seen
            )
        try:
            result = self._judged(context, outcome, started)
        except Exception:  # noqa: BLE001 - logged; without a result it would be tried for ever
            _log.exception("judging_failed", update_id=str(context.update.id))
            context.calls.clear()
            fault = InternalError(failures.INTERNAL_ERROR, sent=context.wrote)
            result = self._judged(context, fault, started)
        await self.completer.write(result)
        _log.info(
            "delivered",
            update_id=str(context.update.id),
            kind=context.update.kind.value,
            verdict=result.attempt.verdict,
            attempt=context.update.attempts,
            detail=result.attempt.detail,
        )

    def _judged(
        self, context: DeliveryContext, outcome: Outcome, started: datetime
    ) -> DeliveryResult:
        ended = context.now()
        outcome, calls = _public(context, outcome)
        update, policy = context.update, self.terms.policy
        end = DeliveryEnd(
            ended, self.random(), doubt_ended=context.doubt_ended, read=context.was_read
        )
        return DeliveryResult(
            update=update,
            step=retry_policy.next_step(update, outcome, policy, end),
            fallback_step=lambda: retry_policy.next_step(
                update,
                InternalError(failures.INTERNAL_ERROR, sent=context.wrote),
                policy,
                end,
            ),
            quiet=policy.quiet_period,
            attempt=Attempt(
                id=self.new_id(update.store_id),
                poller=self.terms.poller,
                started_at=started,
                ended_at=ended,
                verdict=attempt_log.verdict(outcome),
                detail=attempt_log.detail(outcome),
                calls=[attempt_log.call_json(call) for call in calls],
            ),
            snapshot=attempt_log.snapshot(outcome),
            read_at=context.read_at,
            returned=context.seen_return,
            link=context.link,
            reports=list(
                call_reports.report(
                    update.store_id, context.calls, attempt_log.pause(outcome), ended
                )
            ),
        )


def _public(context: DeliveryContext, outcome: Outcome) -> tuple[Outcome, list[Call]]:
    """What a try came to and its calls, without what they tell of the buyer.

    Only an answer that refuses may repeat it elsewhere than in the fields that are removed. Where
    the order was not read, any word of a refusal may name the buyer.
    """
    if not any(error_redaction.may_name(call) for call in context.calls):
        return outcome, context.calls
    if context.of_order is not None and not context.knows_buyer:
        outcome = attempt_log.unnamed(outcome, context.calls)
        return outcome, [error_redaction.without(call) for call in context.calls]
    private = context.private
    outcome = attempt_log.hidden(outcome, private)
    return outcome, [redaction.hide_in(call, private) for call in context.calls]
