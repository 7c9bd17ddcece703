"""Due updates of one store and kind, as a claim chooses among them."""

from dataclasses import dataclass

from app.domain.update import TOLD_COMMERCE, Kind

# A store, and whether it is its Commerce that is told: a hanging one takes no slot of Walmart's.
SlotKey = tuple[int, bool]


def slot_key(store_id: int, kind: Kind) -> SlotKey:
    """Whose slots an update takes in a poller."""
    return store_id, kind in TOLD_COMMERCE


@dataclass(frozen=True, slots=True)
class DueGroup:
    """Updates of a store that take the same way to Walmart; due_in seconds (or less) to the first.

    ambiguous: an earlier try may have landed, so Walmart is read first.
    """

    store_id: int
    kind: Kind
    ambiguous: bool
    due_in: float

    @property
    def place(self) -> SlotKey:
        """Whose slots it takes."""
        return slot_key(self.store_id, self.kind)
