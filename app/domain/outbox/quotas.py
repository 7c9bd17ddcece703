"""How much of what is due may go now, by the lanes that it needs."""

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
_NOTHING_GIVEN: Mapping[Endpoint, int] = {}


@dataclass(frozen=True, slots=True)
class Quota:
    """How many updates of a group may go now, by which lane they are counted.

    may_write: False where the writing lane bears nothing, so that it can only be settled by
    reading now.
    """

    group: DueGroup
    lane: Endpoint
    calls: int
    may_write: bool
    again_at: datetime | None


def quotas(
    groups: Sequence[DueGroup], seen: ClaimState, caps: Mapping[Endpoint, float], limit: int
) -> list[Quota]:
    """How much of each group may go: those in doubt first, each by what others leave of a lane."""
    found: list[Quota] = []
    given: Counter[Endpoint] = Counter()
    for group in sorted(groups, key=lambda each: not each.ambiguous):
        mine = quota(group, seen, caps, given)
        found.append(mine)
        for way in lanes_of(group.kind, group.ambiguous):
            given[way] += min(mine.calls, limit)
    return found


def quota(
    group: DueGroup,
    seen: ClaimState,
    caps: Mapping[Endpoint, float] = _NO_CAPS,
    given: Mapping[Endpoint, int] = _NOTHING_GIVEN,
) -> Quota:
    """How much of a group may go by the lanes that it needs; given: calls that others take."""

    def left(endpoint: Endpoint) -> Capacity:
        busy = sum(
            n for (kind, unsure), n in seen.under_way.items() if endpoint in lanes_of(kind, unsure)
        )
        lane = seen.lanes[endpoint]
        own = with_own_cap(lane, capacity(lane, busy, seen.at), caps.get(endpoint), seen.at)
        return Capacity(max(own.calls - given.get(endpoint, 0), 0), own.again_at)

    writing = WRITTEN_TO[group.kind]
    if group.ambiguous and not left(writing).calls and writing is not Endpoint.COMMERCE:
        rooms = [left(Endpoint.ALL), left(Endpoint.READ)]
        tightest = min(rooms, key=lambda each: each.calls)
        again_at = left(writing).again_at or tightest.again_at
        return Quota(group, Endpoint.READ, tightest.calls, may_write=False, again_at=again_at)
    tightest = min(
        (left(each) for each in lanes_of(group.kind, group.ambiguous)), key=lambda each: each.calls
    )
    return Quota(group, writing, tightest.calls, may_write=True, again_at=tightest.again_at)


def lanes_of(kind: Kind, ambiguous: bool) -> list[Endpoint]:
    """Every lane that an update of a group takes."""
    return lanes_for(kind, reads=ambiguous or kind in READ_FIRST)
