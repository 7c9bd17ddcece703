"""/updates/{update_id}/fix: the one fix of a trouble; and changes in Commerce that were refused."""

import json
from typing import Any
from uuid import UUID

from fastapi import Response
from pydantic import ValidationError

from app.domain import db_limits
from app.domain.errors import Conflict, Invalid, NotAvailable, Problem, Unknown
from app.domain.orders.fixes import FixAction
from app.domain.orders.shipping import METHOD_CODES
from app.storage import queries
from app.storage.idempotency import StoredResponse
from app.storage.queries.views import CommerceEventView, StatusDetail, UpdateView
from app.usecases import apply_fix
from app.usecases.apply_fix import OF_UPDATES, Fixed
from app.usecases.commerce_events import dismiss as dismiss_event
from app.usecases.commerce_events import replay
from app.walmart.carriers import CARRIERS
from app.web.page import acts, refusals, words
from app.web.page.context import PageContext, PageWriting
from app.web.page.i18n import deferred
from app.web.page.route import PageRouter
from app.web.v1.update_schemas import DismissIn, FixChangesIn, FixIn

router = PageRouter()
_LONGEST_NOTE = 2000
_ON_ITS_WAY = deferred("It goes out now: Walmart is read first, then only what is missing is sent.")
_SETTLED = deferred("It is settled.")
_EVENT_AGAIN = deferred("The change in Commerce was tried again.")
_EVENT_REFUSED = deferred("The change in Commerce was tried again, and is still refused.")


@router.get("/updates/{update_id}/fix")
async def fix_page(context: PageWriting, update_id: UUID) -> Response:
    """What the fix will do, and the fields that it needs."""
    return _asked(context, *await _trouble(context, update_id))


@router.post("/updates/{update_id}/fix")
async def fix(context: PageWriting, update_id: UUID) -> Response:
    """Apply the fix."""
    update, detail = await _trouble(context, update_id)
    back = context.link(f"/orders/{update.order_id}" if update.order_id else "/attention")

    def done(fixed: Fixed) -> StoredResponse:
        text = _SETTLED if fixed.action == FixAction.DISMISS else _ON_ITS_WAY
        return context.redirected(back, notice=context.viewer.gettext(text))

    try:
        body = _body(context)
        return await acts.act(
            context,
            body,
            context.store_of(update_id, "update"),
            done,
            lambda once: apply_fix.apply(
                context.app,
                update_id,
                FixAction(body.action),
                body.changes.model_dump(exclude_none=True),
                actor=context.actor,
                once=once,
            ),
        )
    except (Conflict, Invalid, NotAvailable) as error:
        problems = error.problems or (Problem(error.code, str(error)),)
        status = 422 if isinstance(error, Invalid) else 409
        return _asked(context, update, detail, problems=problems, status=status)


@router.post("/commerce-events/{event_id}/retry")
async def retry_event(context: PageWriting, event_id: UUID) -> Response:
    """Handle a refused webhook or event of Commerce again."""
    event = await _event(context, event_id)

    def done(view: CommerceEventView) -> StoredResponse:
        text = _EVENT_REFUSED if view.state == "refused" else _EVENT_AGAIN
        return context.redirected(_back(context, event), notice=context.viewer.gettext(text))

    return await acts.act(
        context,
        None,
        context.store_of(event_id, "commerce event"),
        done,
        lambda once: replay.retry(context.app, event_id, actor=context.actor, once=once),
    )


@router.get("/commerce-events/{event_id}/settle")
async def settle_event_page(context: PageWriting, event_id: UUID) -> Response:
    """Ask how a person settled it."""
    return _event_asked(context, await _event(context, event_id))


@router.post("/commerce-events/{event_id}/settle")
async def settle_event(context: PageWriting, event_id: UUID) -> Response:
    """End a webhook or event of Commerce that a person settled."""
    event = await _event(context, event_id)
    note = str(context.form.get("note", "")).strip()
    if not note or len(note) > _LONGEST_NOTE or not db_limits.is_storable(note):
        return _event_asked(context, event, problem="required", status=422)
    body = DismissIn(note=note)

    def done(view: CommerceEventView) -> StoredResponse:
        del view
        text = context.viewer.gettext(_SETTLED)
        return context.redirected(_back(context, event), notice=text)

    try:
        return await acts.act(
            context,
            body,
            context.store_of(event_id, "commerce event"),
            done,
            lambda once: dismiss_event.dismiss(
                context.app, event_id, note=note, actor=context.actor, once=once
            ),
        )
    except Conflict as error:
        return _event_asked(context, event, problem=error.code, status=409)


async def _trouble(context: PageContext, update_id: UUID) -> tuple[UpdateView, StatusDetail | None]:
    """An update and its first trouble with a fix; None where nothing is to be fixed any more."""
    store = context.store_of(update_id, "update")
    async with context.app.database.direct.reading() as session:
        update = await queries.update(session, store, update_id)
    if update is None:
        raise Unknown("update", update_id)
    details = update.line_details or tuple(filter(None, [update.status_detail]))
    fixable = [each for each in details if each.fix and each.fix.action in OF_UPDATES]
    return update, fixable[0] if fixable else None


def _body(context: PageContext) -> FixIn:
    """The form as the body of the API. Raises Invalid."""
    given: dict[str, Any] = {}
    try:
        given = dict(json.loads(str(context.form.get("changes", "{}"))))
        for name in FixChangesIn.model_fields:
            typed = context.form.get(name)
            if isinstance(typed, str) and typed.strip():
                given[name] = typed.strip()
        return FixIn.model_validate({"action": context.form.get("action"), "changes": given})
    except (ValidationError, ValueError, TypeError, RecursionError) as error:
        raise Invalid("invalid", str(error)) from error


def _asked(
    context: PageContext,
    update: UpdateView,
    detail: StatusDetail | None,
    *,
    problems: tuple[Problem, ...] = (),
    status: int = 200,
) -> Response:
    said = words.said(detail, context.viewer) if detail else None
    return context.render(
        "fix.html",
        status=status,
        update=update,
        detail=detail,
        said=said,
        problems={each.pointer.rpartition("/")[2]: each for each in problems},
        sentence=refusals.sentence,
        changes=json.dumps(detail.fix.changes if detail and detail.fix else {}),
        typed=context.form,
        carriers=CARRIERS,
        methods=METHOD_CODES,
    )


async def _event(context: PageContext, event_id: UUID) -> CommerceEventView:
    store = context.store_of(event_id, "commerce event")
    async with context.app.database.read() as connection:
        event = await queries.commerce_event(connection, store, event_id)
    if event is None:
        raise Unknown("commerce event", event_id)
    return event


def _back(context: PageContext, event: CommerceEventView) -> str:
    return context.link(f"/orders/{event.order_id}" if event.order_id else "/attention")


def _event_asked(
    context: PageContext, event: CommerceEventView, *, problem: str = "", status: int = 200
) -> Response:
    said = words.said(event.status_detail, context.viewer) if event.status_detail else None
    return context.render(
        "settle_event.html",
        status=status,
        event=event,
        said=said,
        problem=problem,
        refusal=refusals.refusal,
        note=context.form.get("note", ""),
    )
