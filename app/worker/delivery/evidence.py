"""The evidence of a delivery: its calls, and what their answers showed."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from app.commerce.client import CommerceOrder
from app.domain.orders.order import Link
from app.domain.orders.returns import Return
from app.domain.orders.snapshot import OrderSnapshot
from app.http_client.call import Call
from app.walmart.client import BuyerReply, WalmartReply
from app.walmart.returns import ReturnPage


class NamesBuyer(Protocol):
    """An answer that names the buyer."""

    @property
    def private(self) -> frozenset[str]:
        """The buyer's words in it, which no evidence and no message may contain."""


@dataclass(slots=True)
class Evidence:
    """What a delivery did and saw so far."""

    calls: list[Call] = field(default_factory=list)
    readings: list[NamesBuyer] = field(default_factory=list, repr=False)
    """Answers that name the buyer."""
    seen: OrderSnapshot | None = None
    """The order, as Walmart showed it last."""
    read_at: datetime | None = None
    """When the call began that showed `seen` (the database's time)."""
    seen_return: Return | None = None
    """The return of a refund, as Walmart showed it last."""
    link: Link | None = None
    """The order that was found or created in Commerce."""
    was_read: bool = False
    """The subject of the update was read at its target."""
    doubt_ended: bool = False
    """A read began late enough and showed that no earlier try will take effect."""
    wrote: bool = False
    """Bytes of a write may have left, and no answer has shown yet that it had no effect."""

    def keep(self, answer: object, began_at: datetime) -> None:
        """Keep what an answer shows. Commerce's client keeps the call of an answer itself."""
        # mutation: buyer-of-commerce-order
        # mutation: buyer-of-commerce-note
        match answer:
            case WalmartReply() | ReturnPage() | BuyerReply():
                self.calls.append(answer.call)
                # mutation: address-in-read-after-refusal
                self.readings.append(answer)
            case CommerceOrder():
                self.readings.append(answer)
            case Call():
                self.calls.append(answer)
        if isinstance(answer, WalmartReply) and answer.order is not None:
            self.seen, self.read_at = answer.order, began_at

    @property
    def private(self) -> frozenset[str]:
        """The buyer's words in all answers."""
        return frozenset[str]().union(*(each.private for each in self.readings))

    @property
    def knows_buyer(self) -> bool:
        """Whether an order was read. A return names the buyer too, but not the address."""
        # mutation: return-without-address
        return any(not isinstance(each, ReturnPage) and each.private for each in self.readings)
