"""The way through a list's pages: one that leads in a circle comes to an end."""

from dataclasses import dataclass, field

from app.outbound.call import Call
from app.walmart import errors

# Walmart ends a list after 10,000 orders, however small the pages.
MOST_PAGES = 10_000


@dataclass(slots=True)
class Trail:
    """Cursors that were followed. pages: how many had been read before the first of them."""

    pages: int = 0
    _seen: set[str] = field(default_factory=set)

    def follow(self, cursor: str, call: Call) -> None:
        """Go on to a page. Raises Unclear where it was read before, or there are too many."""
        self.pages += 1
        if cursor in self._seen or self.pages >= MOST_PAGES:
            raise errors.Unclear("Walmart's pages lead in a circle.", call=call)
        self._seen.add(cursor)
