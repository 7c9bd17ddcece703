"""What is read of an order for its pages, in one go."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.domain.errors import Unknown
from app.storage import queries
from app.storage.queries import KeysetPage, TimelinePage, UpdateFilter
from app.storage.queries.views import OrderView, UpdateView
from app.web import pagination
from app.web.page.context import PageContext

_MOST_UPDATES = 200
TIMELINE = "timeline"
"""The kind of its cursors."""


@dataclass(frozen=True, slots=True)
class OrderPageData:
    """What is read of an order for its page."""

    order: OrderView
    updates: Sequence[UpdateView]
    newest: TimelinePage
    """The newest part of the timeline."""
    shown: TimelinePage
    """The part of the timeline that the page shows."""


async def read_order(
    context: PageContext, order_id: UUID, cursor: str | None = None
) -> OrderPageData:
    """Read an order with its updates and its timeline. Raises Unknown, Invalid cursor_invalid.

    cursor: of an older part of the timeline, which is shown.
    """
    store = context.store_of(order_id)
    before = pagination.page(1, cursor, TIMELINE).after
    async with context.app.database.direct.reading() as session:
        order = await queries.order(session, store, order_id)
        if order is None:
            raise Unknown("order", order_id)
        wanted = UpdateFilter(store_id=store, order_id=order_id)
        updates, _ = await queries.updates(session, wanted, KeysetPage(_MOST_UPDATES))
        newest = await queries.timeline(session, store, order_id)
        shown = await queries.timeline(session, store, order_id, before) if before else newest
    return OrderPageData(order, updates, newest, shown)
