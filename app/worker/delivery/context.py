"""One update on its way: what the poller hands to a delivery, and the clock it runs under."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from app.commerce.client import CommerceClient
from app.commerce.connection import CommerceConnection
from app.domain.orders import reservation
from app.domain.orders.order import Link, Order, Task
from app.domain.orders.returns import RefundItem, Return
from app.domain.orders.snapshot import OrderSnapshot
from app.domain.outbox import doubt
from app.domain.outbox.claimed_update import Claimed
from app.domain.outbox.retry_policy import RetryPolicy
from app.domain.update import State
from app.http_client.call import Call
from app.walmart.client import WalmartClient
from app.walmart.credentials import SellerCredentials
from app.walmart.errors import WalmartError
from app.walmart.returns import ReturnPage

# Beside Walmart's time-out, what must be left of a lease for a write and its recording.
WRITE_MARGIN = 10.0


class NamesBuyer(Protocol):
    """An answer that was read and that names the buyer."""

    @property
    def private(self) -> frozenset[str]:
        """The words of it that no evidence and no message may show."""


@dataclass(slots=True)
class DeliveryContext:
    """A claimed update with all that its delivery needs.

    monotonic is read right after the claim as well, so that the time since then is known whatever
    the host's clock says: times are the database's at the claim plus what has passed, and never
    ahead of the database's. What is left of the lease counts from before the statement that gave it
    (leased_monotonic), and is never less than is thought.
    renew holds the lease for another period; False when the update is no longer ours.
    """

    update: Claimed
    # None for a stock level that belongs to no order.
    of_order: Order | None
    account: SellerCredentials
    client: WalmartClient
    commerce: CommerceClient
    policy: RetryPolicy
    lease: float
    timeout: float
    monotonic: Callable[[], float]
    claimed_monotonic: float
    leased_monotonic: float
    renew: Callable[[], Awaitable[bool]]
    stopping: Callable[[], bool]
    # Of a refund: the return, what of it is wanted, and as Walmart showed it last.
    of_return: tuple[Return, tuple[RefundItem, ...]] | None = None
    seen_return: Return | None = None
    # The store's Commerce where it can be called, and the order that was found or made there.
    commerce_connection: CommerceConnection | None = None
    link: Link | None = None
    # Until when another value may still overwrite what this update writes (domain/outbox/doubt.py).
    others_until: datetime | None = None
    # Equal texts that Commerce has of the order's other notes.
    equal_notes: int = 0
    calls: list[Call] = field(default_factory=list)
    # The order as Walmart showed it last, in an answer to a call that began then.
    seen: OrderSnapshot | None = None
    read_at: datetime | None = None
    # A read of what the update is about came to an end.
    was_read: bool = False
    # A read, late enough, showed that no earlier try will take effect.
    doubt_ended: bool = False
    # Bytes of a write may have left whose answer says nothing, or was not judged yet.
    wrote: bool = False
    # Answers that this try has read and that name the buyer.
    readings: list[NamesBuyer] = field(default_factory=list, repr=False)
    # It is asked for again and again.
    _standing: dict[State, Order] = field(default_factory=dict, init=False, repr=False)

    @property
    def order(self) -> Order:
        """The order that the update is about, the update as it stood before its claim.

        Once a write has left, the update is under way.
        """
        state = State.SENDING if self.wrote else self.update.claimed_from
        if self.of_order is None:
            raise LookupError(f"update {self.update.id} is of no order")
        if state not in self._standing:
            states = {self.update.id: state}
            self._standing[state] = reservation.with_state(self.of_order, states)
        return self._standing[state]

    @property
    def private(self) -> frozenset[str]:
        """The buyer's words that this try has read; they are hidden in what is kept of it."""
        return frozenset[str]().union(*(each.private for each in self.readings))

    @property
    def knows_buyer(self) -> bool:
        """Whether an order was read; a return names the buyer, but no address."""
        return any(not isinstance(each, ReturnPage) and each.private for each in self.readings)

    @property
    def in_doubt(self) -> bool:
        """Whether an earlier try may still take effect."""
        return self.update.in_doubt_until is not None and not self.doubt_ended

    @property
    def returned(self) -> Return:
        """The return that a refund answers."""
        if self.of_return is None:
            raise LookupError(f"update {self.update.id} is of no return")
        return self.of_return[0]

    @property
    def refund_items(self) -> tuple[RefundItem, ...]:
        """What a refund wants."""
        return self.of_return[1] if self.of_return else ()

    @property
    def task(self) -> Task:
        """The update as the rules see it."""
        task = self.order.task(self.update.id)
        if task is None:
            raise LookupError(f"update {self.update.id} is not one of its order's")
        return task

    def keep_of(self, error: WalmartError) -> None:
        """Keep the evidence of a call that raised."""
        if error.call is not None:
            self.calls.append(error.call)

    def now(self) -> datetime:
        """The database's time, as far as this host can tell."""
        passed = self.monotonic() - self.claimed_monotonic
        return self.update.claimed_at + timedelta(seconds=passed)

    def ends_doubt(self, read_at: datetime, unsure_until: datetime | None = None) -> bool:
        """Whether a read that began then may be believed where it shows nothing of the update.

        unsure_until: until when what it shows may be another's (readback.ambiguous_until).
        """
        self.was_read = True
        until = doubt.latest([self.update.in_doubt_until, unsure_until])
        if self.update.in_doubt_until is not None and doubt.in_doubt_at(until, read_at):
            return False
        self.doubt_ended = True
        return True

    @property
    def overwritable_until(self) -> datetime | None:
        """Until when another value may overwrite this one; None where none can any more."""
        until = self.others_until
        return until if until is not None and until > self.now() else None

    async def may_write(self) -> bool:
        """Whether enough of the lease is left for a write; it is renewed where it is not."""
        asked_at = self.monotonic()
        left = self.lease - (asked_at - self.leased_monotonic)
        if left >= min(self.timeout + WRITE_MARGIN, self.lease):
            return True
        if self.stopping() or not await self.renew():
            return False
        self.leased_monotonic = asked_at
        return True
