"""When the last order was shipped and the last canceled, and the oldest error, of all stores.

With many stores these times cost as much as all other counts of the cards. They are shown to the
minute, so that they are kept for a few seconds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

KEPT_FOR = 5.0
"""Seconds for which the times are shown."""
_WITH_COUNT = frozenset({"error"})
"""Times that are kept only while as many orders have the status: who mends the oldest error sees it
leave."""


@dataclass(frozen=True, slots=True)
class _Kept:
    time: datetime
    count: int
    until: float


@dataclass(slots=True)
class LastChanges:
    """The times of a process, by status."""

    monotonic: Callable[[], float]
    _kept: dict[str, _Kept] = field(default_factory=dict)

    def known(self, counts: Mapping[str, int]) -> Mapping[str, datetime]:
        """The times that are kept. counts: how many orders each status has now."""
        return {
            status: each.time for status, each in self._kept.items() if self._holds(status, counts)
        }

    def keep(self, times: Mapping[str, datetime | None], counts: Mapping[str, int]) -> None:
        """Keep times that were read just now, in place of those that hold no longer."""
        for status, time in times.items():
            if time is not None and not self._holds(status, counts):
                until = self.monotonic() + KEPT_FOR
                self._kept[status] = _Kept(time, counts[status], until)

    def _holds(self, status: str, counts: Mapping[str, int]) -> bool:
        kept = self._kept.get(status)
        if kept is None or self.monotonic() >= kept.until:
            return False
        # mutation: oldest-error-with-count
        return status not in _WITH_COUNT or kept.count == counts[status]
