"""Applies the fix of a failed update: a correction of its shipment, a retry or a dismissal.

The caller names the action that it saw. Where the update needs another one meanwhile, nothing is
done.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from app.domain.errors import Conflict, Invalid, Problem, Unknown
from app.domain.ids import store_of
from app.domain.orders.fixes import FixAction
from app.domain.orders.requests import TrackingCorrection
from app.domain.update import State
from app.storage import idempotency, queries
from app.storage.idempotency import IdempotentRequest
from app.storage.orders import repository
from app.storage.postgres.database import Connection
from app.storage.queries.views import UpdateView, View
from app.usecases.context import AppContext
from app.usecases.orders import correct_tracking
from app.usecases.updates import dismiss, retry

_CORRECTS = frozenset({FixAction.CORRECT_TRACKING, FixAction.SET_TRACKING_URL})
OF_UPDATES = _CORRECTS | {FixAction.RETRY, FixAction.DISMISS}
"""The actions that settle an update; all others are requests of their own."""


@dataclass(frozen=True, slots=True)
class Fixed(View):
    """What a fix did to an update."""

    action: str
    explanation: str
    update: UpdateView


async def apply(
    context: AppContext,
    update_id: UUID,
    action: FixAction,
    changes: Mapping[str, Any],
    *,
    actor: str,
    once: IdempotentRequest | None = None,
) -> Fixed:
    """Apply a fix to a failed update. changes: the fields of the fix, and those it needs.

    Raises Unknown, Invalid, Conflict fix_changed, and what the action itself raises.
    """
    if action in _CORRECTS:
        return await _correct(context, update_id, action, changes, actor=actor, once=once)
    async with context.transaction(once) as connection:
        _check(await _view(connection, update_id), action)
    if action is FixAction.RETRY:
        override = changes.get("override_cancel_request") is True
        return await _retry(context, update_id, override=override, actor=actor, once=once)
    note = changes.get("note")
    if not isinstance(note, str) or not note.strip():
        raise _required("note")
    return await _dismiss(context, update_id, note, actor=actor, once=once)


async def _correct(
    context: AppContext,
    update_id: UUID,
    action: FixAction,
    changes: Mapping[str, Any],
    *,
    actor: str,
    once: IdempotentRequest | None,
) -> Fixed:
    known = {each.name for each in fields(TrackingCorrection)}
    given = {name: value for name, value in changes.items() if name in known and value}
    if not given:
        raise _required("changes")
    async with context.transaction(once) as connection:
        found = await _view(connection, update_id)
        _check(found, action)
        if found.order_id is None:
            raise Unknown("order", update_id)
        order = await repository.lock(connection, found.order_id)
        # Another person may have acted before the lock.
        _check(await _view(connection, update_id), action)
        shipment = await queries.shipment_of_update(connection, order.store_id, order.id, update_id)
        if shipment is None:
            raise Unknown("shipment", update_id)
        correction = TrackingCorrection(**given)
        await correct_tracking.correct_locked(
            connection, context, order, shipment.id, correction, actor=actor
        )
        view = await _view(connection, update_id)
        text = "Walmart is read first; then the shipment goes out once, with the new values."
        fixed = Fixed(str(action), text, view)
        await idempotency.store(connection, once, fixed)
    context.wake()
    return fixed


async def _retry(
    context: AppContext,
    update_id: UUID,
    *,
    override: bool,
    actor: str,
    once: IdempotentRequest | None,
) -> Fixed:
    done = await retry.retry(
        context,
        update_id,
        override_cancel_request=override,
        actor=actor,
        once=once and once.rendering(_of_retry),
    )
    return _of_retry(done)


async def _dismiss(
    context: AppContext,
    update_id: UUID,
    note: str,
    *,
    actor: str,
    once: IdempotentRequest | None,
) -> Fixed:
    done = await dismiss.dismiss(
        context, update_id, note=note, actor=actor, once=once and once.rendering(_of_dismissal)
    )
    return _of_dismissal(done)


def _of_retry(done: retry.Retried) -> Fixed:
    return Fixed(str(FixAction.RETRY), done.explanation, done.update)


def _of_dismissal(done: dismiss.Dismissed) -> Fixed:
    return Fixed(str(FixAction.DISMISS), done.explanation, done.update)


def _check(update: UpdateView, action: FixAction) -> None:
    """Raise Conflict where the update does not need this action."""
    details = update.line_details or tuple(filter(None, [update.status_detail]))
    needed = {each.fix.action for each in details if each.fix is not None}
    # mutation: fix-of-another-trouble
    if update.state != State.FAILED or action not in needed:
        message = "The update needs another fix now, or none: read it again."
        raise Conflict("fix_changed", message)


async def _view(connection: Connection, update_id: UUID) -> UpdateView:
    number = store_of(update_id)
    found = None if number is None else await queries.update(connection, number, update_id)
    if found is None:
        raise Unknown("update", update_id)
    return found


def _required(name: str) -> Invalid:
    message = f"A value of {name} is needed."
    return Invalid("required", message, [Problem("required", message, f"/changes/{name}")])
