"""Pages through a list of Walmart. A list longer than Walmart returns is read in halves of time."""

from collections.abc import AsyncIterator, Awaitable, Callable

from app.walmart.client import ChangeWindow, OrderPage
from app.walmart.order_lists import MOST_LISTED, CursorGuard

MOST_UNREAD = 10
"""Orders of a run that may fail to be read. After more, the run ends: Walmart is the problem."""
# Reads a page of a window; cursor None means the first.
Ask = Callable[[ChangeWindow, str | None], Awaitable[OrderPage]]


async def pages(ask: Ask, window: ChangeWindow) -> AsyncIterator[OrderPage]:
    """Yield every page of a window. An order may be on two of them.

    Raises CallUnclear if cursors lead in a circle.
    """
    cursor: str | None = None
    trail = CursorGuard()
    while True:
        page = await ask(window, cursor)
        halves = window.halves() if (page.total or 0) > MOST_LISTED and cursor is None else None
        if halves is not None:
            for half in halves:
                async for part in pages(ask, half):
                    yield part
            return
        yield page
        cursor = page.cursor
        if cursor is None:
            return
        trail.follow(cursor, page.call)
