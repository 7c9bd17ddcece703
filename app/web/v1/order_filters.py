"""The query parameters of a list of orders."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import Query

from app.storage.queries import OrderFilter, OrderSort
from app.web.dependencies import RequestContext
from app.web.v1.fields import Text, Time


class OrderStatus(StrEnum):
    """The status of an order."""

    OPEN = "open"
    PARTIALLY_SHIPPED = "partially_shipped"
    SHIPPED = "shipped"
    CANCELED = "canceled"
    ERROR = "error"


class OpenSync(StrEnum):
    """A sync state of an order other than synced."""

    PENDING = "pending"
    RETRYING = "retrying"
    ERROR = "error"


class FulfilledBy(StrEnum):
    """The party that ships an order."""

    SELLER = "seller"
    WALMART = "walmart"


@dataclass(frozen=True, slots=True)
class OrderQuery:
    """The filters and the sort of a list of orders, as a request has them."""

    store_id: UUID | None = None
    status: Annotated[
        list[OrderStatus] | None,
        Query(max_length=5, description="Repeat it for several statuses."),
    ] = None
    q: Annotated[
        Text | None,
        Query(
            description="Prefix of an order number, SKU or tracking number, with at most 1,000 "
            "matches."
        ),
    ] = None
    updated_since: Annotated[
        Time | None,
        Query(
            description="Only orders changed since then; without `sort` the oldest change first."
        ),
    ] = None
    ship_before: Annotated[
        Time | None,
        Query(
            description="Only orders with unshipped units; without `sort` the earliest ship-by "
            "date first."
        ),
    ] = None
    late: Annotated[
        bool,
        Query(description="Only orders with unshipped units and a passed ship-by date."),
    ] = False
    ship_soon: Annotated[
        bool,
        Query(
            description="Only orders with unshipped units to ship within "
            "`WAYBILL_SHIP_BY_WARNING` from now."
        ),
    ] = False
    ordered_from: Annotated[Time | None, Query(description="Only orders placed then or later.")] = (
        None
    )
    ordered_to: Annotated[Time | None, Query(description="Only orders placed before then.")] = None
    sync: Annotated[
        list[OpenSync] | None,
        Query(max_length=3, description="Repeat it for several states."),
    ] = None
    code: Annotated[
        Text | None,
        Query(
            description="Only orders with this code in a status detail of an update, a Commerce "
            "event or the order itself. Add `status=error` where many orders have it."
        ),
    ] = None
    cancel_requested: Annotated[
        bool,
        Query(description="Only orders with unshipped units that the buyer asked to cancel."),
    ] = False
    return_requested: Annotated[
        bool,
        Query(description="Only orders with a return that is neither refunded nor closed."),
    ] = False
    without_commerce_order: Annotated[
        bool, Query(description="Only orders that are not linked to a Commerce order.")
    ] = False
    ship_method: Annotated[
        Text | None, Query(description="Only orders with this `ship_method`, such as Standard.")
    ] = None
    fulfilled_by: Annotated[
        FulfilledBy | None,
        Query(description="Only orders that the seller, or Walmart's own warehouses, ship."),
    ] = None
    sort: Annotated[
        OrderSort | None,
        Query(
            description="`newest`: by `ordered_at`. `ship_by`: orders with unshipped units first, "
            "the earliest ship-by date first. `updated`: the last change first. `attention`: "
            "orders that need action first, the earliest ship-by date first."
        ),
    ] = None

    def filter(self, context: RequestContext) -> OrderFilter:
        """The filter for the stores that the caller may see. Raises Unknown store."""
        before, since = self.ship_before, None
        now = context.app.now()
        if self.ship_soon:
            since, before = now, _earlier(before, now + context.app.ship_by_warning)
        if self.late:
            before = _earlier(before, now)
        return OrderFilter(
            store_id=seen_store(context, self.store_id),
            statuses=tuple(each.value for each in self.status or ()),
            q=self.q,
            updated_since=self.updated_since,
            ship_before=before,
            ship_from=since,
            ordered_from=self.ordered_from,
            ordered_to=self.ordered_to,
            sync=tuple(each.value for each in self.sync or ()),
            code=self.code,
            cancel_requested=self.cancel_requested,
            return_requested=self.return_requested,
            without_commerce_order=self.without_commerce_order,
            ship_method=self.ship_method,
            fulfilled_by=self.fulfilled_by,
            sort=self.sort,
        )


def seen_store(context: RequestContext, store_id: UUID | None) -> int | None:
    """The store that a list is limited to; None means every store. Raises Unknown store."""
    if store_id is None:
        return context.caller.store_id
    return context.store_of(store_id, "store")


def cursor_kind(wanted: OrderFilter) -> str:
    """The name of a list and its sort in a cursor."""
    return _KINDS[wanted.order]


_KINDS = {
    "newest": "orders",
    "changed": "orders.updated",
    "leaving": "orders.ship_by",
    "updated": "orders.last_changed",
    "ship_by": "orders.ship_by_first",
    "attention": "orders.attention",
}


def _earlier(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else min(one, other)
