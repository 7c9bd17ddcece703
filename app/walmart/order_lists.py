"""Lists of orders, page by page: the query, Walmart's cursor, and the page in an answer.

The parser is lenient: one order that cannot be read does not hide the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Self
from urllib.parse import urlencode

from app.domain.orders.charges import ChargeAmountIs
from app.domain.orders.snapshot import OrderSnapshot
from app.http_client.call import Call
from app.http_client.exchange import HttpReply
from app.walmart import errors
from app.walmart.json_values import UnreadableOrder, text
from app.walmart.order_parser import ended_order, read_order_body

# Walmart lists orders of the last 180 days, and of the last week if no start is given. One day
# less, so that a difference of clocks does not make the start too early.
OLDEST = timedelta(days=179)
# A list ends after so many orders; Walmart's pages name 10,000 and 20,000.
MOST_LISTED = 10_000
# Walmart's largest page. If orders of many lines exceed the limit of an answer (exchange.py), the
# importer asks for smaller pages.
PAGE = 200
_LONGEST_CURSOR = 4_000
_SHORTEST = timedelta(seconds=4)
_OK = 200
_NONE_FOUND = "CONTENT_NOT_FOUND"


@dataclass(frozen=True, slots=True)
class ChangeWindow:
    """A window of changes, in aware times.

    Walmart takes whole seconds, so all changes within the second of `until` are listed too.
    """

    since: datetime
    until: datetime
    ordered_since: datetime
    """Orders placed before this time are not listed."""

    @classmethod
    def up_to(cls, now: datetime, since: datetime) -> Self:
        """Return the window from a time until now, of all orders that Walmart still lists."""
        return cls(since, now, now - OLDEST)

    def halves(self) -> tuple["ChangeWindow", "ChangeWindow"] | None:
        """Split the window into two that share a second. None means that it is too short."""
        middle = self.since + (self.until - self.since) / 2
        if self.until - self.since < _SHORTEST:
            return None
        return replace(self, until=middle), replace(self, since=middle)


@dataclass(frozen=True, slots=True)
class OrderPage:
    """A page of a list of orders."""

    call: Call
    orders: tuple[OrderSnapshot, ...] = ()
    unreadable: tuple[str, ...] = field(default=())
    """Numbers of listed orders with units that cannot be read; empty text means no number."""
    ended: Mapping[str, datetime] = field(default_factory=dict)
    """When each of the unreadable orders was ordered of which all that is shown is over."""
    cursor: str | None = None
    """Cursor of the next page. None means the last page."""
    total: int | None = None
    """Number of orders in the whole list. None means that Walmart does not say."""


def first_query(window: ChangeWindow, *, wfs: bool = False, size: int | None = None) -> str:
    """Return the query of the first page; Walmart refuses dates with milliseconds.

    wfs: list orders that Walmart's own warehouses ship, which are otherwise left out.
    """
    query = {
        "createdStartDate": _date(window.ordered_since),
        "lastModifiedStartDate": _date(window.since),
        "lastModifiedEndDate": _date(window.until + timedelta(seconds=1)),
        "limit": size or PAGE,
    }
    return "?" + urlencode({**query, "shipNodeType": "WFSFulfilled"} if wfs else query)


def released_query(ordered_since: datetime, size: int | None = None) -> str:
    """Return the query of the first page of orders that wait for their acknowledgement."""
    return "?" + urlencode({"createdStartDate": _date(ordered_since), "limit": size or PAGE})


def tells_none(call: Call) -> bool:
    """Whether an answer means that nothing was found: a 404, or a 200 with that error."""
    names = {code.partition(".")[0] for code in call.codes}
    return call.status in {404, _OK} and call.failure is None and names == {_NONE_FOUND}


def read_page(
    reply: HttpReply,
    requested: str | None,
    amount_is: ChargeAmountIs = ChargeAmountIs.UNIT,
) -> OrderPage:
    """Read the page in an answer. requested: the cursor that the page was requested with.

    Raises CallUnclear if the answer is not a list, or if its cursor would not lead on.
    """
    try:
        found, meta = _contents(reply.payload)
    except UnreadableOrder as error:
        message = f"Walmart's answer shows no list of orders: {error}."
        raise errors.CallUnclear(message, call=reply.call) from error
    orders, unreadable, ended = [], [], []
    for entry in found:
        try:
            orders.append(read_order_body(entry, amount_is))
        except UnreadableOrder:
            number = text(entry.get("purchaseOrderId")) if isinstance(entry, Mapping) else None
            unreadable.append(number or "")
            ended.append(ended_order(entry))
    return OrderPage(
        call=reply.call,
        orders=tuple(orders),
        unreadable=tuple(unreadable),
        ended=dict(filter(None, ended)),
        # An empty page is the last, even if it has a cursor.
        cursor=_cursor(meta.get("nextCursor"), requested, reply.call) if found else None,
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


def _cursor(value: object, requested: str | None, call: Call) -> str | None:
    """Return the query of the next page unchanged: decoding or encoding breaks it."""
    if value is None or value == "":
        return None
    usable = isinstance(value, str) and value.isascii() and value.isprintable()
    if not isinstance(value, str) or not usable or {" ", "#"} & set(value):
        raise errors.CallUnclear("Walmart's cursor cannot be used.", call=call)
    cursor = value if value.startswith("?") else f"?{value}"
    if len(cursor) > _LONGEST_CURSOR or cursor == requested:
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
    """Detects that Walmart's cursors lead in a circle."""

    pages: int = 0
    """Pages read so far."""
    _seen: set[str] = field(default_factory=set)

    def follow(self, cursor: str, call: Call) -> None:
        """Count a page. Raises CallUnclear if its cursor was seen before, or at MOST_PAGES."""
        self.pages += 1
        # mutation: circular-pages
        if cursor in self._seen or self.pages >= MOST_PAGES:
            raise errors.CallUnclear("Walmart's pages lead in a circle.", call=call)
        self._seen.add(cursor)
