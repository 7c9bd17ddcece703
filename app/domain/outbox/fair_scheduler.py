"""Fair scheduler: which store a poller serves next, and how many slots that store may take.

Stores are served round robin, the one that was served longest ago first, so that a store with a
single update never waits for a store with thousands. Pure: times are arguments.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from app.domain.outbox.due_group import DueGroup, SlotKey
from app.domain.outbox.rate_limits import COMMERCE_CALLS
from app.domain.update import COMMERCE_KINDS, Kind

# The most slots that one store has in use; two fifths of the poller's slots if that is less.
FAIR_SHARE = 20
# One slot in RESERVE is kept free. When many others are held for long, it goes to stores that have
# fewer than FEW in use.
RESERVE = 4
FEW = 2
# The Commerces of all stores together use at most one slot in COMMERCE_SHARE.
COMMERCE_SHARE = 4
# The most and the least share of a store that is only known from a NOTIFY: mostly one update is
# due, and slots that a claim holds in advance are lost to other stores.
ANNOUNCED_SHARE, LEAST_ANNOUNCED = 4, 2
# The most stores in one claim.
CLAIM_STORES = 25
# Before an update of these kinds is sent, more is loaded or read (the return, the stock level, the
# store's Commerce). Such a store has a claim of its own.
SLOW_KINDS = COMMERCE_KINDS | {Kind.INVENTORY, Kind.REFUND}
# The longest time in seconds for which a store without rate-limit capacity is passed over.
MAX_COOLDOWN = 2.0


@dataclass(frozen=True, slots=True)
class SlotBudget:
    """A poller's slots, and the stores that use them."""

    concurrency: int
    """How many slots there are."""
    busy: Mapping[SlotKey, int]
    """Slots in use by store and target."""
    used: int
    """Slots in use."""
    busy_with_commerce: int
    """Slots in use for any store's Commerce."""
    stuck: bool
    """Many slots have been in use for some time."""

    @classmethod
    def of(
        cls, concurrency: int, busy: Mapping[SlotKey, int], *, late: int = 0, stuck: bool = False
    ) -> "SlotBudget":
        """Sum up the slots in use. late: slots that no store uses, and that are not free."""
        with_commerce = sum(number for (_, commerce), number in busy.items() if commerce)
        return cls(concurrency, busy, sum(busy.values()) + late, with_commerce, stuck)

    @property
    def free(self) -> int:
        """Slots that are not in use."""
        return self.concurrency - self.used

    def with_turn(self, key: SlotKey, share: int) -> "SlotBudget":
        """Return the budget after a store has taken its share."""
        return replace(
            self,
            busy={**self.busy, key: self.busy.get(key, 0) + share},
            used=self.used + share,
            busy_with_commerce=self.busy_with_commerce + (share if key[1] else 0),
        )

    def share(self, key: SlotKey) -> int:
        """Return how many more slots a store may take now; zero or less means none."""
        busy = self.busy.get(key, 0)
        kept = self.concurrency // RESERVE
        if key[1]:
            # The reserve is for Walmart.
            of_all = max(1, self.concurrency // COMMERCE_SHARE)
            return min(COMMERCE_CALLS - busy, of_all - self.busy_with_commerce, self.free - kept)
        fair = max(1, min(FAIR_SHARE, self.concurrency * 2 // 5))
        # Several stores that hang at once would fill all slots: the reserve is for stores that have
        # almost nothing in use. While the other slots come free, a store gets more at once by
        # waiting for its turn.
        last = FEW - busy if self.stuck else 0
        # mutation: fair-share-of-slots
        # mutation: slot-reserve-for-others
        return min(fair - busy, self.free, max(self.free - kept, last))

    def announced_share(self, stores: int) -> int:
        """Return the most slots for one of so many stores that are only known from a NOTIFY."""
        fair = (self.free - self.concurrency // RESERVE) // max(stores, 1)
        return min(max(fair, LEAST_ANNOUNCED), ANNOUNCED_SHARE)


@dataclass(frozen=True, slots=True)
class Turn:
    """A store that may claim now."""

    key: SlotKey
    groups: list[DueGroup]
    """Its due groups."""
    share: int
    """The most updates that it may claim."""

    @property
    def slow(self) -> bool:
        """Whether its claim may take long."""
        return any(each.kind in SLOW_KINDS for each in self.groups)


@dataclass(slots=True)
class FairScheduler:
    """Stores with due updates, known from a query of the outbox or from a NOTIFY."""

    seed: int = 0
    """Of the order of stores that were not served yet. Pollers with the same one claim from the
    same stores at the same time, and one of each two claims gets nothing."""
    _due: dict[SlotKey, list[DueGroup]] = field(default_factory=dict)
    _claiming: set[SlotKey] = field(default_factory=set)
    """Stores with a claim under way; a store has one claim at a time."""
    _announced: set[SlotKey] = field(default_factory=set)
    """Stores that are only known from a NOTIFY, without a number of due updates."""
    _cooldowns: dict[SlotKey, float] = field(default_factory=dict)
    """Until when a store has no rate-limit capacity, by the caller's clock."""
    _served: dict[SlotKey, int] = field(default_factory=dict)
    """The number of the turn in which a store was served last."""
    _count: int = 0

    def __bool__(self) -> bool:
        """Whether any store has due updates."""
        return bool(self._due)

    def set_due(self, groups: Iterable[DueGroup], now: float) -> float:
        """Replace the due groups by those of a query; return the seconds until another is due."""
        self._cooldowns = {key: until for key, until in self._cooldowns.items() if until > now}
        due: dict[SlotKey, list[DueGroup]] = defaultdict(list)
        later = math.inf
        for group in sorted(groups, key=lambda each: each.due_in):
            wait = max(group.due_in, self._cooldowns.get(group.slot_key, now) - now)
            if wait <= 0:
                due[group.slot_key].append(group)
            else:
                later = min(later, wait)
        # mutation: pollers-begin-with-different-stores
        order = sorted(due, key=lambda key: (self._served.get(key, 0), self._place(key)))
        self._due = {key: due[key] for key in order}
        self._announced.clear()
        self._served = {key: turn for key, turn in self._served.items() if key in due}
        return later

    def _place(self, key: SlotKey) -> tuple[int, SlotKey]:
        return (hash((self.seed, key)) if self.seed else 0), key

    def announce(self, store_id: int, kind: Kind) -> None:
        """Add a due update that was not tried yet, known from a NOTIFY."""
        group = DueGroup(store_id, kind, ambiguous=False, due_in=0.0)
        if group.slot_key not in self._due:
            self._announced.add(group.slot_key)
        groups = self._due.setdefault(group.slot_key, [])
        if all((each.kind, each.ambiguous) != (kind, False) for each in groups):
            groups.append(group)

    def clear_cooldowns(self) -> None:
        """End all cooldowns: any store may have rate-limit capacity again."""
        self._cooldowns.clear()

    def next(self, slots: SlotBudget) -> Turn | None:
        """Return the next store that may take a slot. None means that no store may."""
        return next(iter(self.batch(slots, 1)), None)

    def batch(
        self, slots: SlotBudget, limit: int, *, fast: bool = True, slow: bool = True
    ) -> list[Turn]:
        """Return the next stores that may take slots, at most `limit` for one claim.

        fast, slow: whether a claim of several stores may begin now, and one that may take long.
        """
        found: list[Turn] = []
        # mutation: announced-stores-share-slots
        announced = slots.announced_share(len(self._announced))
        for key, groups in self._due.items():
            is_fast = all(each.kind not in SLOW_KINDS for each in groups)
            if slots.free <= 0 or not (fast if is_fast else slow and not found):
                continue
            share = 0 if key in self._claiming else slots.share(key)
            if key in self._announced:
                share = min(share, announced)
            if share > 0:
                found.append(Turn(key, groups, share))
                if len(found) >= limit or not is_fast:
                    break
                slots = slots.with_turn(key, share)
        return found

    def begin(self, turn: Turn) -> None:
        """Begin a store's claim; the store gets no other turn until the claim ends."""
        self._count += 1
        self._served[turn.key] = self._count
        self._announced.discard(turn.key)
        # mutation: single-claim-per-store
        self._claiming.add(turn.key)
        del self._due[turn.key]

    def end(self, turn: Turn, taken: int, *, cooldown_until: float | None = None) -> None:
        """End a store's claim. A store that took its whole share may have more, and queues again.

        cooldown_until: when the store has rate-limit capacity again; None means that it has.
        """
        self._claiming.discard(turn.key)
        if not taken and cooldown_until is not None:
            # mutation: store-cooldown
            self._cooldowns[turn.key] = cooldown_until
        if taken >= turn.share:
            self.requeue(turn)

    def requeue(self, turn: Turn) -> None:
        """Give a store another turn, after all others, with the groups it had."""
        self._announced.discard(turn.key)
        meanwhile = self._due.pop(turn.key, [])
        # mutation: backlog-survives-announcement
        known = {(each.kind, each.ambiguous): each for each in (*turn.groups, *meanwhile)}
        self._due[turn.key] = list(known.values())
