"""What a flow decides by: the claimed update, what was loaded with it, its lease, its evidence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.commerce.client import CommerceClient
from app.domain.commerce_connection import CommerceConnection
from app.domain.orders import reservation
from app.domain.orders.order import Order, Task
from app.domain.orders.returns import RefundItem, Return
from app.domain.outbox import doubt
from app.domain.outbox.claimed_update import Claimed
from app.domain.seller_credentials import SellerCredentials
from app.domain.update import State
from app.walmart.client import WalmartClient
from app.worker.delivery.evidence import Evidence
from app.worker.delivery.lease import Lease


@dataclass(frozen=True, slots=True)
class ClaimData:
    """What is loaded with a claim of one store's updates."""

    account: SellerCredentials
    orders: Mapping[UUID, Order]
    asked_at: float
    """Monotonic time right before the claim: the lease begins no earlier."""
    at: float
    """Monotonic time right after the claim."""
    stale: frozenset[UUID] = frozenset()
    """Updates that are not delivered, such as stock levels that a newer value replaced."""
    returned: Mapping[UUID, tuple[Return, tuple[RefundItem, ...]]] = field(default_factory=dict)
    """By refund: the return, and the items to refund."""
    commerce_connection: CommerceConnection | None = None
    """The store's Commerce. None means that it is not connected, or that no update needs it."""
    others_until: Mapping[UUID, datetime] = field(default_factory=dict)
    """By update: until when another value may overwrite what it writes (doubt.py)."""
    equal_notes: Mapping[UUID, int] = field(default_factory=dict)
    """By note: other notes of the order in Commerce that have the same text."""


@dataclass(slots=True)
class DeliveryContext:
    """A claimed update on its way."""

    update: Claimed
    claim: ClaimData
    walmart: WalmartClient
    commerce: CommerceClient
    quiet_period: float
    """Seconds after an unclear write until a read may show that it had no effect."""
    lease: Lease
    evidence: Evidence = field(default_factory=Evidence)
    traceparent: str | None = None
    """Of the delivery's span. None means that it is not traced."""
    _orders: dict[State, Order] = field(default_factory=dict, init=False, repr=False)
    """The order by the state of the update, computed once."""

    @property
    def order(self) -> Order:
        """The order that the update is about, with the update in the state before its claim.

        Once a write may have left, the update counts as being sent.
        """
        state = State.SENDING if self.evidence.wrote else self.update.claimed_from
        if state not in self._orders:
            if self.update.order_id is None:
                raise LookupError(f"update {self.update.id} is of no order")
            order = self.claim.orders[self.update.order_id]
            self._orders[state] = reservation.with_state(order, {self.update.id: state})
        return self._orders[state]

    @property
    def task(self) -> Task:
        """The update as the rules see it."""
        task = self.order.task(self.update.id)
        if task is None:
            raise LookupError(f"update {self.update.id} is not one of its order's")
        return task

    @property
    def account(self) -> SellerCredentials:
        """The store's keys at Walmart."""
        return self.claim.account

    @property
    def returned(self) -> Return:
        """The return that a refund answers."""
        return self.claim.returned[self.update.id][0]

    @property
    def refund_items(self) -> tuple[RefundItem, ...]:
        """The items to refund."""
        return self.claim.returned[self.update.id][1]

    @property
    def others_until(self) -> datetime | None:
        """Until when another value may overwrite this one. None means that none is under way."""
        return self.claim.others_until.get(self.update.id)

    @property
    def in_doubt(self) -> bool:
        """Whether an earlier try may still take effect."""
        return self.update.in_doubt_until is not None and not self.evidence.doubt_ended

    def now(self) -> datetime:
        """Return the database's time, as far as this host knows it."""
        return self.lease.now()

    def ends_doubt(self, read_at: datetime, unsure_until: datetime | None = None) -> bool:
        """Return whether a read that began at read_at shows that no earlier try takes effect.

        unsure_until: until when what it shows may be another update's (readback.ambiguous_until).
        """
        self.evidence.was_read = True
        until = doubt.latest([self.update.in_doubt_until, unsure_until])
        if self.update.in_doubt_until is not None and doubt.in_doubt_at(until, read_at):
            return False
        self.evidence.doubt_ended = True
        return True
