"""Quotas: how many updates of each due group the rate limits allow now."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.outbox.claim_state import ClaimState
from app.domain.outbox.due_group import DueGroup
from app.domain.outbox.rate_limits import (
    READ_FIRST,
    WRITTEN_TO,
    Capacity,
    Endpoint,
    capacity,
    lanes_for,
    with_own_cap,
)
from app.domain.update import Kind

_NO_CAPS: Mapping[Endpoint, float] = {}
_NO_CALLS: Mapping[Endpoint, int] = {}


@dataclass(frozen=True, slots=True)
class Quota:
    """How many updates of a group may go now."""

    group: DueGroup
    lane: Endpoint
    """The lane that the calls are counted for."""
    calls: int
    may_write: bool
    """False means that the lane of the writes has no capacity: only a read can settle now."""
    retry_at: datetime | None
    """When a lane without capacity has some again. None means after the next answer."""


def quotas(
    groups: Sequence[DueGroup], state: ClaimState, caps: Mapping[Endpoint, float], limit: int
) -> list[Quota]:
    """Return the quota of each group, ambiguous groups first; a later group gets what is left."""
    found: list[Quota] = []
    used: Counter[Endpoint] = Counter()
    for group in sorted(groups, key=lambda each: not each.ambiguous):
        of_group = quota(group, state, caps, used)
        found.append(of_group)
        for lane in lanes_of(group.kind, group.ambiguous):
            # mutation: open-circuit-across-kinds
            used[lane] += min(of_group.calls, limit)
    return found


def quota(
    group: DueGroup,
    state: ClaimState,
    caps: Mapping[Endpoint, float] = _NO_CAPS,
    used: Mapping[Endpoint, int] = _NO_CALLS,
) -> Quota:
    """Return the quota of one group. used: calls that other groups take from each lane."""

    def left(endpoint: Endpoint) -> Capacity:
        # mutation: calls-in-flight
        in_flight = sum(
            n for (kind, doubt), n in state.in_flight.items() if endpoint in lanes_of(kind, doubt)
        )
        lane = state.lanes[endpoint]
        free = capacity(lane, in_flight, state.at)
        capped = with_own_cap(lane, free, caps.get(endpoint), state.at)
        return Capacity(max(capped.calls - used.get(endpoint, 0), 0), capped.retry_at)

    writing = WRITTEN_TO[group.kind]
    if group.ambiguous and not left(writing).calls and writing is not Endpoint.COMMERCE:
        tightest = min(left(Endpoint.ALL), left(Endpoint.READ), key=lambda each: each.calls)
        retry_at = left(writing).retry_at or tightest.retry_at
        return Quota(group, Endpoint.READ, tightest.calls, may_write=False, retry_at=retry_at)
    tightest = min(
        (left(each) for each in lanes_of(group.kind, group.ambiguous)), key=lambda each: each.calls
    )
    return Quota(group, writing, tightest.calls, may_write=True, retry_at=tightest.retry_at)


def lanes_of(kind: Kind, ambiguous: bool) -> list[Endpoint]:
    """Return every lane that an update of a group uses."""
    return lanes_for(kind, reads=ambiguous or kind in READ_FIRST)
