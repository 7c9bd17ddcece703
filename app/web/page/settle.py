"""/updates/{update_id}/settle and /retry: end a change that failed, or try it again."""

from uuid import UUID

from fastapi import Response

from app.domain.errors import Conflict, Invalid, Problem, Unknown
from app.storage import queries
from app.storage.idempotency import StoredResponse
from app.storage.queries.views import OrderView, UpdateView
from app.usecases.updates import dismiss, retry
from app.usecases.updates.dismiss import Dismissed
from app.usecases.updates.retry import Retried
from app.web.dry_runs import rehearse
from app.web.page import act_words, acts, refusals
from app.web.page.context import PageContext, PageWriting
from app.web.page.route import PageRouter
from app.web.page.ship import order_of
from app.web.page.ship_form import text_of
from app.web.v1.update_schemas import DismissIn, RetryIn

router = PageRouter()


@router.get("/updates/{update_id}/settle")
async def settle_page(context: PageWriting, update_id: UUID) -> Response:
    """Ask what a person did about it."""
    return await _settling(context, await _update(context, update_id))


@router.post("/updates/{update_id}/settle")
async def settle(context: PageWriting, update_id: UUID) -> Response:
    """End the change, and say what Walmart shows of it."""
    update, note = await _update(context, update_id), text_of(context.form, "note")
    if not note:
        missing = Problem("required", "A note is needed.", "/note")
        return await _settling(context, update, [missing], 422)
    body = DismissIn(note=note)

    def settled(found: Dismissed) -> StoredResponse:
        return context.redirected(
            _back(context, update), notice=act_words.settled(context.viewer, found)
        )

    try:
        return await acts.act(
            context,
            body,
            update_store(context, update),
            settled,
            lambda once: dismiss.dismiss(
                context.app, update_id, note=note, actor=context.actor, once=once
            ),
        )
    except (Conflict, Invalid) as error:
        return await _settling(context, update, acts.problems_of(error), 409)


@router.get("/updates/{update_id}/retry")
async def retry_page(context: PageWriting, update_id: UUID) -> Response:
    """Read Walmart, and say what a retry will do."""
    return await _retrying(context, await _update(context, update_id))


@router.post("/updates/{update_id}/retry")
async def retry_update(context: PageWriting, update_id: UUID) -> Response:
    """Retry the change."""
    update = await _update(context, update_id)
    body = RetryIn(override_cancel_request="anyway" in context.form)

    def retried(found: Retried) -> StoredResponse:
        return context.redirected(
            _back(context, update), notice=act_words.retried(context.viewer, found)
        )

    try:
        return await acts.act(
            context,
            body,
            update_store(context, update),
            retried,
            lambda once: retry.retry(
                context.app,
                update_id,
                override_cancel_request=body.override_cancel_request,
                actor=context.actor,
                once=once,
            ),
        )
    except (Conflict, Invalid) as error:
        return await _retrying(context, update, acts.problems_of(error), 409)


def update_store(context: PageContext, update: UpdateView) -> int:
    """The number of the store of an update."""
    return context.store_of(update.id, "update")


async def _update(context: PageContext, update_id: UUID) -> UpdateView:
    store = context.store_of(update_id, "update")
    async with context.app.database.direct.reading() as session:
        view = await queries.update(session, store, update_id)
    if view is None:
        raise Unknown("update", update_id)
    return view


async def _order(context: PageContext, update: UpdateView) -> OrderView | None:
    return await order_of(context, update.order_id) if update.order_id else None


def _back(context: PageContext, update: UpdateView) -> str:
    return context.link(f"/orders/{update.order_id}" if update.order_id else "/attention")


async def _settling(
    context: PageContext,
    update: UpdateView,
    refused: list[Problem] | None = None,
    status: int = 200,
) -> Response:
    return await _render(context, "settle.html", update, refused or [], status)


async def _retrying(
    context: PageContext,
    update: UpdateView,
    refused: list[Problem] | None = None,
    status: int = 200,
) -> Response:
    override = "anyway" in context.form
    found = await rehearse(
        retry.retry(
            context.app.rehearsing(),
            update.id,
            override_cancel_request=override,
            actor=context.actor,
        )
    )
    values = {"retried": found.result, "override": override, "said": act_words.retried}
    problems = refused or list(found.problems)
    return await _render(context, "retry.html", update, problems, status, **values)


async def _render(
    context: PageContext,
    template: str,
    update: UpdateView,
    refused: list[Problem],
    status: int,
    **values: object,
) -> Response:
    order = await _order(context, update)
    return context.render(
        template,
        status=status,
        update=update,
        order=order,
        kind=act_words.KINDS[update.kind],
        number=_number(order, update),
        note=text_of(context.form, "note"),
        fields={each.pointer: each for each in refused if each.pointer},
        general=[each for each in refused if not each.pointer],
        sentence=refusals.sentence,
        back=_back(context, update),
        **values,
    )


def _number(order: OrderView | None, update: UpdateView) -> int:
    """The number of the package that the update is about; 0 if it is about none."""
    shipments = order.shipments if order else ()
    for number, each in enumerate(shipments, start=1):
        if update.id in {each.update.id, each.correction.id if each.correction else None}:
            return number
    return 0
