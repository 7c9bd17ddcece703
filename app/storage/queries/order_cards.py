"""Counts of orders: by status, kept as orders change, and of what needs action, up to a limit."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from app.domain.orders.order import ERROR
from app.storage.orders import counts as order_counts
from app.storage.orders.repository import OrderKey
from app.storage.postgres import sql
from app.storage.postgres.query import Reader
from app.storage.postgres.session import Row
from app.storage.postgres.sharding import is_sharded
from app.storage.queries import index_scan, order_candidates, order_lists
from app.storage.queries.index_scan import KeyRange
from app.storage.queries.order_candidates import Part
from app.storage.queries.order_filter import STATUSES, UNSHIPPED, UNSHIPPED_STATUSES, OrderFilter
from app.storage.queries.order_phases import CHANGED_OF_STATUS, LEAVING
from app.storage.queries.views import OrderCardsView, OrderCardView

MOST = 1000
"""Orders of a card that are counted by an index of their own."""
MOST_CHECKED = 100
"""Updates and returns of which the orders are counted one by one."""
_SENDING = ("pending", "retrying")
_LEAVING = sql.load("queries/count_leaving.sql", unshipped=UNSHIPPED, limit=str(MOST + 1))
_NO_TIMES: Mapping[str, datetime] = {}


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
    known: Mapping[str, datetime] = _NO_TIMES,
) -> OrderCardsView:
    """The cards above the list of orders.

    counts: what `summary` returned. soon: how long before its ship-by date an order is to be
    shipped soon. known: times of statuses that need not be read.
    """
    times = {
        each: known.get(each) or await _first(reader, store_id, each) if counts[each] else None
        for each in STATUSES
    }
    return OrderCardsView(
        **{
            status: OrderCardView(counts[status], at_least=False, time=times[status])
            for status in STATUSES
        },
        late=await _leaving(reader, store_id, None, now),
        ship_soon=await _leaving(reader, store_id, now, now + soon),
        cancel_requested=await _counted(reader, order_candidates.cancel_requested(store_id)),
        sending=await _sending(reader, store_id),
        without_commerce_order=await _counted(
            reader, order_candidates.unshipped_without_commerce(store_id)
        ),
        return_requested=await _return_requested(reader, store_id),
    )


async def _first(reader: Reader, store_id: int | None, status: str) -> datetime | None:
    """The earliest ship-by date of a status, or its earliest change (error) or last one."""
    scan = LEAVING
    if status not in UNSHIPPED_STATUSES[:2]:
        scan = replace(CHANGED_OF_STATUS, descending=status != ERROR)
    part = KeyRange(1, store_id, ((True, False), (status,)))
    _, first = await index_scan.count(reader, scan, part)
    return first


async def _leaving(
    reader: Reader, store_id: int | None, since: datetime | None, until: datetime
) -> OrderCardView:
    """Orders with unshipped units and a ship-by date in this range."""
    if store_id is not None or await is_sharded(reader):
        return await _counted(reader, order_candidates.leaving(store_id, since, until))
    (row,) = await _LEAVING.fetch(reader, {"since": since or index_scan.NEVER, "until": until})
    return _card(row["count"], row["first"])


async def _counted(reader: Reader, part: Part) -> OrderCardView:
    scan, keys = part
    return _card(*await index_scan.count(reader, scan, replace(keys, limit=MOST + 1)))


def _card(count: int, first: datetime | None) -> OrderCardView:
    return OrderCardView(min(count, MOST), at_least=count > MOST, time=first)


async def _sending(reader: Reader, store_id: int | None) -> OrderCardView:
    """Orders with an update under way, as the list has them: without a failed one beside."""
    rows, more = await _oldest(reader, order_candidates.with_updates(store_id))
    times: dict[OrderKey, datetime] = {}
    for row in rows:
        if row["id"] is not None:
            times.setdefault((row["store_id"], row["id"]), row["key"])
    wanted = OrderFilter(store_id, sync=_SENDING)
    kept = await order_lists.among(reader, wanted, list(times))
    first = min((times[each] for each in kept), default=None)
    return OrderCardView(len(kept), at_least=more, time=first)


async def _return_requested(reader: Reader, store_id: int | None) -> OrderCardView:
    """Orders with a return that is neither refunded nor closed."""
    rows, more = await _oldest(reader, order_candidates.open_returns(store_id))
    orders = await order_candidates.orders_of(reader, rows)
    return OrderCardView(len(orders), at_least=more, time=min(orders.values(), default=None))


async def _oldest(reader: Reader, part: Part) -> tuple[Sequence[Row], bool]:
    """The first MOST_CHECKED rows, and whether there are more."""
    scan, keys = part
    rows = await index_scan.page(reader, scan, replace(keys, limit=MOST_CHECKED + 1))
    return rows[:MOST_CHECKED], len(rows) > MOST_CHECKED
