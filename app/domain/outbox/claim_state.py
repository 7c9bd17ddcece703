"""The state that a claim is based on: rate limits, calls in flight, claim counter."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.outbox.rate_limits import Endpoint, Lane
from app.domain.update import Kind


@dataclass(frozen=True, slots=True)
class ClaimState:
    """A store as a claim finds it. at: the time that its lanes go by.

    claims: how many of its claims there were; one more, and this is outdated. access: a row with
    its Walmart credentials, still sealed.
    """

    lanes: Mapping[Endpoint, Lane]
    at: datetime
    under_way: Mapping[tuple[Kind, bool], int]
    claims: int
    access: Mapping[str, Any]
