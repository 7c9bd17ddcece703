"""What a person gives to fix a cause."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class FixRequest:
    """What a person gives to fix a cause."""

    tracking_url: str | None = None
    """An address with {tracking_number}, for the carrier that has none."""
    reason: str | None = None
    """The store's default reason of a cancellation."""
    method_code: str | None = None
    """The shipping method with which the shipments go out."""
    note: str | None = None
    """Why the members are dismissed."""
    as_of: datetime | None = None
    """When the caller saw the cause. None means now."""
