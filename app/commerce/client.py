"""Client of Commerce's REST API: orders, comments, store views and salable quantities.

Sources: Adobe, "Search using REST endpoints", and the admin schema of Commerce 2.4. Identifiers in
paths are Commerce's entity ids. Commerce's ext_order_id is Walmart's purchase order number.
"""

import asyncio
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

from app.commerce import buyer_parser, errors
from app.commerce.errors import CommerceError
from app.domain import db_limits
from app.domain.commerce_connection import CommerceConnection
from app.http_client.call import Call, ErrorClass
from app.http_client.exchange import Dialect, Exchange, HttpReply, HttpRequest
from app.http_client.transport import Http


def _no_headers(_: str) -> Mapping[str, str]:
    return {}


def _no_count(_: Mapping[str, str]) -> int | None:
    return None


def _no_wait(_: Mapping[str, str], __: datetime) -> timedelta | None:
    return None


# Each object that Commerce answers here has one of these fields.
_OWN = frozenset({"message", "messages", "entity_id", "items", "code"})


def _own(payload: object) -> bool:
    """Whether an answer may be Commerce's. A URL that leads elsewhere must reveal nothing."""
    if isinstance(payload, list):
        # Commerce answers lists of objects, and no nested lists.
        return not any(isinstance(each, list) for each in payload) and all(
            _own(each) for each in payload if isinstance(each, Mapping)
        )
    if isinstance(payload, Mapping):
        return not _OWN.isdisjoint(payload)
    # The parser returns a number with decimals as text, so that amounts stay exact.
    return isinstance(payload, bool | int) or (
        isinstance(payload, str) and payload.replace(".", "", 1).lstrip("-").isdecimal()
    )


_DIALECT = Dialect(
    headers=_no_headers,
    faults=errors.faults_in,
    classify=errors.classify,
    tokens_left=_no_count,
    replenish_in=_no_wait,
    own=_own,
)
_PAGE = 2


@dataclass(frozen=True, slots=True)
class CommerceOrder:
    """An order as Commerce shows it."""

    entity_id: int
    number: str
    ext_order_id: str | None = None
    """Walmart's purchase order number."""
    items: Mapping[str, int] = field(default_factory=dict)
    """Walmart's line numbers to Commerce's item ids."""
    payment: Mapping[str, Any] = field(default_factory=dict, repr=False)
    comments: Sequence[str] = field(default=(), repr=False)
    """The texts of the order's history."""
    private: frozenset[str] = field(default=frozenset(), repr=False)
    """The buyer's words in the order, which no evidence and no message may contain."""

    @property
    def payment_lines(self) -> tuple[str, ...]:
        """The lines of the payment information that Commerce shows."""
        lines = self.payment.get("additional_information")
        return tuple(map(str, lines)) if isinstance(lines, list) else ()


class CommerceClient:
    """A client for all stores. Its methods raise only CommerceError.

    timeout bounds each call, in seconds. Each method passes the evidence of its call to `keep`,
    also if it fails.
    """

    def __init__(
        self,
        http: Http,
        *,
        timeout: float,
        now: Callable[[], datetime],
    ) -> None:
        self._http, self._timeout, self._now = http, timeout, now

    async def find_order(
        self,
        connection: CommerceConnection,
        purchase_order_id: str,
        keep: Callable[[Call], None],
    ) -> CommerceOrder | None:
        """Find the order with Walmart's number. None means that Commerce has none.

        Raises CommerceError REFUSED if several orders have the number.
        """
        at = "searchCriteria[filterGroups][0][filters][0]"
        query = [
            ("searchCriteria[pageSize]", str(_PAGE)),
            (f"{at}[field]", "ext_order_id"),
            (f"{at}[value]", purchase_order_id),
            (f"{at}[conditionType]", "eq"),
        ]
        found = await self._call(connection, "find_order", "GET", "/orders", keep, query=query)
        body = _object(found)
        items = body.get("items") or []
        if not isinstance(items, list):
            raise _unclear("Commerce's answer is not a list of orders.", found.call)
        if len(items) > 1:
            message = f"Commerce has several orders with the external number {purchase_order_id}."
            raise _refused(message, found.call)
        return _order(items[0], found.call) if items else None

    async def read_order(
        self, connection: CommerceConnection, entity_id: int, keep: Callable[[Call], None]
    ) -> CommerceOrder:
        """Read an order by its id. Raises CommerceError NOT_FOUND if Commerce has none."""
        found = await self._call(connection, "read_order", "GET", f"/orders/{entity_id}", keep)
        return _order(found.payload, found.call)

    async def save_order(
        self,
        connection: CommerceConnection,
        entity: Mapping[str, Any],
        keep: Callable[[Call], None],
    ) -> CommerceOrder:
        """Create an order, or change fields of the order with the given entity_id."""
        body = {"entity": entity}
        saved = await self._call(connection, "save_order", "POST", "/orders", keep, body=body)
        return _order(saved.payload, saved.call)

    async def comment(
        self,
        connection: CommerceConnection,
        entity_id: int,
        text: str,
        keep: Callable[[Call], None],
    ) -> None:
        """Add a comment to an order's history. The buyer gets no message and cannot see it."""
        history = {
            "parent_id": entity_id,
            "comment": text,
            "is_customer_notified": 0,
            "is_visible_on_front": 0,
        }
        path, body = f"/orders/{entity_id}/comments", {"statusHistory": history}
        reply = await self._call(connection, "comment", "POST", path, keep, body=body)
        if reply.payload is not True:
            raise _unclear("Commerce did not confirm the comment.", reply.call)

    async def store_view_id(
        self, connection: CommerceConnection, keep: Callable[[Call], None]
    ) -> int:
        """Return the number of the store view. Raises CommerceError REFUSED if there is none."""
        found = await self._call(connection, "store_views", "GET", "/store/storeViews", keep)
        views = found.payload if isinstance(found.payload, list) else []
        for view in views:
            if isinstance(view, Mapping) and view.get("code") == connection.code:
                number = _whole(view.get("id"))
                if number is not None:
                    return number
        message = f"Commerce has no store view with the code {connection.code}."
        raise _refused(message, found.call)

    async def salable_quantity(
        self, connection: CommerceConnection, sku: str, keep: Callable[[Call], None]
    ) -> int:
        """Return the whole units of a SKU that can be sold now, at least 0."""
        stock = connection.stock_id
        path = f"/inventory/get-product-salable-quantity/{quote(sku, safe='')}/{stock}"
        found = await self._call(connection, "salable_quantity", "GET", path, keep)
        try:
            units = float(str(found.payload))
        except ValueError:
            units = math.nan
        # Commerce may answer a fraction or a negative number.
        if not abs(units) <= db_limits.BIGINT:
            raise _unclear("Commerce's answer is not a number of units.", found.call)
        return max(int(units), 0)

    async def _call(
        self,
        connection: CommerceConnection,
        operation: str,
        method: str,
        path: str,
        keep: Callable[[Call], None],
        *,
        body: Mapping[str, Any] | None = None,
        query: Sequence[tuple[str, str]] = (),
    ) -> HttpReply:
        exchange = Exchange(
            self._http,
            base_url=connection.base_url,
            dialect=_DIALECT,
            now=self._now,
            new_correlation_id=lambda: str(uuid4()),
        )
        wanted = HttpRequest(
            operation=f"commerce_{operation}",
            method=method,
            path=f"/rest/{quote(connection.code, safe='')}/V1{path}",
            headers={"Authorization": f"Bearer {connection.access_token}"},
            content=None if body is None else json.dumps(body, separators=(",", ":")),
            secrets=(connection.access_token,),
            query=f"?{urlencode(query)}" if query else "",
        )
        reply = await exchange.send(wanted, asyncio.get_running_loop().time() + self._timeout)
        keep(reply.call)
        error = errors.error_of(reply.call)
        if error is not None:
            raise error
        return reply


def _unclear(message: str, call: Call) -> CommerceError:
    return CommerceError(ErrorClass.UNCLEAR, message, call=call)


def _refused(message: str, call: Call) -> CommerceError:
    return CommerceError(ErrorClass.REFUSED, message, call=call)


def _object(reply: HttpReply) -> Mapping[str, Any]:
    if not isinstance(reply.payload, Mapping):
        raise _unclear("Commerce's answer is not an object.", reply.call)
    return reply.payload


def _order(payload: object, call: Call) -> CommerceOrder:
    entry = payload if isinstance(payload, Mapping) else {}
    entity_id, number = _whole(entry.get("entity_id")), entry.get("increment_id")
    if entity_id is None or not isinstance(number, str) or not number:
        raise _unclear("Commerce's answer shows no order with a number.", call)
    given = entry.get("items")
    items: dict[str, int] = {}
    for each in given if isinstance(given, list) else ():
        line = each.get("ext_order_item_id") if isinstance(each, Mapping) else None
        item = _whole(each.get("item_id")) if line else None
        if item is not None:
            items[str(line)] = item
    external, payment = entry.get("ext_order_id"), entry.get("payment")
    histories = entry.get("status_histories")
    return CommerceOrder(
        entity_id=entity_id,
        number=number,
        ext_order_id=str(external) if external is not None else None,
        items=items,
        payment=payment if isinstance(payment, Mapping) else {},
        comments=tuple(
            str(each.get("comment"))
            for each in (histories if isinstance(histories, list) else ())
            if isinstance(each, Mapping) and each.get("comment")
        ),
        private=buyer_parser.private_words(entry),
    )


def _whole(value: object) -> int | None:
    return db_limits.whole_number(value) if isinstance(value, int | str) else None
