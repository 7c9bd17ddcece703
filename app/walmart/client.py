"""Walmart as Waybill uses it: its order API here, and the others by their names.

How an operation is carried out, with which token and within what time, is in `operations.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote
from uuid import uuid4

from app.domain.orders.buyer import Buyer
from app.domain.orders.snapshot import OrderSnapshot
from app.http_client.call import Call
from app.http_client.exchange import Dialect, Exchange, HttpReply
from app.http_client.transport import Http
from app.walmart import (
    buyer_parser,
    error_bodies,
    errors,
    order_lists,
    rate_limit_headers,
    request_bodies,
)
from app.walmart.api_session import ApiSession
from app.walmart.credentials import SellerCredentials
from app.walmart.inventory_api import InventoryApi
from app.walmart.order_lists import ChangeWindow, OrderPage
from app.walmart.returns_api import ReturnsApi
from app.walmart.token import TokenCache
from app.walmart.webhooks_api import WebhooksApi

__all__ = [
    "ChangeWindow",
    "OrderPage",
    "SellerCredentials",
    "TokenDetail",
    "WalmartClient",
    "WalmartReply",
]

SERVICE_NAME = "Walmart Marketplace"
FULL_ACCESS = "full_access"


def _own_headers(correlation_id: str) -> Mapping[str, str]:
    return {"WM_SVC.NAME": SERVICE_NAME, "WM_QOS.CORRELATION_ID": correlation_id}


_DIALECT = Dialect(
    headers=_own_headers,
    faults=error_bodies.faults_in,
    tokens_left=rate_limit_headers.tokens_left,
    replenish_in=rate_limit_headers.replenish_in,
)


@dataclass(frozen=True, slots=True)
class WalmartReply:
    """What Walmart answered: the order as it is now, where the answer shows it.

    payload: its decoded JSON, which names the buyer.
    """

    order: OrderSnapshot | None
    call: Call
    payload: object = field(default=None, repr=False)

    @property
    def private(self) -> frozenset[str]:
        """The buyer's words in it, which no evidence and no message may show."""
        return buyer_parser.private_words(self.payload)


@dataclass(frozen=True, slots=True)
class TokenDetail:
    """What a store's keys may do.

    scopes: orders, returns, inventory and so on, to full_access, view_only or no_access.
    """

    is_valid: bool
    scopes: Mapping[str, str]
    expires_at: datetime | None
    call: Call

    @property
    def may_write_orders(self) -> bool:
        """Whether shipments and cancellations will be accepted."""
        return self.is_valid and self.scopes.get("orders") == FULL_ACCESS


class WalmartClient:
    """One client serves every store. timeout is in seconds and bounds an operation as a whole.

    http comes from `open_http` and stays the caller's to close; now gives aware times.
    returns, inventory and webhooks are Walmart's other APIs.
    Every operation raises the classes of `app.walmart.errors` and nothing else.
    """

    def __init__(
        self,
        http: Http,
        *,
        base_url: str,
        timeout: float,
        now: Callable[[], datetime],
        new_correlation_id: Callable[[], str] = lambda: str(uuid4()),
        tokens: Callable[[Exchange], TokenCache] | None = None,
    ) -> None:
        exchange = Exchange(
            http,
            base_url=base_url,
            dialect=_DIALECT,
            now=now,
            new_correlation_id=new_correlation_id,
        )
        cache = tokens(exchange) if tokens else TokenCache(exchange, now=now)
        self._operations = ApiSession(exchange, cache, timeout)
        self.returns = ReturnsApi(self._operations)
        self.inventory = InventoryApi(self._operations)
        self.webhooks = WebhooksApi(self._operations)

    def forget(self, store_id: int) -> None:
        """A store's credentials have changed: ask for a new token at the next call."""
        self._operations.tokens.forget(store_id)

    async def read_order(self, account: SellerCredentials, purchase_order_id: str) -> WalmartReply:
        """Read an order; the answer always has one. Raises NotFound where Walmart knows none."""
        path = _path(purchase_order_id)
        answered = await self._operations.carry_out(account, "read_order", "GET", path)
        return _answer(answered, _order(answered, purchase_order_id))

    async def read_buyer(
        self, account: SellerCredentials, purchase_order_id: str
    ) -> tuple[OrderSnapshot, Buyer, Call]:
        """Read an order with its buyer. Raises Refused where it does not say where it goes."""
        path = _path(purchase_order_id)
        answered = await self._operations.carry_out(account, "read_order", "GET", path)
        order = _order(answered, purchase_order_id)
        try:
            return order, buyer_parser.read_buyer(answered.payload), answered.call
        except buyer_parser.NoAddress as error:
            message = f"Walmart's order does not say where it goes: {error}."
            raise errors.CallRefused(message, call=answered.call) from error

    async def list_orders(
        self,
        account: SellerCredentials,
        window: ChangeWindow,
        cursor: str | None = None,
        *,
        fulfilled_by_walmart: bool = False,
        size: int | None = None,
    ) -> OrderPage:
        """Read a page of the orders that changed within a window.

        cursor is that of the page before, None for the first. The page is empty where none
        changed. Orders that Walmart fulfils itself are listed by themselves. size: of the pages,
        None for the usual. Raises Unclear where the answer is no list, or its cursor leads nowhere.
        """
        first = order_lists.first_query(window, wfs=fulfilled_by_walmart, size=size)
        return await self._page(account, "list_orders", "/v3/orders", cursor or first, cursor)

    async def list_released(
        self,
        account: SellerCredentials,
        ordered_since: datetime,
        cursor: str | None = None,
        *,
        size: int | None = None,
    ) -> OrderPage:
        """Read a page of the orders that wait for their acknowledgement; otherwise as above."""
        query = cursor or order_lists.released_query(ordered_since, size)
        return await self._page(account, "list_released", "/v3/orders/released", query, cursor)

    async def _page(
        self, account: SellerCredentials, operation: str, path: str, query: str, cursor: str | None
    ) -> OrderPage:
        answered, call = await self._operations.look_up(account, operation, path, query)
        return OrderPage(call=call) if answered is None else order_lists.read_page(answered, cursor)

    async def acknowledge(self, account: SellerCredentials, purchase_order_id: str) -> WalmartReply:
        """Say that the order has been received. The answer may come without the order.

        Raises Refused where some units are already shipped or canceled ("higher status").
        """
        path = _path(purchase_order_id, "/acknowledge")
        answered = await self._operations.carry_out(account, "acknowledge", "POST", path)
        try:
            order = request_bodies.read_order_body(answered.payload)
        except request_bodies.UnreadableOrder:
            return WalmartReply(None, answered.call)
        return _answer(answered, _same(order, purchase_order_id, answered.call))

    async def ship(
        self, account: SellerCredentials, purchase_order_id: str, body: Mapping[str, object]
    ) -> WalmartReply:
        """Send a body of `messages.shipping_body` or `tracking_body`; the answer has the order."""
        path = _path(purchase_order_id, "/shipping")
        answered = await self._operations.carry_out(account, "ship", "POST", path, body)
        return _answer(answered, _order(answered, purchase_order_id))

    async def cancel(
        self, account: SellerCredentials, purchase_order_id: str, body: Mapping[str, object]
    ) -> WalmartReply:
        """Send a body of `messages.cancellation_body`; the answer has the order."""
        path = _path(purchase_order_id, "/cancel")
        answered = await self._operations.carry_out(account, "cancel", "POST", path, body)
        return _answer(answered, _order(answered, purchase_order_id))

    async def check(self, account: SellerCredentials) -> TokenDetail:
        """Try a store's keys with a token of their own, and say what they may do."""
        self.forget(account.store_id)
        answered = await self._operations.carry_out(account, "check", "GET", "/v3/token/detail")
        body = answered.payload
        if not isinstance(body, dict) or not isinstance(body.get("scopes"), dict):
            raise errors.CallUnclear("Walmart's answer holds no scopes.", call=answered.call)
        return TokenDetail(
            is_valid=str(body.get("is_valid", True)).casefold() == "true",
            scopes={str(name): str(level) for name, level in body["scopes"].items()},
            expires_at=rate_limit_headers.instant(body.get("expire_at")),
            call=answered.call,
        )


def _path(purchase_order_id: str, action: str = "") -> str:
    return f"/v3/orders/{quote(purchase_order_id, safe='')}{action}"


def _answer(answered: HttpReply, order: OrderSnapshot) -> WalmartReply:
    return WalmartReply(order, answered.call, answered.payload)


def _order(answered: HttpReply, purchase_order_id: str) -> OrderSnapshot:
    try:
        order = request_bodies.read_order_body(answered.payload)
    except request_bodies.UnreadableOrder as error:
        message = f"Walmart's answer shows no order that can be read: {error}."
        raise errors.CallUnclear(message, call=answered.call) from error
    return _same(order, purchase_order_id, answered.call)


def _same(order: OrderSnapshot, purchase_order_id: str, call: Call) -> OrderSnapshot:
    if order.purchase_order_id == purchase_order_id:
        return order
    message = f"Walmart answered with another order, {order.purchase_order_id}."
    raise errors.CallUnclear(message, call=call)
