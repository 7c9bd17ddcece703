"""Counts of orders: by status, kept as orders change, and of what needs action, at most 1,000."""

from datetime import datetime, timedelta

from app.storage.orders import counts as order_counts
from app.storage.postgres.query import Reader
from app.storage.queries import order_candidates, order_lists
from app.storage.queries.order_candidates import FewOrders
from app.storage.queries.order_filter import STATUSES, OrderFilter
from app.storage.queries.order_search import MOST
from app.storage.queries.views import OrderCardsView, OrderCardView

_SENDING = ("pending", "retrying")


async def summary(reader: Reader, store_id: int | None) -> dict[str, int]:
    """How many orders are in each status, of one store or of all, and in total."""
    counted = await order_counts.by_status(reader, store_id)
    counts = {status: counted.get(status, 0) for status in STATUSES}
    return counts | {"total": sum(counts.values())}


async def cards(
    reader: Reader,
    store_id: int | None,
    counts: dict[str, int],
    *,
    now: datetime,
    soon: timedelta,
) -> OrderCardsView:
    """The cards above the list of orders.

    counts: what `summary` returned. soon: how long before its ship-by date an order is to be
    shipped soon.
    """
    times = {each: await order_candidates.first(reader, store_id, each) for each in STATUSES}
    sending = await order_candidates.with_updates(reader, store_id)
    returned = await order_candidates.return_requested(reader, store_id)
    return OrderCardsView(
        **{
            status: OrderCardView(counts[status], at_least=False, time=times[status])
            for status in STATUSES
        },
        late=_card(await order_candidates.leaving(reader, store_id, None, now)),
        ship_soon=_card(await order_candidates.leaving(reader, store_id, now, now + soon)),
        cancel_requested=_card(await order_candidates.cancel_requested(reader, store_id)),
        sending=_card(await _as_listed(reader, OrderFilter(store_id, sync=_SENDING), sending)),
        without_commerce_order=_card(
            await order_candidates.unshipped_without_commerce(reader, store_id)
        ),
        return_requested=_card(returned),
    )


async def _as_listed(reader: Reader, wanted: OrderFilter, few: FewOrders) -> FewOrders:
    """Without those that the list leaves out, such as orders with a failed update beside."""
    kept = await order_lists.among(reader, wanted, list(few.times))
    return FewOrders({key: few.times[key] for key in kept}, few.all)


def _card(few: FewOrders) -> OrderCardView:
    count = min(len(few.times), MOST)
    return OrderCardView(count, at_least=not few.all, time=min(few.times.values(), default=None))
