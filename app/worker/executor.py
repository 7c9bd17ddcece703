"""The executor: runs deliveries, turns their outcomes into results, and drains them at a stop."""

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

from app import logs, tracing
from app.commerce.client import CommerceClient
from app.domain.errors import NotAvailable
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
from app.tracing import Work
from app.walmart.client import WalmartClient
from app.worker.completer import Completer
from app.worker.delivery import attempt_log, call_reports, deliver, failures
from app.worker.delivery.context import ClaimData, DeliveryContext
from app.worker.delivery.lease import Lease

# Seconds after which a call counts as one that may take long.
STUCK_AFTER = 0.25
# Results that may wait to be recorded without a slot. More of them keep their slots, so that a slow
# database slows claiming down instead of filling memory.
MOST_UNRECORDED = 200
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Executor:
    """Delivers claimed updates, each in a task of its own."""

    database: Database
    walmart: WalmartClient
    commerce: CommerceClient
    completer: Completer
    poller: str
    """The name of this poller, in the attempts that it makes."""
    lease: float
    """Seconds that a claim or its renewal lasts."""
    timeout: float
    """Seconds that a call to Walmart may take."""
    policy: RetryPolicy
    random: Callable[[], float]
    new_id: Callable[[int], UUID]
    monotonic: Callable[[], float]
    freed: Callable[[], None] = lambda: None
    """Called when a delivery has made its calls."""
    recorded: Callable[[], None] = lambda: None
    """Called when a delivery is recorded."""
    most_unrecorded: int = MOST_UNRECORDED
    busy: Counter[SlotKey] = field(default_factory=Counter)
    """Deliveries that make calls. A key without any is absent."""
    _calling: dict[asyncio.Task[None], float] = field(default_factory=dict)
    """The monotonic time at which each delivery that makes calls began, the oldest first."""
    _recording: set[asyncio.Task[None]] = field(default_factory=set)
    """Deliveries with a result that is not recorded yet."""
    _stopping: bool = False

    def __len__(self) -> int:
        """Return the number of deliveries that are not recorded yet."""
        return len(self._calling) + len(self._recording)

    @property
    def late(self) -> int:
        """Return the number of results for which claiming has to wait."""
        # mutation: slow-database-slows-claims
        return max(len(self._recording) - self.most_unrecorded, 0)

    def start(self, update: Claimed, data: ClaimData) -> None:
        """Deliver an update."""
        slot = slot_key(update.store_id, update.kind)
        task = asyncio.create_task(self._deliver(self._context(update, data), slot))
        self._calling[task] = self.monotonic()
        self.busy[slot] += 1

        def ended(task: asyncio.Task[None]) -> None:
            # Cut off in a call, it still has its slot.
            self._leave(task, slot)
            self._recording.discard(task)
            self.recorded()

        task.add_done_callback(ended)

    def _leave(self, task: asyncio.Task[None], slot: SlotKey) -> None:
        """Free the slot of a delivery, unless it is free."""
        if self._calling.pop(task, None) is None:
            return
        self.busy[slot] -= 1
        if not self.busy[slot]:
            del self.busy[slot]
        self._recording.add(task)
        self.freed()

    def stuck_at(self, number: int) -> float:
        """Return when that many deliveries will have made calls for long.

        A time of the monotonic clock; inf means that there are fewer.
        """
        began = next(itertools.islice(self._calling.values(), max(number, 1) - 1, None), math.inf)
        return began + STUCK_AFTER

    async def drain(self, seconds: float) -> None:
        """Let deliveries end. What is cut off is delivered again when its lease ends."""
        self._stopping = True
        if not len(self):
            return
        _, late = await asyncio.wait([*self._calling, *self._recording], timeout=seconds)
        for task in late:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*late, return_exceptions=True)

    def _context(self, update: Claimed, data: ClaimData) -> DeliveryContext:
        # mutation: delivery-knows-claim-request
        lease = Lease(
            claimed_at=update.claimed_at,
            seconds=self.lease,
            timeout=self.timeout,
            monotonic=self.monotonic,
            leased_monotonic=data.asked_at,
            claimed_monotonic=data.at,
            renew=lambda: self._renew(update),
            stopping=lambda: self._stopping,
        )
        return DeliveryContext(
            update, data, self.walmart, self.commerce, self.policy.quiet_period, lease
        )

    async def _renew(self, update: Claimed) -> bool:
        try:
            async with self.database.begin() as connection:
                return await updates.renew(connection, update, self.lease)
        except NotAvailable:
            return False

    async def _deliver(self, context: DeliveryContext, slot: SlotKey) -> None:
        update, claim, kind = context.update, context.claim, context.update.kind.value
        facts = _facts(update)
        logs.about(**facts, subject=update.subject)
        tracing.past(Work.CLAIM, update.traceparent, (claim.asked_at, claim.at), **facts)
        with tracing.span(Work.DELIVERY, update.traceparent, kind=kind, **facts) as span:
            context.traceparent = span.traceparent
            logs.about(trace_id=tracing.trace_id(span.traceparent or update.traceparent))
            result = await self._result(context)
            if (task := asyncio.current_task()) is not None:
                # mutation: slot-free-after-calls
                self._leave(task, slot)
            with tracing.span(Work.TRANSACTION):
                await self.completer.write(result)
            span.note(verdict=result.attempt.verdict)
        _log.info("delivered", kind=kind, **_outcome(result.attempt))

    async def _result(self, context: DeliveryContext) -> DeliveryResult:
        """Deliver an update; returns what has to be recorded."""
        started, evidence = context.now(), context.evidence
        try:
            # mutation: confirmed-after-send
            outcome = await deliver.deliver(context)
        except Exception:  # noqa: BLE001 - logged; the loop must live on
            _log.exception("delivery_failed")
            # mutation: internal-error-before-send
            outcome = InternalError(
                failures.INTERNAL_ERROR, sent=evidence.wrote, snapshot=evidence.seen
            )
        try:
            return self._judged(context, outcome, started)
        except Exception:  # noqa: BLE001 - logged; without a result it would be tried for ever
            _log.exception("judging_failed")
            evidence.calls.clear()
            error = InternalError(failures.INTERNAL_ERROR, sent=evidence.wrote)
            return self._judged(context, error, started)

    def _judged(
        self, context: DeliveryContext, outcome: Outcome, started: datetime
    ) -> DeliveryResult:
        ended, evidence = context.now(), context.evidence
        outcome, calls = _public(context, outcome)
        update, policy = context.update, self.policy
        end = DeliveryEnd(
            ended, self.random(), doubt_ended=evidence.doubt_ended, read=evidence.was_read
        )
        fallback = InternalError(failures.INTERNAL_ERROR, sent=evidence.wrote)
        pause = attempt_log.pause(outcome)
        return DeliveryResult(
            update=update,
            step=retry_policy.next_step(update, outcome, policy, end),
            fallback_step=lambda: retry_policy.next_step(update, fallback, policy, end),
            quiet=policy.quiet_period,
            attempt=Attempt(
                id=self.new_id(update.store_id),
                poller=self.poller,
                started_at=started,
                ended_at=ended,
                verdict=attempt_log.verdict(outcome),
                detail=attempt_log.detail(outcome),
                calls=[attempt_log.call_json(call) for call in calls],
                traceparent=context.traceparent,
            ),
            snapshot=attempt_log.snapshot(outcome),
            read_at=evidence.read_at,
            returned=evidence.seen_return,
            link=evidence.link,
            reports=list(call_reports.report(update.store_id, evidence.calls, pause, ended)),
        )


def _facts(update: Claimed) -> dict[str, str | int | None]:
    """What log lines and spans of a delivery say that it is about."""
    return {
        "store_id": update.store_id,
        "order_id": None if update.order_id is None else str(update.order_id),
        "update_id": str(update.id),
        "request_id": update.request_id,
        "attempt": update.attempts,
    }


def _outcome(attempt: Attempt) -> dict[str, object]:
    """What the log says of a delivery, with the correlation ids of all its calls."""
    made = [each["correlation_id"] for each in attempt.calls]
    return {
        "verdict": attempt.verdict,
        "detail": attempt.detail,
        "seconds": round((attempt.ended_at - attempt.started_at).total_seconds(), 4),
        **({"correlation_id": " ".join(made)} if made else {}),
    }


def _public(context: DeliveryContext, outcome: Outcome) -> tuple[Outcome, list[Call]]:
    """Return an outcome and its calls without the buyer's words.

    Outside the fields that redaction removes, only a refusal may repeat them. Where the order was
    not read, any word of a refusal may be one.
    """
    evidence = context.evidence
    if not any(error_redaction.may_name(call) for call in evidence.calls):
        return outcome, evidence.calls
    if context.update.order_id is not None and not evidence.knows_buyer:
        # mutation: unread-order-message
        outcome = attempt_log.unnamed(outcome, evidence.calls)
        # mutation: unread-order-evidence
        return outcome, [error_redaction.without(call) for call in evidence.calls]
    private = evidence.private
    # mutation: buyer-in-refusal-message
    outcome = attempt_log.hidden(outcome, private)
    # mutation: buyer-in-refusal-evidence
    return outcome, [redaction.hide_in(call, private) for call in evidence.calls]
