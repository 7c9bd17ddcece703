"""How many causes need action, for the header and the title of every page.

The count is kept for a few seconds for each store, since every page shows it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from app.domain.errors import Invalid
from app.storage import queries
from app.usecases.context import AppContext

KEPT_FOR = 5.0
"""Seconds for which a count is shown."""
_MOST_KEPT = 1000


@dataclass(slots=True)
class AttentionCounts:
    """The counts of a process."""

    monotonic: Callable[[], float]
    _kept: dict[int | None, tuple[float, int]] = field(default_factory=dict)

    async def count(self, context: AppContext, store_id: int | None) -> int:
        """The number of causes that need action, of one store, or of all (None)."""
        until, known = self._kept.get(store_id, (0.0, 0))
        if self.monotonic() < until:
            return known
        try:
            async with context.database.direct.reading() as session:
                found = await queries.attention_count(session, store_id)
        except Invalid:
            # The database counts one store at a time; the page asks for a store.
            found = 0
        return self.keep(store_id, found)

    def keep(self, store_id: int | None, count: int) -> int:
        """Keep a count that was made just now."""
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[store_id] = (self.monotonic() + KEPT_FOR, count)
        return count

    def forget(self) -> None:
        """Count anew: something was fixed."""
        self._kept.clear()
