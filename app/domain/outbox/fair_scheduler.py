"""Whose turn it is in a poller: stores with something due, and how many slots each may take.

Stores are served one after the other, the one that was served longest ago first, so that a store
with a single update never waits for one with thousands. Pure: times are the caller's.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from app.domain.outbox.due_group import DueGroup, SlotKey
from app.domain.outbox.rate_limits import COMMERCE_CALLS
from app.domain.update import TOLD_COMMERCE, Kind

# Stores share the slots; none has more than this, or two fifths of them, under way at once.
FAIR_SHARE = 20
# One slot in so many is kept for the time when many of the others are held for long, and then for
# stores that have fewer than FEW under way.
RESERVE = 4
FEW = 2
# Commerces that hang, of all stores together, never take more than one slot in so many.
COMMERCE_SHARE = 4
# As many updates are taken of a store that was only announced: mostly it is one, and slots that a
# claim might use are no other's meanwhile.
ANNOUNCED = 4
# One claim takes updates of so many stores at most. What needs more than a claim to be known of
# before it goes out (returns, stock, the store's Commerce) has a claim of its own.
TOGETHER = 25
ALONE = TOLD_COMMERCE | {Kind.INVENTORY, Kind.REFUND}
# Seconds in which a store whose lanes bear nothing is not tried again, at most.
LONGEST_REST = 2.0


@dataclass(frozen=True, slots=True)
class SlotBudget:
    """A poller's slots: how many there are, and who has them.

    busy counts those in use by place, used all of them, telling_commerce those in use for any
    store's Commerce. stuck: many of them have been in use for some time.
    """

    concurrency: int
    busy: Mapping[SlotKey, int]
    used: int
    busy_with_commerce: int
    stuck: bool

    @classmethod
    def of(cls, concurrency: int, busy: Mapping[SlotKey, int], *, stuck: bool) -> "SlotBudget":
        """Count what is in use."""
        notifier = sum(number for (_, commerce), number in busy.items() if commerce)
        return cls(concurrency, busy, sum(busy.values()), notifier, stuck)

    @property
    def free(self) -> int:
        """How many nobody has."""
        return self.concurrency - self.used

    def with_turn(self, place: SlotKey, share: int) -> "SlotBudget":
        """What is left when a store has taken its share."""
        busy = Counter(self.busy)
        busy[place] += share
        return SlotBudget.of(self.concurrency, busy, stuck=self.stuck)

    def share(self, place: SlotKey) -> int:
        """How many of them a store may take now: never all, whatever it has due."""
        busy = self.busy.get(place, 0)
        kept = self.concurrency // RESERVE
        if place[1]:
            # The last slots are for Walmart.
            of_all = max(1, self.concurrency // COMMERCE_SHARE)
            return min(COMMERCE_CALLS - busy, of_all - self.busy_with_commerce, self.free - kept)
        fair = max(1, min(FAIR_SHARE, self.concurrency * 2 // 5))
        # Several that hang at once would fill all slots between them: the last ones are for
        # stores that have next to nothing under way. While the others come and go, a store gets
        # more at once by waiting its turn among them.
        last = FEW - busy if self.stuck else 0
        return min(fair - busy, self.free, max(self.free - kept, last))


@dataclass(frozen=True, slots=True)
class Turn:
    """A store that may claim now, the groups of its updates that are due, and how many it may."""

    place: SlotKey
    groups: list[DueGroup]
    share: int

    @property
    def alone(self) -> bool:
        """Whether its claim may take long."""
        return any(each.kind in ALONE for each in self.groups)


@dataclass(slots=True)
class FairScheduler:
    """Stores with something due, as a look found them or an announcement named them."""

    _due: dict[SlotKey, list[DueGroup]] = field(default_factory=dict)
    # Those whose turn it is: one claim of a store at a time.
    _claiming: set[SlotKey] = field(default_factory=set)
    # Those of which only an announcement is known, not how much they have.
    _announced: set[SlotKey] = field(default_factory=set)
    # Until when a lane of a store bears nothing, by the caller's clock.
    _resting: dict[SlotKey, float] = field(default_factory=dict)
    # When each was served last, as a count.
    _served: dict[SlotKey, int] = field(default_factory=dict)
    _count: int = 0

    def __bool__(self) -> bool:
        """Whether any store has something due."""
        return bool(self._due)

    def found(self, groups: Iterable[DueGroup], now: float) -> float:
        """Take in what a look found; answers seconds until more of it is due (inf: nothing)."""
        self._resting = {place: until for place, until in self._resting.items() if until > now}
        due: dict[SlotKey, list[DueGroup]] = defaultdict(list)
        later = math.inf
        for group in sorted(groups, key=lambda each: each.due_in):
            wait = max(group.due_in, self._resting.get(group.place, now) - now)
            if wait <= 0:
                due[group.place].append(group)
            else:
                later = min(later, wait)
        order = sorted(due, key=lambda place: (self._served.get(place, 0), place))
        self._due = {place: due[place] for place in order}
        self._announced.clear()
        self._served = {place: at for place, at in self._served.items() if place in due}
        return later

    def told(self, store_id: int, kind: Kind) -> None:
        """Take in that a store has something due of a kind, which nobody has tried yet."""
        group = DueGroup(store_id, kind, ambiguous=False, due_in=0.0)
        if group.place not in self._due:
            self._announced.add(group.place)
        groups = self._due.setdefault(group.place, [])
        if all((each.kind, each.ambiguous) != (kind, False) for each in groups):
            groups.append(group)

    def anything(self) -> None:
        """Take in that anything may be due, of stores too whose lanes bore nothing a moment ago."""
        self._resting.clear()

    def next(self, slots: SlotBudget) -> Turn | None:
        """The next store that may take any; None where none may."""
        return next(iter(self.batch(slots, 1)), None)

    def batch(
        self, slots: SlotBudget, most: int, *, together: bool = True, alone: bool = True
    ) -> list[Turn]:
        """The next stores that may take any, up to so many for one claim of all of them.

        together, alone: whether a claim of several may begin now, and one that may take long.
        """
        found: list[Turn] = []
        for place, groups in self._due.items():
            joins = all(each.kind not in ALONE for each in groups)
            if slots.free <= 0 or not (together if joins else alone and not found):
                continue
            share = 0 if place in self._claiming else slots.share(place)
            if place in self._announced:
                share = min(share, ANNOUNCED)
            if share > 0:
                found.append(Turn(place, groups, share))
                if len(found) >= most or not joins:
                    break
                slots = slots.with_turn(place, share)
        return found

    def begin(self, turn: Turn) -> None:
        """Let a store claim; it has no other turn until this one has ended."""
        self._count += 1
        self._served[turn.place] = self._count
        self._announced.discard(turn.place)
        self._claiming.add(turn.place)
        del self._due[turn.place]

    def end(self, turn: Turn, taken: int, *, rest_until: float | None = None) -> None:
        """Note what a store took: its whole share, and it goes to the end; less, and it is done.

        rest_until: when its lanes bear something again, where they bore nothing.
        """
        self._claiming.discard(turn.place)
        if not taken and rest_until is not None:
            self._resting[turn.place] = rest_until
        if taken >= turn.share:
            self.again(turn)

    def again(self, turn: Turn) -> None:
        """Let a store have another turn, after all others; nobody knows what it has due."""
        self._announced.discard(turn.place)
        meanwhile = self._due.pop(turn.place, [])
        known = {(each.kind, each.ambiguous): each for each in (*turn.groups, *meanwhile)}
        self._due[turn.place] = list(known.values())
