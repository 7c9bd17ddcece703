"""/v1/orders: register, list, count, read, link to Commerce."""

from typing import Annotated
from uuid import UUID

from fastapi import Body, Depends, Response

from app.domain.errors import Unknown
from app.storage import queries
from app.storage.idempotency import StoredResponse
from app.storage.queries.views import OrderView
from app.usecases.imports import link_to_commerce, register
from app.usecases.imports.register import Registered
from app.web import pagination
from app.web.dependencies import Reading, RequestContext, Writing, answer, respond
from app.web.last_changes import LastChanges
from app.web.path_rules import MANY, PathRule
from app.web.route import OperationRouter
from app.web.v1 import examples
from app.web.v1.order_filters import OrderQuery, cursor_kind, seen_store
from app.web.v1.order_schemas import (
    OrderIn,
    OrderPatch,
    OrdersOut,
    SummaryOut,
    TimelineOut,
)
from app.web.v1.responses import problems, success

router = OperationRouter("/v1/orders", "orders", PathRule("/v1/orders", MANY))


def _card(count: int, time: str | None) -> dict[str, object]:
    return {"count": count, "at_least": False, "time": time}


_SUMMARY = {
    "open": 12,
    "partially_shipped": 3,
    "shipped": 480,
    "canceled": 5,
    "error": 1,
    "total": 501,
    "cards": {
        "open": _card(12, "2026-11-24T22:00:00Z"),
        "partially_shipped": _card(3, "2026-11-25T22:00:00Z"),
        "shipped": _card(480, "2026-11-23T09:58:00Z"),
        "canceled": _card(5, "2026-11-22T16:02:00Z"),
        "error": _card(1, "2026-11-23T09:08:00Z"),
        "ship_soon": _card(2, "2026-11-23T13:12:00Z"),
        "late": _card(0, None),
        "cancel_requested": _card(1, "2026-11-23T09:12:00Z"),
        "sending": _card(4, "2026-11-23T09:59:22Z"),
        "without_commerce_order": _card(1, "2026-11-23T09:41:00Z"),
        "return_requested": _card(0, None),
    },
}


@router.post(
    "",
    operation_id="register_order",
    summary="Register an order",
    status_code=201,
    response_model=OrderView,
    responses=success(201, OrderView, examples.ORDER, "The order, new.", location=True)
    | success(200, OrderView, examples.ORDER, "The order, already registered.")
    | problems(
        "required",
        "invalid_quantity",
        "store_not_found",
        "commerce_items_differ",
        "order_differs",
        "commerce_order_taken",
        body=True,
    ),
)
async def register_order(
    context: Writing, body: Annotated[OrderIn, Body(examples=[examples.ORDER_IN])]
) -> Response:
    """Register an order that Commerce or an importer already has.

    The order is acknowledged at Walmart at once. The same order again returns 200, or with
    different content 409 `order_differs`.
    """
    store = context.store_of(body.store_id, "store")
    registration = body.to_registration()
    return await context.once(
        body,
        store,
        registered,
        lambda once: register.register(
            context.app, body.store_id, registration, actor=context.actor, once=once
        ),
    )


@router.get(
    "",
    operation_id="list_orders",
    summary="List orders",
    response_model=OrdersOut,
    responses=success(200, OrdersOut, {"data": [examples.ORDER], "next_cursor": None}, "A page.")
    | problems("cursor_invalid", "search_too_broad", "store_not_found"),
)
async def list_orders(
    context: Reading,
    query: Annotated[OrderQuery, Depends()],
    limit: pagination.Limit = 50,
    cursor: pagination.Cursor = None,
) -> Response:
    """List orders, the newest first unless `sort`, `ship_before` or `updated_since` is given.

    A page examines at most 500 orders where a filter has no index of its own. It may then have
    fewer orders than `limit`, or none: continue while `next_cursor` is not null.
    """
    wanted = query.filter(context)
    kind = cursor_kind(wanted)
    page = pagination.page(limit, cursor, kind)
    async with context.app.database.direct.reading() as session:
        found, after = await queries.orders(session, wanted, page)
    return respond(
        answer(200, OrdersOut(data=found, next_cursor=pagination.next_cursor(after, kind)))
    )


@router.get(
    "/summary",
    operation_id="summarize_orders",
    summary="Count orders by status and by what needs action",
    response_model=SummaryOut,
    responses=success(200, SummaryOut, _SUMMARY, "The counts.") | problems("store_not_found"),
)
async def summarize_orders(context: Reading, store_id: UUID | None = None) -> Response:
    """Count the orders of a store, or of all stores that the key may see."""
    return respond(answer(200, await counted(context, store_id)))


async def counted(context: RequestContext, store_id: UUID | None) -> SummaryOut:
    """The counts of the orders that the caller may see. Raises Unknown store."""
    seen = seen_store(context, store_id)
    now, soon = context.app.now(), context.app.ship_by_warning
    last: LastChanges = context.request.app.state.last_changes
    async with context.app.database.direct.reading() as session:
        counts = await queries.summary(session, seen)
        known = last.known(counts) if seen is None else {}
        cards = await queries.cards(session, seen, counts, now=now, soon=soon, known=known)
    if seen is None:
        times = {each: getattr(cards, each).time for each in ("shipped", "canceled", "error")}
        last.keep(times, counts)
    return SummaryOut(**counts, cards=cards)


@router.get(
    "/{order_id}",
    operation_id="get_order",
    summary="Get an order",
    response_model=OrderView,
    responses=success(200, OrderView, examples.ORDER, "The order.") | problems("order_not_found"),
)
async def get_order(context: Reading, order_id: UUID) -> Response:
    """Get an order: its units as confirmed by Walmart, its pending updates and its errors."""
    store = context.store_of(order_id)
    async with context.app.database.direct.reading() as session:
        view = await queries.order(session, store, order_id)
    if view is None:
        raise Unknown("order", order_id)
    return respond(answer(200, view))


@router.patch(
    "/{order_id}",
    operation_id="update_order",
    summary="Link an order to Commerce",
    response_model=OrderView,
    responses=success(200, OrderView, examples.ORDER, "The order.")
    | problems(
        "order_not_found",
        "unknown_field",
        "unknown_line",
        "line_repeated",
        "commerce_items_differ",
        "commerce_order_taken",
        body=True,
    ),
)
async def update_order(
    context: Writing,
    order_id: UUID,
    body: Annotated[OrderPatch, Body(examples=[{"commerce_order_number": "000000123"}])],
) -> Response:
    """Set the Commerce order that belongs to the order. Later shipments send its number to Walmart.

    `lines` link lines to items of the Commerce order. A composite product has several: name them in
    `commerce_items`, with `per_unit` where a unit has more than one.

    Webhooks and events of the Commerce order that arrived before are handled now.
    """
    context.store_of(order_id)
    view = await link_to_commerce.link(
        context.app,
        order_id,
        changes=body.model_dump(exclude_unset=True, exclude={"lines"}),
        items=body.items(),
        parts=body.parts(),
        actor=context.actor,
    )
    return respond(answer(200, view))


@router.get(
    "/{order_id}/timeline",
    operation_id="get_order_timeline",
    summary="Get the timeline of an order",
    response_model=TimelineOut,
    responses=success(200, TimelineOut, examples.TIMELINE, "The timeline.")
    | problems("order_not_found", "cursor_invalid"),
)
async def get_order_timeline(
    context: Reading, order_id: UUID, cursor: pagination.Cursor = None
) -> Response:
    """Get the events of an order, oldest first: accepted, attempted, settled, corrected.

    A page has at most 500 attempts and 500 other events, the newest ones first: `next_cursor` leads
    to the older ones.
    """
    store = context.store_of(order_id)
    before = pagination.page(1, cursor, "timeline").after
    async with context.app.database.direct.reading() as session:
        page = await queries.timeline(session, store, order_id, before)
    if not page.entries:
        raise Unknown("order", order_id)
    following = pagination.next_cursor(page.older, "timeline")
    return respond(answer(200, TimelineOut(data=page.entries, next_cursor=following)))


def registered(result: Registered) -> StoredResponse:
    """The answer to an order that was registered or imported."""
    status = 201 if result.created else 200
    order = result.order
    return answer(status, order, Location=f"/v1/orders/{order.id}")
