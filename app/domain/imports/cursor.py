"""Import cursor: how far a store's import of one of Walmart's lists has come."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

# Each window reads this much again: the clocks differ, and Walmart's lists lag behind.
# mutation: import-window-overlap
OVERLAP = timedelta(minutes=10)
# The shortest window that is halved: Walmart takes whole seconds.
_MIN_WINDOW = timedelta(seconds=4)
# Walmart does not document how long a cursor lives, and may answer a dead one with an empty page.
_CURSOR_LIFETIME = timedelta(hours=1)
# After this many runs in a row without a page, the window is halved.
_RUNS_BEFORE_HALVING = 2


class ImportList(StrEnum):
    """The lists of Walmart's that the import reads."""

    RELEASED = "released"
    """Orders that wait for their acknowledgement."""
    CHANGED = "changed"
    """Orders that changed within a window."""
    BY_WALMART = "by_walmart"
    """The same of orders that Walmart fulfils (WFS)."""
    RETURNS = "returns"
    """Returns that changed within a window."""


@dataclass(frozen=True, slots=True)
class ImportCursor:
    """The position of an import within a list. Each method returns a new cursor."""

    read_until: datetime | None = None
    """Every change before this time is imported. None means that the list was never read."""
    since: datetime | None = None
    """Start of the current window."""
    until: datetime | None = None
    """End of the current window."""
    begun_at: datetime | None = None
    """When the first page of the current window was requested."""
    cursor: str | None = None
    """Walmart's cursor of the next page. None means the first page."""
    pages: int = 0
    page_size: int | None = None
    """None means the default size."""
    failures: int = 0
    """Runs in a row that read no page."""
    stopped: str | None = None
    """Why the last run broke off. None means that it did not."""

    def with_window(self, began_at: datetime, first: timedelta) -> Self:
        """Continue the current window, or begin one from read_until (at first: `first` ago)."""
        if self.cursor is not None and self.begun_at is not None:
            alive = began_at - self.begun_at <= _CURSOR_LIFETIME
            return self if alive else replace(self.restarted(), begun_at=began_at)
        since = self.read_until or began_at - first
        until = self.until if self.until and self.until > since else began_at
        return replace(self, since=since, until=until, begun_at=began_at, cursor=None, pages=0)

    def after_page(self, cursor: str) -> Self:
        """Advance to the next page of the window."""
        # mutation: import-resumes-at-cursor
        return replace(self, cursor=cursor, pages=self.pages + 1, failures=0, stopped=None)

    def after_last_page(self) -> Self:
        """Close the window, and read the overlap before its end again next time."""
        read_until = self.read_until
        if self.until is not None and self.begun_at is not None:
            reached = min(self.until, self.begun_at - OVERLAP)
            read_until = max(read_until, reached) if read_until is not None else reached
        return type(self)(read_until=read_until, since=self.until)

    def next_window(self, began_at: datetime) -> Self | None:
        """Begin the window that follows in the same run. None means that all is read."""
        if self.since is None or self.since >= began_at:
            return None
        return replace(self, until=began_at, begun_at=began_at)

    def halved(self) -> Self | None:
        """Restart with the first half of the window. None means that it is too short to halve."""
        if self.since is None or self.until is None or self.until - self.since < _MIN_WINDOW:
            return None
        middle = self.since + (self.until - self.since) / 2
        return replace(self, until=middle, cursor=None, pages=0)

    def after_failure(self, reason: str) -> Self:
        """Count a run without a page; from the second in a row on, restart with half the window."""
        after = replace(self, failures=self.failures + 1, stopped=reason[:500])
        return after.restarted() if after.failures >= _RUNS_BEFORE_HALVING else after

    def restarted(self) -> Self:
        """Restart from the window's start, halved if possible: Walmart rejects the cursor."""
        return replace(self.halved() or self, cursor=None, pages=0)

    def with_smaller_pages(self, size: int) -> Self:
        """Restart from the window's start with half the page size: an answer was too large."""
        return replace(self, cursor=None, pages=0, page_size=max(size // 2, 1))
