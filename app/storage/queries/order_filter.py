"""What a list of orders may be filtered by and sorted by, and each filter as a condition in SQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.domain.orders.order import ERROR, FulfillmentStatus
from app.storage.postgres import sql

STATUSES = (*(status.value for status in FulfillmentStatus), ERROR)
# The possible statuses of an order with unshipped units.
UNSHIPPED_STATUSES = (
    FulfillmentStatus.OPEN.value,
    FulfillmentStatus.PARTIALLY_SHIPPED.value,
    ERROR,
)
# In the words of the indexes (tables/order_tables.py), without which they are not used.
UNSHIPPED = "t.fulfillment_status IN ('open', 'partially_shipped')"
WITHOUT_COMMERCE = "t.commerce_order_number IS NULL AND t.commerce_order_id IS NULL"
CANCEL_REQUESTED = f"{UNSHIPPED} AND t.cancel_requested IS NOT NULL"
ATTENTION = (
    "(t.status = 'error' OR t.commerce_open = 'refused'"
    f" OR ({UNSHIPPED} AND (t.cancel_requested IS NOT NULL OR t.ship_by_warned_at IS NOT NULL)))"
)
"""A person has something to do: an error, a refused Commerce event, a request to cancel, or a
ship-by date that is near or passed."""

SYNC_STATE = sql.read("queries/order_sync_state.sql")
_CODE = sql.read("queries/order_has_code.sql", unshipped=UNSHIPPED)


class OrderSort(StrEnum):
    """The order of a list."""

    NEWEST = "newest"
    """By the time of the order, the newest first; orders without a time come last."""
    SHIP_BY = "ship_by"
    """Orders with unshipped units first, by ship-by date; then all others, the newest first."""
    UPDATED = "updated"
    """The last change first."""
    ATTENTION = "attention"
    """Orders that need action first, by ship-by date; then all others, the newest first."""


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """A filter of orders. None and empty filter nothing. Times are aware."""

    store_id: int | None = None
    statuses: tuple[str, ...] = ()
    q: str | None = None
    updated_since: datetime | None = None
    """Without a sort: lists orders in the order of their last change, so that a reader can continue
    where it stopped."""
    ship_before: datetime | None = None
    """Lists only orders with unshipped units; without a sort the earliest ship-by date first."""
    without_commerce_order: bool = False
    """Lists only orders without a Commerce id and number."""
    ship_from: datetime | None = None
    """Only with ship_before: leaves out earlier ship-by dates."""
    ordered_from: datetime | None = None
    ordered_to: datetime | None = None
    """Before this time."""
    sync: tuple[str, ...] = ()
    cancel_requested: bool = False
    """Lists only orders with unshipped units that the buyer asked to cancel."""
    return_requested: bool = False
    ship_method: str | None = None
    fulfilled_by: str | None = None
    code: str | None = None
    """The code of a status detail of an update, of a Commerce event or of the order itself."""
    sort: OrderSort | None = None

    @property
    def order(self) -> str:
        """The sort, or else what a filter implies: changed (oldest change first) or leaving."""
        if self.ship_before is not None and self.sort == OrderSort.SHIP_BY:
            return "leaving"
        if self.sort is not None:
            return self.sort.value
        if self.updated_since is not None:
            return "changed"
        return "leaving" if self.ship_before is not None else OrderSort.NEWEST.value

    @property
    def possible(self) -> tuple[str, ...]:
        """The statuses that orders of the list may have."""
        unshipped = self.ship_before is not None or self.cancel_requested
        among = UNSHIPPED_STATUSES if unshipped else STATUSES
        return tuple(each for each in among if not self.statuses or each in self.statuses)

    def conditions(self) -> dict[str, str]:
        """The conditions of an order t by name; a sharding template each."""
        return {name: each for name, each in _CONDITIONS.items() if self._has(name)}

    def values(self) -> Mapping[str, Any]:
        """The parameters of the conditions."""
        return {
            name: list(value) if isinstance(value := getattr(self, name), tuple) else value
            for name in _CONDITIONS
        }

    def _has(self, name: str) -> bool:
        return getattr(self, name) not in {None, False, ()}


_CONDITIONS = {
    "statuses": "t.status = ANY(:statuses::text[])",
    "without_commerce_order": f"({WITHOUT_COMMERCE})",
    "updated_since": "t.updated_at >= :updated_since::timestamptz",
    "ship_before": f"({UNSHIPPED} AND t.ship_by < :ship_before::timestamptz)",
    "ship_from": "t.ship_by >= :ship_from::timestamptz",
    "ordered_from": "t.ordered_at >= :ordered_from::timestamptz",
    "ordered_to": "t.ordered_at < :ordered_to::timestamptz",
    "ship_method": "t.ship_method = :ship_method::text",
    "fulfilled_by": "t.fulfilled_by = :fulfilled_by::text",
    "cancel_requested": f"({CANCEL_REQUESTED})",
    "return_requested": sql.read("queries/order_has_open_return.sql"),
    "sync": f"{SYNC_STATE} = ANY(:sync::text[])",
    "code": _CODE,
}
