"""/orders/{order_id}: one order, what troubles it, and what Walmart has of it."""

from uuid import UUID

from fastapi import Response

from app.domain.errors import Conflict, NotAvailable
from app.storage.idempotency import StoredResponse
from app.usecases.imports.import_order import import_order
from app.usecases.imports.register import Registered
from app.usecases.orders import refresh
from app.usecases.orders.refresh import OrderAtWalmart
from app.version import VERSION
from app.web import pagination
from app.web.page import (
    acts,
    order_clock,
    order_state,
    order_timeline,
    order_troubles,
    refusals,
    sent,
    support_file,
)
from app.web.page.context import PageContext, PageReading, PageWriting
from app.web.page.i18n import deferred
from app.web.page.order_read import TIMELINE, OrderPageData, read_order
from app.web.page.route import PageRouter
from app.web.page.viewer import viewing

router = PageRouter()
PATH = "/orders/{order_id}"
_READ = deferred("The order was read from Walmart.")


@router.get(PATH)
async def order_page(
    context: PageReading, order_id: UUID, cursor: pagination.Cursor = None
) -> Response:
    """One order, with the newest part of its timeline or an older one."""
    return await _shown(context, await read_order(context, order_id, cursor))


@router.post(PATH)
async def read_now(context: PageWriting, order_id: UUID) -> Response:
    """Read the order from Walmart now, and show both sides.

    The answer is the page itself: what Walmart has is not stored beyond what settles the order.
    """
    problem, found = "", None
    try:
        context.store_of(order_id)
        found = await refresh.refresh(context.app, order_id, actor=context.actor)
    except (Conflict, NotAvailable) as error:
        problem = error.code
    return await _shown(
        context,
        await read_order(context, order_id),
        walmart=found.walmart if found else None,
        problem=problem,
        busy=found is not None and not found.refreshed,
    )


@router.post("/orders/{order_id}/import")
async def import_again(context: PageWriting, order_id: UUID) -> Response:
    """Read an order of which only its number is known."""
    order = (await read_order(context, order_id)).order

    def done(registered: Registered) -> StoredResponse:
        del registered
        return context.redirected(
            context.link(f"/orders/{order_id}"), notice=context.viewer.gettext(_READ)
        )

    try:
        return await acts.act(
            context,
            None,
            context.store_of(order_id),
            done,
            lambda once: import_order(
                context.app,
                order.store_id,
                order.purchase_order_id,
                actor=context.actor,
                once=once,
            ),
        )
    except (Conflict, NotAvailable) as error:
        read = await read_order(context, order_id)
        return await _shown(context, read, problem=error.code, status=409)


@router.get("/orders/{order_id}/support.txt")
async def support(context: PageReading, order_id: UUID) -> Response:
    """The file for a support case."""
    read = await read_order(context, order_id)
    text = "\n".join(support_file.lines(read, VERSION, context.app.now()))
    name = f"waybill-{read.order.purchase_order_id}.txt"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(f"{text}\n", headers=headers, media_type="text/plain; charset=utf-8")


async def _shown(
    context: PageContext,
    read: OrderPageData,
    *,
    walmart: OrderAtWalmart | None = None,
    problem: str = "",
    busy: bool = False,
    status: int = 200,
) -> Response:
    order, viewer = read.order, context.viewer
    by_id = {each.id: each for each in read.updates}
    with viewing(viewer):
        troubles = order_troubles.troubles(order, by_id, viewer)
        days = order_timeline.days(order, read.shown.entries, read.shown.attempts, viewer)
    older = pagination.next_cursor(read.shown.older, TIMELINE)
    here = f"/orders/{order.id}"
    return context.render(
        "order.html",
        status=status,
        order=order,
        state=order_state,
        lines=order_state.lines_of(order),
        names={each.line_number: each.name or each.sku for each in order.lines},
        troubles=troubles,
        sent_values=order_troubles.sent_values,
        clock=order_clock.clock(order, viewer.now),
        days=days,
        tries=read.newest.attempts,
        older=context.link(here, cursor=older) if older else "",
        newest="" if read.shown is read.newest else context.link(here),
        walmart=order_state.compared(order, walmart) if walmart else None,
        read_at=walmart.read_at if walmart else None,
        problem=problem,
        busy=busy,
        refusal=refusals.refusal,
        sent=sent.sent_packages(context, order),
        cancellation=sent.sent_cancellation(context, order),
    )
