"""Past states of orders, returns and stock levels, for reads that lag."""

from collections import Counter, deque
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

# Bounded memory: a lagging read shows older changes as made.
MOST_CHANGES = 10_000


@dataclass(slots=True)
class History:
    """The newest changes of all objects. now returns milliseconds since 1970."""

    now: Callable[[], int]
    _past: deque[tuple[int, Hashable, Any]] = field(
        default_factory=lambda: deque(maxlen=MOST_CHANGES)
    )

    def keep(self, key: Hashable, before: object) -> None:
        """Record the state of an object before the change that was just made."""
        self._past.append((self.now(), key, before))

    def before(self, seconds: float, changes: int | None) -> Mapping[Hashable, Any]:
        """Return the objects that differed so many seconds, or so many of their changes, ago."""
        since = self.now() - seconds * 1000
        found: dict[Hashable, Any] = {}
        counted: Counter[Hashable] = Counter()
        for at, key, was in reversed(self._past):
            counted[key] += 1
            if (at > since) if changes is None else (counted[key] <= changes):
                found[key] = was
        return found

    def clear(self) -> None:
        """Drop all changes."""
        self._past.clear()
