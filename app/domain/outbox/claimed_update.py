"""An update to be written, and one that a poller has claimed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.update import Kind, State, Target


@dataclass(frozen=True, slots=True)
class NewUpdate:
    """An update to append. subject is a purchase order number (or a SKU of the store)."""

    store_id: int
    id: UUID
    kind: Kind
    subject: str
    sequence: int
    order_id: UUID | None
    requested_by: str
    payload: Mapping[str, Any]
    target: Target = Target.WALMART

    @property
    def place(self) -> "Subject":
        """The queue it stands in."""
        return self.store_id, self.target.value, self.subject


@dataclass(frozen=True, slots=True)
class Claimed:
    """An update in this poller's hands until its lease ends. Times are the database's.

    ambiguous: Walmart is read before anything is sent. in_doubt_until: see domain/outbox/doubt.py.
    faults: deliveries in a row that an exception of our own ended.
    """

    store_id: int
    id: UUID
    order_id: UUID | None
    kind: Kind
    subject: str
    payload: Mapping[str, Any]
    attempts: int
    retries: int
    reads: int
    ambiguous: bool
    in_doubt_until: datetime | None
    faults: int
    failing_for: float
    failing_since: datetime | None
    created_at: datetime
    lease_token: UUID
    leased_until: datetime
    claimed_from: State
    claimed_at: datetime
    # Whether its lane bears a write; without one it can only be settled by reading.
    may_write: bool = True


Subject = tuple[int, str, str]
