"""Orders: cards, filters in the address, search, and the list with what to do about each."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from fastapi import Response

from app.domain.errors import Invalid
from app.domain.orders.shipping import METHOD_CODES
from app.domain.orders.tracking_key import tracking_key
from app.storage import queries
from app.storage.queries.views import OrderView
from app.web import pagination
from app.web.page import order_cards, order_chips, order_list, saved_views
from app.web.page.context import PageContext, PageReading
from app.web.page.order_list import COLUMNS, PER_PAGE, SORTS, OrdersAddress
from app.web.page.order_rows import STATUSES, row_of
from app.web.page.route import PageRouter
from app.web.v1.order_filters import cursor_kind
from app.web.v1.orders import counted

router: Final = PageRouter()


@router.get("/orders")
async def orders(context: PageReading) -> Response:
    """The list of orders. A search with one exact hit opens the order."""
    shown = order_list.read(context.request.query_params, context.viewer.zone)
    found: Sequence[OrderView] = ()
    cursor, too_broad = None, False
    try:
        found, cursor = await _page(context, shown)
    except Invalid as error:
        if error.code == "cursor_invalid":
            return context.redirect(context.link("/orders", **shown.parameters()))
        too_broad = True
    if set(shown.filters) == {"q"} and len(found) == 1 and _exact(found[0], shown.filters["q"][0]):
        return context.redirect(context.link(f"/orders/{found[0].id}"))
    summary = await counted(context, context.store.id if context.store else None)
    newer = shown.newer()
    cards = order_cards.groups(summary.cards, shown)
    return context.render(
        "orders.html",
        shown=shown,
        rows=[row_of(each, context) for each in found],
        views=saved_views.links(context, shown),
        chips=order_chips.chips(shown, context.viewer),
        groups=cards,
        well=bool(summary.total) and not context.attention and order_cards.is_well(cards),
        total=summary.total,
        too_broad=too_broad,
        older=context.link("/orders", **shown.older(cursor)) if cursor else "",
        newer=context.link("/orders", **newer) if newer is not None else "",
        sorts=SORTS,
        columns=COLUMNS,
        statuses=STATUSES,
        methods=sorted(METHOD_CODES),
    )


async def _page(
    context: PageContext, shown: OrdersAddress
) -> tuple[Sequence[OrderView], str | None]:
    """Raises Invalid search_too_broad, or cursor_invalid for an address of an earlier version."""
    wanted = shown.query.filter(context)
    if context.store is not None:
        wanted = replace(wanted, store_id=context.store.store_id)
    kind = cursor_kind(wanted)
    page = pagination.page(PER_PAGE, shown.cursor, kind)
    async with context.app.database.direct.reading() as session:
        found, after = await queries.orders(session, wanted, page)
    return found, pagination.next_cursor(after, kind)


def _exact(order: OrderView, text: str) -> bool:
    """Whether a text is a whole number, SKU or tracking number of an order."""
    numbers = (order.purchase_order_id, order.commerce_order_number, order.customer_order_id)
    tracking = tracking_key(text)
    return (
        text in numbers
        or any(line.sku.casefold() == text.casefold() for line in order.lines)
        or any(tracking_key(each.tracking_number) == tracking for each in order.shipments)
    )
