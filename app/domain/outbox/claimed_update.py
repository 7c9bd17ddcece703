"""An update before it is inserted, and an update that a poller has claimed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.update import Kind, State, Target


@dataclass(frozen=True, slots=True)
class NewUpdate:
    """An update to insert."""

    store_id: int
    id: UUID
    kind: Kind
    subject: str
    """A purchase order number, or a SKU of the store."""
    sequence: int
    """Position in the queue of the subject."""
    order_id: UUID | None
    requested_by: str
    payload: Mapping[str, Any]
    target: Target = Target.WALMART

    @property
    def queue(self) -> "Subject":
        """The queue of the update."""
        return self.store_id, self.target.value, self.subject


@dataclass(frozen=True, slots=True)
class Claimed:
    """An update that this poller holds until the lease ends. Times are the database's."""

    store_id: int
    id: UUID
    order_id: UUID | None
    kind: Kind
    subject: str
    payload: Mapping[str, Any]
    attempts: int
    retries: int
    """Deliveries in a row after which the wait grew; the exponent of the backoff."""
    reads: int
    """Reads since the last write without a clear answer."""
    ambiguous: bool
    """An earlier try may have taken effect, so Walmart is read before a write."""
    in_doubt_until: datetime | None
    """When a read may end the doubt (doubt.py). None means that there is no doubt."""
    faults: int
    """Deliveries in a row that ended with an exception of Waybill's own."""
    failing_for: float
    """Seconds of failing tries that reached Walmart; the update gives up by this figure."""
    failing_since: datetime | None
    """When the last of those tries ended. None means that the last try did not fail so."""
    created_at: datetime
    lease_token: UUID
    leased_until: datetime
    claimed_from: State
    claimed_at: datetime
    may_write: bool = True
    """The rate limits allow a write. Without one, only a read can settle the update."""
    request_id: str | None = None
    """Of the request that asked for it. None means that Waybill made it by itself."""
    traceparent: str | None = None
    """Of that request (W3C Trace Context). None means that it had none."""


# Store, target and subject: the key of a queue, in which updates go out one after the other.
Subject = tuple[int, str, str]
