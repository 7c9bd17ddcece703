"""How much of what is due may go now, by the lanes that it needs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.outbox.claim_state import Look
from app.domain.outbox.due_group import Group
from app.domain.outbox.rate_limits import READ_FIRST, WRITTEN_TO, Endpoint, Room, capped, room, ways
from app.domain.update import Kind

_NO_CAPS: Mapping[Endpoint, float] = {}
_NOTHING_GIVEN: Mapping[Endpoint, int] = {}


@dataclass(frozen=True, slots=True)
class Share:
    """How many updates of a group may go now, by which lane they are counted.

    may_write: False where the writing lane bears nothing, so that it can only be settled by
    reading now.
    """

    group: Group
    lane: Endpoint
    calls: int
    may_write: bool
    again_at: datetime | None


def shares(
    groups: Sequence[Group], seen: Look, caps: Mapping[Endpoint, float], limit: int
) -> list[Share]:
    """How much of each group may go: those in doubt first, each by what others leave of a lane."""
    found: list[Share] = []
    given: Counter[Endpoint] = Counter()
    for group in sorted(groups, key=lambda each: not each.ambiguous):
        mine = share(group, seen, caps, given)
        found.append(mine)
        for way in ways_of(group.kind, group.ambiguous):
            given[way] += min(mine.calls, limit)
    return found


def share(
    group: Group,
    seen: Look,
    caps: Mapping[Endpoint, float] = _NO_CAPS,
    given: Mapping[Endpoint, int] = _NOTHING_GIVEN,
) -> Share:
    """How much of a group may go by the lanes that it needs; given: calls that others take."""

    def left(endpoint: Endpoint) -> Room:
        busy = sum(
            n for (kind, unsure), n in seen.under_way.items() if endpoint in ways_of(kind, unsure)
        )
        lane = seen.lanes[endpoint]
        own = capped(lane, room(lane, busy, seen.at), caps.get(endpoint), seen.at)
        return Room(max(own.calls - given.get(endpoint, 0), 0), own.again_at)

    writing = WRITTEN_TO[group.kind]
    if group.ambiguous and not left(writing).calls and writing is not Endpoint.COMMERCE:
        rooms = [left(Endpoint.ALL), left(Endpoint.READ)]
        tightest = min(rooms, key=lambda each: each.calls)
        again_at = left(writing).again_at or tightest.again_at
        return Share(group, Endpoint.READ, tightest.calls, may_write=False, again_at=again_at)
    tightest = min(
        (left(each) for each in ways_of(group.kind, group.ambiguous)), key=lambda each: each.calls
    )
    return Share(group, writing, tightest.calls, may_write=True, again_at=tightest.again_at)


def ways_of(kind: Kind, ambiguous: bool) -> list[Endpoint]:
    """Every lane that an update of a group takes."""
    return ways(kind, reads=ambiguous or kind in READ_FIRST)
