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
from app.commerce.connection import Shop
from app.domain.errors import NotAvailable
from app.domain.orders.order import Order
from app.domain.orders.returns import RefundItem, Return
from app.domain.outbox import retry_policy
from app.domain.outbox.claimed_update import Claimed
from app.domain.outbox.delivery_result import Attempt, Result
from app.domain.outbox.due_group import Place, place_of
from app.domain.outbox.outcome import Fault, Outcome
from app.domain.outbox.retry_policy import End, Policy
from app.http_client import error_redaction, redaction
from app.http_client.call import Call
from app.storage.outbox import updates
from app.storage.postgres.database import Database
from app.walmart.client import WalmartClient
from app.walmart.credentials import Account
from app.worker.completer import Recorder
from app.worker.delivery import attempt_log, call_reports, deliver, walmart_outcomes
from app.worker.delivery.context import Errand

# Seconds after which a delivery counts as one that may take long.
STUCK_AFTER = 0.25
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms updates are delivered. Seconds: the lease, Walmart's time-out."""

    poller: str
    lease: float
    timeout: float
    policy: Policy


@dataclass(frozen=True, slots=True)
class Subject:
    """What an update is about, and in whose name it goes out.

    of_return: what a refund answers, and what of it is wanted. shop: the store's Commerce, where
    it is called.
    """

    account: Account
    order: Order | None
    of_return: tuple[Return, tuple[RefundItem, ...]] | None = None
    shop: Shop | None = None
    # See Errand.
    others_until: datetime | None = None
    equal_notes: int = 0


@dataclass(slots=True)
class Deliveries:
    """Carries claimed updates to Walmart, each in a task of its own.

    busy counts those under way; a place without one is not in it. freed is called when one has
    ended and is written down.
    """

    database: Database
    client: WalmartClient
    commerce: CommerceClient
    recorder: Recorder
    terms: Terms
    random: Callable[[], float]
    new_id: Callable[[int], UUID]
    monotonic: Callable[[], float]
    freed: Callable[[], None] = lambda: None
    busy: Counter[Place] = field(default_factory=Counter)
    # Each with when it began, the oldest first.
    _running: dict[asyncio.Task[None], float] = field(default_factory=dict)
    _stopping: bool = False

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._running)

    def start(self, update: Claimed, subject: Subject, asked_at: float, claimed_at: float) -> None:
        """Deliver an update; the monotonic time right before its claim, and right after."""
        errand = self._errand(update, subject, asked_at, claimed_at)
        task = asyncio.create_task(self._deliver(errand))
        self._running[task] = self.monotonic()
        place = place_of(update.store_id, update.kind)
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

    def _errand(self, update: Claimed, subject: Subject, asked_at: float, at: float) -> Errand:
        return Errand(
            update=update,
            of_order=subject.order,
            of_return=subject.of_return,
            shop=subject.shop,
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

    async def _deliver(self, errand: Errand) -> None:
        started = errand.now()
        try:
            outcome = await deliver.deliver(errand)
        except Exception:  # noqa: BLE001 - logged; the loop must live on
            _log.exception("delivery_failed", update_id=str(errand.update.id))
            outcome = Fault(walmart_outcomes.FAULT_OF_OURS, sent=errand.wrote, snapshot=errand.seen)
        try:
            result = self._judged(errand, outcome, started)
        except Exception:  # noqa: BLE001 - logged; without a result it would be tried for ever
            _log.exception("judging_failed", update_id=str(errand.update.id))
            errand.calls.clear()
            fault = Fault(walmart_outcomes.FAULT_OF_OURS, sent=errand.wrote)
            result = self._judged(errand, fault, started)
        await self.recorder.write(result)
        _log.info(
            "delivered",
            update_id=str(errand.update.id),
            kind=errand.update.kind.value,
            verdict=result.attempt.verdict,
            attempt=errand.update.attempts,
            detail=result.attempt.detail,
        )

    def _judged(self, errand: Errand, outcome: Outcome, started: datetime) -> Result:
        ended = errand.now()
        outcome, calls = _public(errand, outcome)
        update, policy = errand.update, self.terms.policy
        end = End(ended, self.random(), doubt_ended=errand.doubt_ended, read=errand.was_read)
        return Result(
            update=update,
            step=retry_policy.next_step(update, outcome, policy, end),
            unwritable=lambda: retry_policy.next_step(
                update, Fault(walmart_outcomes.FAULT_OF_OURS, sent=errand.wrote), policy, end
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
            read_at=errand.read_at,
            returned=errand.seen_return,
            link=errand.link,
            news=list(
                call_reports.news(update.store_id, errand.calls, attempt_log.pause(outcome), ended)
            ),
        )


def _public(errand: Errand, outcome: Outcome) -> tuple[Outcome, list[Call]]:
    """What a try came to and its calls, without what they tell of the buyer.

    Only an answer that refuses may repeat it elsewhere than in the fields that are removed. Where
    the order was not read, any word of a refusal may name the buyer.
    """
    if not any(error_redaction.may_name(call) for call in errand.calls):
        return outcome, errand.calls
    if errand.of_order is not None and not errand.knows_buyer:
        outcome = attempt_log.unnamed(outcome, errand.calls)
        return outcome, [error_redaction.without(call) for call in errand.calls]
    private = errand.private
    outcome = attempt_log.hidden(outcome, private)
    return outcome, [redaction.hide_in(call, private) for call in errand.calls]
