"""What is done to one member of a cause, by the use case that a person would use for it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.attention import AttentionCause, AttentionSource, GroupAction
from app.domain.errors import Conflict
from app.domain.orders.cancellation import Reason
from app.domain.orders.fixes import FixAction
from app.domain.orders.requests import CancelRequest, TrackingCorrection
from app.domain.orders.returns import RefundRequest
from app.domain.update import State
from app.storage import idempotency, queries
from app.storage.commerce.events import OPEN
from app.storage.idempotency import IdempotentRequest
from app.storage.imports import reconciliations
from app.storage.orders import repository, shipments
from app.storage.outbox import requeue
from app.storage.queries import AttentionMember
from app.storage.queries.views import CommerceEventView
from app.usecases import apply_fix
from app.usecases.apply_fix import Fixed
from app.usecases.attention.requests import FixRequest
from app.usecases.commerce_events import dismiss as dismiss_event
from app.usecases.commerce_events import replay
from app.usecases.context import AppContext
from app.usecases.imports import import_order
from app.usecases.orders import cancel, carrier_mapping, correct_tracking, refresh
from app.usecases.orders.refresh import Refreshed
from app.usecases.returns import refund
from app.usecases.updates import dismiss, retry
from app.usecases.updates.dismiss import Dismissed
from app.usecases.updates.retry import Retried
from app.usecases.walmart_reader import UNLIMITED, WalmartReader

CHANGED = "changed"
_CHANGED_TEXT = "It changed since you saw it."


@dataclass(frozen=True, slots=True)
class MemberFixed:
    """What will happen to a member."""

    will: str
    explanation: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Fixing:
    """A fix under way."""

    context: AppContext
    cause: AttentionCause
    action: GroupAction
    store: UUID
    given: FixRequest
    actor: str
    reader: WalmartReader = UNLIMITED
    once: IdempotentRequest | None = None
    """Under which a job keeps what became of a member."""

    def answered(self, with_: Callable[[Any], MemberFixed]) -> IdempotentRequest | None:
        """The key of a use case of which with_ says what became of the member."""
        return self.once and self.once.rendering(with_)


async def fix(fixing: Fixing, member: AttentionMember) -> MemberFixed:
    """Fix a member. Raises OrderError as its use case, and Conflict changed."""
    as_of = fixing.given.as_of
    # mutation: fix-of-a-changed-member
    if as_of is not None and member.changed_at > as_of:
        raise Conflict(CHANGED, _CHANGED_TEXT)
    return await _FIXES[fixing.action](fixing, member)


async def _try_again(fixing: Fixing, member: AttentionMember) -> MemberFixed:
    if fixing.cause.source == AttentionSource.COMMERCE_EVENT:
        return await _carry_out(fixing, member)
    retried = await retry.retry(
        fixing.context,
        member.id,
        override_cancel_request=False,
        actor=fixing.actor,
        once=fixing.answered(_retried),
        reader=fixing.reader,
    )
    return _retried(retried)


def _retried(done: Retried) -> MemberFixed:
    return MemberFixed(done.will, done.explanation, done.until)


async def _carry_out(fixing: Fixing, member: AttentionMember) -> MemberFixed:
    view = await replay.retry(
        fixing.context, member.id, actor=fixing.actor, once=fixing.answered(_carried_out)
    )
    return _carried_out(view)


def _carried_out(view: CommerceEventView) -> MemberFixed:
    detail = view.status_detail
    if view.state in OPEN and detail is not None:
        return MemberFixed("cannot_help", detail.message)
    return MemberFixed("queued", "Commerce's message is carried out.")


async def _give_address(fixing: Fixing, member: AttentionMember) -> MemberFixed:
    if fixing.cause.source == AttentionSource.COMMERCE_EVENT:
        return await _carry_out(fixing, member)
    context, done = fixing.context, MemberFixed("queued", "It goes out now with the address.")
    async with context.transaction(fixing.once) as connection:
        order = await repository.lock(connection, member.order_id or member.id)
        found = await requeue.find(connection, member.id)
        shipment = await shipments.of_update(connection, order.store_id, member.id)
        if found is None or shipment is None or found.state is not State.FAILED:
            raise Conflict(CHANGED, _CHANGED_TEXT)
        url = carrier_mapping.filled(fixing.given.tracking_url, shipment.tracking_number)
        await correct_tracking.correct_locked(
            connection,
            context,
            order,
            shipment.id,
            TrackingCorrection(tracking_url=url),
            actor=fixing.actor,
        )
        await idempotency.store(connection, fixing.once, done)
    context.wake()
    return done


async def _correct(fixing: Fixing, member: AttentionMember) -> MemberFixed:
    """Correct a shipment by what is known of it, or by the method that is given."""
    context, method = fixing.context, fixing.given.method_code
    action, changes = FixAction.CORRECT_TRACKING, {"method_code": method}
    if method is None:
        async with context.database.direct.reading() as session:
            view = await queries.update(session, fixing.cause.store_id, member.id)
        known = view.status_detail.fix if view and view.status_detail else None
        if known is None or known.needs:
            raise Conflict(CHANGED, _CHANGED_TEXT)
        action, changes = FixAction(known.action), known.changes
    fixed = await apply_fix.apply(
        context, member.id, action, changes, actor=fixing.actor, once=fixing.answered(_corrected)
    )
    return _corrected(fixed)


def _corrected(fixed: Fixed) -> MemberFixed:
    return MemberFixed("queued", fixed.explanation)


async def _dismiss(fixing: Fixing, member: AttentionMember) -> MemberFixed:
    note = fixing.given.note or ""
    if fixing.cause.source == AttentionSource.COMMERCE_EVENT:
        done = MemberFixed("done", "The message of Commerce is dismissed.")
        once = fixing.answered(lambda _: done)
        await dismiss_event.dismiss(
            fixing.context, member.id, note=note, actor=fixing.actor, once=once
        )
        return done
    dismissed = await dismiss.dismiss(
        fixing.context,
        member.id,
        note=note,
        actor=fixing.actor,
        once=fixing.answered(_dismissed),
        reader=fixing.reader,
    )
    return _dismissed(dismissed)


def _dismissed(done: Dismissed) -> MemberFixed:
    return MemberFixed("done", done.explanation, done.until)


async def _cancel(fixing: Fixing, member: AttentionMember) -> MemberFixed:
    done = MemberFixed("queued", "The cancellation goes to Walmart now.")
    request, once = CancelRequest(Reason.CUSTOMER_REQUEST), fixing.answered(lambda _: done)
    await cancel.cancel(fixing.context, member.id, request, actor=fixing.actor, once=once)
    return done


async def _refund(fixing: Fixing, member: AttentionMember) -> MemberFixed:
    done = MemberFixed("queued", "The refund goes to Walmart now.")
    once = fixing.answered(lambda _: done)
    await refund.refund(fixing.context, member.id, RefundRequest(), actor=fixing.actor, once=once)
    return done


async def _import(fixing: Fixing, member: AttentionMember) -> MemberFixed:
    number, done = member.number or "", MemberFixed("done", "The order is read.")
    once = fixing.answered(lambda _: done)
    await import_order.import_order(
        fixing.context, fixing.store, number, actor=fixing.actor, once=once
    )
    await _settled(fixing, number)
    return done


async def _accept_walmart(fixing: Fixing, member: AttentionMember) -> MemberFixed:
    if member.order_id is None:
        raise Conflict(CHANGED, _CHANGED_TEXT)
    refreshed = await refresh.refresh(
        fixing.context,
        member.order_id,
        actor=fixing.actor,
        accept_walmart=True,
        once=fixing.answered(_accepted),
        reader=fixing.reader,
    )
    if refreshed.refreshed:
        await _settled(fixing, member.number or "")
    return _accepted(refreshed)


def _accepted(done: Refreshed) -> MemberFixed:
    return MemberFixed("done" if done.refreshed else "cannot_help", done.explanation)


async def _settled(fixing: Fixing, number: str) -> None:
    """Take what was settled off the findings of the last comparison with Walmart."""
    if fixing.cause.source == AttentionSource.DRIFT:
        async with fixing.context.transaction() as connection:
            store_id, code = fixing.cause.store_id, fixing.cause.code
            await reconciliations.settled(connection, store_id, code, number)


_FIXES: dict[GroupAction, Callable[[Fixing, AttentionMember], Awaitable[MemberFixed]]] = {
    GroupAction.RETRY: _try_again,
    GroupAction.CORRECT: _correct,
    GroupAction.SET_METHOD: _correct,
    GroupAction.SET_TRACKING_URL: _give_address,
    GroupAction.SET_CANCELLATION_REASON: _carry_out,
    GroupAction.DISMISS: _dismiss,
    GroupAction.CANCEL: _cancel,
    GroupAction.REFUND: _refund,
    GroupAction.IMPORT: _import,
    GroupAction.ACCEPT_WALMART: _accept_walmart,
}
