"""What is read of an order for its pages, in one go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.domain.errors import Unknown
from app.storage import queries
from app.storage.queries import KeysetPage, UpdateFilter
from app.storage.queries.views import AttemptView, OrderView, TimelineEntry, UpdateView
from app.web.page.context import PageContext

_MOST_UPDATES = 200


@dataclass(frozen=True, slots=True)
class OrderPageData:
    """What is read of an order for its page."""

    order: OrderView
    updates: Sequence[UpdateView]
    entries: Sequence[TimelineEntry]
    attempts: Mapping[UUID, Sequence[AttemptView]]


async def read_order(context: PageContext, order_id: UUID) -> OrderPageData:
    """Read an order with its updates, timeline and tries. Raises Unknown."""
    store = context.store_of(order_id)
    async with context.app.database.direct.reading() as session:
        order = await queries.order(session, store, order_id)
        if order is None:
            raise Unknown("order", order_id)
        wanted = UpdateFilter(store_id=store, order_id=order_id)
        updates, _ = await queries.updates(session, wanted, KeysetPage(_MOST_UPDATES))
        entries = await queries.timeline(session, store, order_id)
        attempts = await queries.attempts_of_order(session, store, order_id)
    return OrderPageData(order, updates, entries, attempts)
