"""Lists of orders, page by page: the question, Walmart's cursor, and a page out of its answer.

A page is read with tolerance: one order that cannot be read must not hide the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Self
from urllib.parse import urlencode

from app.domain.orders.snapshot import OrderSnapshot
from app.http_client.call import Call
from app.http_client.exchange import HttpReply
from app.walmart import errors
from app.walmart.order_parser import UnreadableOrder, read_order_body, text

# Walmart lists what was ordered within 180 days, and without a start only within a week. A day
# less, so that no clock makes the start too early.
OLDEST = timedelta(days=179)
# A list ends here however many there are; Walmart's pages name 10,000 and 20,000.
MOST_LISTED = 10_000
# Walmart's most. Where orders of many lines do not fit into one answer (exchange.py), the reader
# asks for less.
PAGE = 200
_LONGEST_CURSOR = 4_000
_SHORTEST = timedelta(seconds=4)
_OK = 200
_NONE_FOUND = "CONTENT_NOT_FOUND"


@dataclass(frozen=True, slots=True)
class ChangeWindow:
    """Orders that changed from since until until, ordered since ordered_since; aware times.

    Walmart takes whole seconds, so what changed within the last one is listed too.
    """

    since: datetime
    until: datetime
    ordered_since: datetime

    @classmethod
    def up_to(cls, now: datetime, since: datetime) -> Self:
        """All that changed since a time and was ordered as long ago as Walmart lists."""
        return cls(since, now, now - OLDEST)

    def halves(self) -> tuple["ChangeWindow", "ChangeWindow"] | None:
        """The window in two that share a second; None for one that is too short for that."""
        middle = self.since + (self.until - self.since) / 2
        if self.until - self.since < _SHORTEST:
            return None
        return replace(self, until=middle), replace(self, since=middle)


@dataclass(frozen=True, slots=True)
class OrderPage:
    """A page of a list.

    unreadable: numbers of orders that are listed and whose units cannot be told; empty text
    where not even the number could. cursor: of the next page, None after the last. total: how
    many the whole list holds, where Walmart says so.
    """

    call: Call
    orders: tuple[OrderSnapshot, ...] = ()
    unreadable: tuple[str, ...] = field(default=())
    cursor: str | None = None
    total: int | None = None


def first_query(window: ChangeWindow, *, wfs: bool = False, size: int | None = None) -> str:
    """The query of a list's first page; Walmart refuses dates with milliseconds.

    wfs: of the orders that Walmart's own warehouses ship, which it lists only when asked.
    """
    asked = {
        "createdStartDate": _date(window.ordered_since),
        "lastModifiedStartDate": _date(window.since),
        "lastModifiedEndDate": _date(window.until + timedelta(seconds=1)),
        "limit": size or PAGE,
    }
    return "?" + urlencode({**asked, "shipNodeType": "WFSFulfilled"} if wfs else asked)


def released_query(ordered_since: datetime, size: int | None = None) -> str:
    """The query of the first page of what waits for its acknowledgement."""
    return "?" + urlencode({"createdStartDate": _date(ordered_since), "limit": size or PAGE})


def tells_none(call: Call) -> bool:
    """Whether an answer says that nothing was found: Walmart's 404, or a 200 with that error."""
    names = {code.partition(".")[0] for code in call.codes}
    return call.status in {404, _OK} and call.failure is None and names == {_NONE_FOUND}


def read_page(answered: HttpReply, asked: str | None) -> OrderPage:
    """Read a page out of an answer; asked is the cursor it was asked with.

    Raises Unclear for what is no list, and for a cursor that would not lead on.
    """
    try:
        found, meta = _contents(answered.payload)
    except UnreadableOrder as error:
        message = f"Walmart's answer shows no list of orders: {error}."
        raise errors.CallUnclear(message, call=answered.call) from error
    orders, unreadable = [], []
    for entry in found:
        try:
            orders.append(read_order_body(entry))
        except UnreadableOrder:
            number = text(entry.get("purchaseOrderId")) if isinstance(entry, Mapping) else None
            unreadable.append(number or "")
    return OrderPage(
        call=answered.call,
        orders=tuple(orders),
        unreadable=tuple(unreadable),
        # A page with nothing on it is the last, whatever it says.
        cursor=_cursor(meta.get("nextCursor"), asked, answered.call) if found else None,
        total=_total(meta.get("totalCount")),
    )


def _contents(payload: object) -> tuple[list[object], Mapping[str, object]]:
    listed = payload.get("list") if isinstance(payload, Mapping) else None
    if not isinstance(listed, Mapping):
        raise UnreadableOrder("list is missing")
    inner: object = listed.get("elements")
    if isinstance(inner, Mapping):
        inner = inner.get("order")
    found = inner if isinstance(inner, list) else [] if inner is None else [inner]
    meta = listed.get("meta")
    return found, meta if isinstance(meta, Mapping) else {}


def _cursor(value: object, asked: str | None, call: Call) -> str | None:
    """The next page's query, to be sent as it came: decoding or encoding it breaks it."""
    if value is None or value == "":
        return None
    usable = isinstance(value, str) and value.isascii() and value.isprintable()
    if not isinstance(value, str) or not usable or {" ", "#"} & set(value):
        raise errors.CallUnclear("Walmart's cursor cannot be used.", call=call)
    cursor = value if value.startswith("?") else f"?{value}"
    if len(cursor) > _LONGEST_CURSOR or cursor == asked:
        raise errors.CallUnclear("Walmart's cursor does not lead on.", call=call)
    return cursor


def _total(value: object) -> int | None:
    number = text(value)
    return int(number) if number and number.isdecimal() else None


def _date(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# Walmart ends a list after 10,000 orders, however small the pages.
MOST_PAGES = 10_000


@dataclass(slots=True)
class CursorGuard:
    """Cursors that were followed. pages: how many had been read before the first of them."""

    pages: int = 0
    _seen: set[str] = field(default_factory=set)

    def follow(self, cursor: str, call: Call) -> None:
        """Go on to a page. Raises Unclear where it was read before, or there are too many."""
        self.pages += 1
        if cursor in self._seen or self.pages >= MOST_PAGES:
            raise errors.CallUnclear("Walmart's pages lead in a circle.", call=call)
        self._seen.add(cursor)
