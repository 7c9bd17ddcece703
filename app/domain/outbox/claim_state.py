"""The state of a store that a claim is based on: rate limits, calls in flight, claim counter."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.outbox.rate_limits import Endpoint, Lane
from app.domain.update import Kind


@dataclass(frozen=True, slots=True)
class ClaimState:
    """A store's state when a claim begins."""

    lanes: Mapping[Endpoint, Lane]
    at: datetime
    """The database's time of the read."""
    in_flight: Mapping[tuple[Kind, bool], int]
    """Updates that pollers hold, by kind and by whether they are ambiguous."""
    claims: int
    """Number of claims so far; the state is outdated once the store has one more."""
    access: Mapping[str, Any]
    """The store's row with its Walmart credentials, encrypted."""
