"""Whose turn it is in a poller: stores with something due, and how many slots each may take.

Stores are served one after the other, the one that was served longest ago first, so that a store
with a single update never waits for one with thousands. Pure: times are the caller's.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from app.orders.lane import COMMERCE_CALLS
from app.orders.update import Kind
from app.storage.claims import Group, Place

# Stores share the slots; none has more than this, or two fifths of them, under way at once.
FAIR_SHARE = 20
# One slot in so many is kept for the time when no other gets free, and then for stores that have
# fewer than FEW under way.
RESERVE = 4
FEW = 2
# Commerces that hang, of all stores together, never take more than one slot in so many.
COMMERCE_SHARE = 4


@dataclass(frozen=True, slots=True)
class Slots:
    """A poller's slots: how many there are, and who has them.

    busy counts those in use by place. stuck: none has become free for some time.
    """

    concurrency: int
    busy: Mapping[Place, int]
    stuck: bool

    @property
    def free(self) -> int:
        """How many nobody has."""
        return self.concurrency - sum(self.busy.values())

    def share(self, place: Place) -> int:
        """How many of them a store may take now: never all, whatever it has due."""
        busy = self.busy.get(place, 0)
        if place[1]:
            of_all = max(1, self.concurrency // COMMERCE_SHARE)
            telling = sum(number for (_, commerce), number in self.busy.items() if commerce)
            return min(COMMERCE_CALLS - busy, of_all - telling, self.free)
        fair = max(1, min(FAIR_SHARE, self.concurrency * 2 // 5))
        # Several that hang at once would fill all slots between them: the last ones are for
        # stores that have next to nothing under way. While the others come and go, a store gets
        # more at once by waiting its turn among them.
        kept = self.concurrency // RESERVE
        last = FEW - busy if self.stuck else 0
        return min(fair - busy, self.free, max(self.free - kept, last))


@dataclass(frozen=True, slots=True)
class Turn:
    """A store that may claim now, the groups of its updates that are due, and how many it may."""

    place: Place
    groups: list[Group]
    share: int


@dataclass(slots=True)
class Turns:
    """Stores with something due, as a look found them or an announcement named them."""

    _due: dict[Place, list[Group]] = field(default_factory=dict)
    # Those whose turn it is: one claim of a store at a time.
    _claiming: set[Place] = field(default_factory=set)
    # When each was served last, as a count.
    _served: dict[Place, int] = field(default_factory=dict)
    _count: int = 0

    def found(self, groups: Iterable[Group]) -> float:
        """Take in what a look found; answers seconds until more of it is due (inf: nothing)."""
        due: dict[Place, list[Group]] = defaultdict(list)
        later = math.inf
        for group in sorted(groups, key=lambda each: each.due_in):
            if group.due_in <= 0:
                due[group.place].append(group)
            else:
                later = min(later, group.due_in)
        order = sorted(due, key=lambda place: (self._served.get(place, 0), place))
        self._due = {place: due[place] for place in order}
        self._served = {place: at for place, at in self._served.items() if place in due}
        return later

    def told(self, store_id: int, kind: Kind) -> None:
        """Take in that a store has something due of a kind, which nobody has tried yet."""
        group = Group(store_id, kind, ambiguous=False, due_in=0.0)
        groups = self._due.setdefault(group.place, [])
        if all((each.kind, each.ambiguous) != (kind, False) for each in groups):
            groups.append(group)

    def next(self, slots: Slots) -> Turn | None:
        """The next store that may take any; None where none may."""
        for place, groups in self._due.items():
            share = 0 if place in self._claiming else slots.share(place)
            if share > 0:
                return Turn(place, groups, share)
        return None

    def begin(self, turn: Turn) -> None:
        """Let a store claim; it has no other turn until this one has ended."""
        self._count += 1
        self._served[turn.place] = self._count
        self._claiming.add(turn.place)
        del self._due[turn.place]

    def end(self, turn: Turn, taken: int) -> None:
        """Note what a store took: its whole share, and it goes to the end; less, and it is done."""
        self._claiming.discard(turn.place)
        if taken >= turn.share:
            meanwhile = self._due.pop(turn.place, turn.groups)
            self._due[turn.place] = max(meanwhile, turn.groups, key=len)
