"""Where the import of one of a store's lists stands, and when it goes on."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

# Walmart's clock and ours differ, and its lists lag behind: so much is read again.
OVERLAP = timedelta(minutes=10)


# A window is not halved below it, because Walmart takes whole seconds.
_SHORTEST = timedelta(seconds=4)


# How long a cursor lives is not documented, and a dead one may be answered as an empty page.
_FRESH = timedelta(hours=1)


# Runs in a row that got no page, after which less is asked for.
_PATIENCE = 2


class ImportList(StrEnum):
    """Walmart's lists that are read: what waits for its acknowledgement, and what changed."""

    RELEASED = "released"
    CHANGED = "changed"
    BY_WALMART = "by_walmart"
    RETURNS = "returns"


@dataclass(frozen=True, slots=True)
class ImportCursor:
    """Where the reading of a list is.

    read_until: all that changed before is settled. since, until: the window under way, which
    began to be read at begun_at; cursor: of its next page. page_size: None for the usual.
    failures: runs in a row that got no page; stopped: why the last of them broke off.
    """

    read_until: datetime | None = None
    since: datetime | None = None
    until: datetime | None = None
    begun_at: datetime | None = None
    cursor: str | None = None
    pages: int = 0
    page_size: int | None = None
    failures: int = 0
    stopped: str | None = None

    def opened(self, began_at: datetime, first: timedelta) -> Self:
        """With a window to read: the one under way, or all since it was read last."""
        if self.cursor is not None and self.begun_at is not None:
            fresh = began_at - self.begun_at <= _FRESH
            return self if fresh else replace(self.restarted(), begun_at=began_at)
        since = self.read_until or began_at - first
        until = self.until if self.until and self.until > since else began_at
        return replace(self, since=since, until=until, begun_at=began_at, cursor=None, pages=0)

    def turned(self, cursor: str) -> Self:
        """Past a page, with another to come."""
        return replace(self, cursor=cursor, pages=self.pages + 1, failures=0, stopped=None)

    def ended(self) -> Self:
        """Past the window's last page."""
        settled = self.read_until
        if self.until is not None and self.begun_at is not None:
            # What the list showed late within the overlap is read again.
            reached = min(self.until, self.begun_at - OVERLAP)
            settled = max(settled, reached) if settled is not None else reached
        return type(self)(read_until=settled, since=self.until)

    def next(self, began_at: datetime) -> Self | None:
        """The window after this one within the same run; None where all is read."""
        if self.since is None or self.since >= began_at:
            return None
        return replace(self, until=began_at, begun_at=began_at)

    def halved(self) -> Self | None:
        """The first half of the window, from its start; None for one that is too short."""
        if self.since is None or self.until is None or self.until - self.since < _SHORTEST:
            return None
        middle = self.since + (self.until - self.since) / 2
        return replace(self, until=middle, cursor=None, pages=0)

    def failed(self, why: str) -> Self:
        """After a run that got no page: once more the same, then less of it from its start."""
        told = replace(self, failures=self.failures + 1, stopped=why[:500])
        return told.restarted() if told.failures >= _PATIENCE else told

    def restarted(self) -> Self:
        """From the window's start, with less of it: Walmart takes the cursor no more."""
        less = self.halved()
        return replace(less or self, cursor=None, pages=0)

    def with_smaller_pages(self, size: int) -> Self:
        """From the window's start, with pages of half a size, for an answer was too large."""
        return replace(self, cursor=None, pages=0, page_size=max(size // 2, 1))
