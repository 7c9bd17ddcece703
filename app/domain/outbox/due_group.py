"""Due groups: the updates of one store and kind that are due, which a claim chooses from."""

from dataclasses import dataclass

from app.domain.update import COMMERCE_KINDS, Kind

# A store, and whether the target is its Commerce: a hanging Commerce takes no slot of Walmart's.
SlotKey = tuple[int, bool]


def slot_key(store_id: int, kind: Kind) -> SlotKey:
    """Return the key under which a poller counts the slot of an update."""
    # mutation: separate-slots-for-commerce
    return store_id, kind in COMMERCE_KINDS


@dataclass(frozen=True, slots=True)
class DueGroup:
    """Updates of a store that use the same rate limits."""

    store_id: int
    kind: Kind
    ambiguous: bool
    """An earlier try may have taken effect, so Walmart is read first."""
    due_in: float
    """At most so many seconds until the first of them is due."""

    @property
    def slot_key(self) -> SlotKey:
        """The key under which a poller counts the slots of the group."""
        return slot_key(self.store_id, self.kind)
