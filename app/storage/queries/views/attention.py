"""What needs action: groups by cause, with what fixes all of a group."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.storage.queries.views.base import View


@dataclass(frozen=True, slots=True)
class AttentionMemberView(View):
    """One case of a cause."""

    id: UUID | None
    """The update, Commerce event, order or return. null for an order that Waybill does not have."""
    order_id: UUID | None
    number: str | None
    """The purchase order, RMA or SKU."""
    since: datetime
    deadline: datetime | None
    """When it costs money: the ship-by time, or when Walmart refunds by itself."""
    message: str | None


@dataclass(frozen=True, slots=True)
class AttentionFixView(View):
    """What fixes all cases of a cause."""

    action: str
    """What is done to each."""
    needs: tuple[str, ...]
    """Fields that the request must have."""
    url: str
    """Where the fix is made."""


@dataclass(frozen=True, slots=True)
class AttentionGroupView(View):
    """Everything that has one cause."""

    id: UUID
    """The same as long as the cause is."""
    kind: str
    """stops_store, costs_money, not_delivered or decision."""
    source: str
    """What the cases are: update, commerce_event, ship_by, return, cancel_request, lane, drift,
    unread_order, unreadable_order, unreadable_return or notifications."""
    store_id: UUID
    store_name: str
    operation: str | None
    """The kind of the updates, or what the Commerce events are about."""
    code: str
    value: str | None
    """The carrier or shipping method that was refused."""
    expected: str | None
    """The one that would be right, where that is known."""
    count: int
    """Exact up to 1,000; where several causes have many cases, up to fewer, at least 10."""
    at_least: bool
    """There are more than `count`."""
    oldest_at: datetime | None
    next_deadline: datetime | None
    message: str | None
    """Why, in the words of the oldest case."""
    sample: tuple[AttentionMemberView, ...]
    """The first 5 cases."""
    fix: AttentionFixView | None
    """null: each case needs a decision of its own."""
