"""When the last order was shipped and the last was canceled, in all stores together.

With many stores these two times cost as much as all other counts of the cards. They are shown to
the minute, so that they are kept for a few seconds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

KEPT_FOR = 5.0
"""Seconds for which the times are shown."""


@dataclass(slots=True)
class LastChanges:
    """The times of a process, by status."""

    monotonic: Callable[[], float]
    _until: float = 0.0
    _times: Mapping[str, datetime] = field(default_factory=dict)

    def known(self) -> Mapping[str, datetime]:
        """The times that are kept."""
        return self._times if self.monotonic() < self._until else {}

    def keep(self, times: Mapping[str, datetime | None]) -> None:
        """Keep times that were read just now, in place of those that are too old."""
        if self.monotonic() >= self._until:
            self._times = {status: time for status, time in times.items() if time is not None}
            self._until = self.monotonic() + KEPT_FOR
