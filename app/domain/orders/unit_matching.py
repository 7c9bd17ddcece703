"""Matches the units of shipments to the tracking numbers under which Walmart shows a line.

Shipments may share numbers, and a shipment has several after a correction. The matching is a
maximum one, by augmenting paths (Ford and Fulkerson, 1956).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

# The key of units without a tracking number; a tracking key has no hyphen.
_UNNUMBERED = "-"
# Units of a shipment: the confirmed ones (True), or others that it may own.
_Part = tuple[UUID, bool]


@dataclass(frozen=True, slots=True)
class Owner:
    """A shipment that owns units of a line."""

    update_id: UUID
    numbers: frozenset[str]
    """The numbers under which its units may be."""
    confirmed: int
    """Units confirmed for it."""
    more: int = 0
    """Units that it may own besides."""


def claimed(
    owners: Sequence[Owner],
    under: Callable[[str], int],
    unnumbered: int,
    mine: frozenset[str],
) -> int:
    """Return units under the numbers in `mine` that the owners must have.

    under: the units that Walmart shows under a number. unnumbered: units without a number that
    may be of the owners. An owner is matched to its other numbers first, and to `mine` only for
    the units that these do not hold.
    """
    matching = _Matching(under, unnumbered)
    for elsewhere in (True, False):
        for owner in owners:
            allowed = owner.numbers - mine if elsewhere else owner.numbers
            # mutation: refunded-package-without-number
            matching.assign((owner.update_id, True), allowed | {_UNNUMBERED}, owner.confirmed)
            matching.assign((owner.update_id, False), allowed, owner.more)
    return matching.assigned(mine)


class _Matching:
    def __init__(self, under: Callable[[str], int], unnumbered: int) -> None:
        self._under = under
        self._free = {_UNNUMBERED: unnumbered}
        # Units by number, then by owner.
        self._assigned: dict[str, dict[_Part, int]] = {_UNNUMBERED: {}}
        self._allowed: dict[_Part, frozenset[str]] = {}

    def assign(self, owner: _Part, allowed: frozenset[str], units: int) -> None:
        """Assign an owner up to `units` units in all, under the allowed numbers."""
        if not units or not allowed:
            return
        self._allowed[owner] = allowed
        for number in allowed - self._free.keys():
            self._free[number] = self._under(number)
            self._assigned[number] = {}
        left = units - sum(under.get(owner, 0) for under in self._assigned.values())
        while left and (more := self._augment(owner, left, set())):
            left -= more

    def assigned(self, numbers: frozenset[str]) -> int:
        """Return the units assigned under these numbers."""
        return sum(sum(self._assigned.get(number, {}).values()) for number in numbers)

    def _augment(self, owner: _Part, wanted: int, tried: set[str]) -> int:
        """Assign up to `wanted` more units, moving other owners' units; return how many."""
        left = wanted
        for number in sorted(self._allowed[owner] - tried):
            if not left:
                break
            tried.add(number)
            under = self._assigned[number]
            freed = min(self._free[number], left)
            self._free[number] -= freed
            for other in [each for each in under if each != owner and under[each]]:
                # mutation: shared-tracking-number
                if freed < left:
                    moved = self._augment(other, min(under[other], left - freed), tried)
                    under[other] -= moved
                    freed += moved
            under[owner] = under.get(owner, 0) + freed
            left -= freed
        return wanted - left
