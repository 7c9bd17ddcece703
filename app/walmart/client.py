"""Client of Walmart's APIs: the order API here, the others as its fields.

How a call gets its token and its deadline is in `api_session.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote
from uuid import uuid4

from app.domain.orders.buyer import Buyer
from app.domain.orders.snapshot import OrderSnapshot
from app.domain.seller_credentials import SellerCredentials
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
from app.walmart.inventory_api import InventoryApi
from app.walmart.order_lists import ChangeWindow, OrderPage
from app.walmart.returns_api import ReturnsApi
from app.walmart.token import TokenCache
from app.walmart.webhooks_api import WebhooksApi

__all__ = [
    "BuyerReply",
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
    classify=errors.classify,
    tokens_left=rate_limit_headers.tokens_left,
    replenish_in=rate_limit_headers.replenish_in,
)


@dataclass(frozen=True, slots=True)
class WalmartReply:
    """Walmart's answer to a call about an order."""

    order: OrderSnapshot | None
    """The order after the call. None means that the answer does not show it."""
    call: Call
    payload: object = field(default=None, repr=False)
    """The decoded JSON, which contains the buyer's name and address."""

    @property
    def private(self) -> frozenset[str]:
        """The buyer's words in the answer, which no evidence and no message may contain."""
        return buyer_parser.private_words(self.payload)


@dataclass(frozen=True, slots=True)
class BuyerReply:
    """An order with its buyer."""

    order: OrderSnapshot
    buyer: Buyer
    call: Call

    @property
    def private(self) -> frozenset[str]:
        """The buyer's words in the answer, which no evidence and no message may contain."""
        return self.buyer.private


@dataclass(frozen=True, slots=True)
class TokenDetail:
    """The permissions of a store's keys."""

    is_valid: bool
    scopes: Mapping[str, str]
    """orders, returns, inventory and so on to full_access, view_only or no_access."""
    expires_at: datetime | None
    call: Call

    @property
    def may_write_orders(self) -> bool:
        """Whether Walmart accepts shipments and cancellations with these keys."""
        return self.is_valid and self.scopes.get("orders") == FULL_ACCESS


class WalmartClient:
    """A client for all stores. Its methods raise only the classes of `app.walmart.errors`.

    timeout bounds a call as a whole, in seconds. http comes from `open_http`; the caller closes it.
    now returns aware times.
    """

    def __init__(
        self,
        http: Http,
        *,
        base_url: str,
        timeout: float,
        now: Callable[[], datetime],
        tokens: Callable[[Exchange], TokenCache] | None = None,
    ) -> None:
        exchange = Exchange(
            http,
            base_url=base_url,
            dialect=_DIALECT,
            now=now,
            new_correlation_id=lambda: str(uuid4()),
        )
        cache = tokens(exchange) if tokens else TokenCache(exchange, now=now)
        self._session = ApiSession(exchange, cache, timeout)
        self.returns = ReturnsApi(self._session)
        self.inventory = InventoryApi(self._session)
        self.webhooks = WebhooksApi(self._session)

    def forget(self, store_id: int) -> None:
        """Drop a store's token because its credentials changed."""
        self._session.tokens.forget(store_id)

    async def read_order(self, account: SellerCredentials, purchase_order_id: str) -> WalmartReply:
        """Read an order; the answer always shows one. Raises NotFound if Walmart has none."""
        path = _path(purchase_order_id)
        reply = await self._session.call(account, "read_order", "GET", path)
        return _answer(reply, _order(account, reply, purchase_order_id))

    async def read_buyer(self, account: SellerCredentials, purchase_order_id: str) -> BuyerReply:
        """Read an order with its buyer. Raises CallRefused if the address is not complete."""
        path = _path(purchase_order_id)
        reply = await self._session.call(account, "read_order", "GET", path)
        order = _order(account, reply, purchase_order_id)
        try:
            return BuyerReply(order, buyer_parser.read_buyer(reply.payload), reply.call)
        except buyer_parser.NoAddress as error:
            message = f"Walmart's order has no complete address: {error}."
            raise errors.CallRefused(message, call=reply.call) from error

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

        cursor: from the page before; None means the first page. size: of the page; None means the
        default. The page is empty if no order changed. Orders that Walmart fulfils itself are in a
        list of their own. Raises CallUnclear if the answer is not a list or its cursor is invalid.
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
        """Read a page of the orders that wait for their acknowledgement; see `list_orders`."""
        query = cursor or order_lists.released_query(ordered_since, size)
        return await self._page(account, "list_released", "/v3/orders/released", query, cursor)

    async def _page(
        self, account: SellerCredentials, operation: str, path: str, query: str, cursor: str | None
    ) -> OrderPage:
        reply, call = await self._session.find(account, operation, path, query)
        return (
            OrderPage(call=call)
            if reply is None
            else order_lists.read_page(reply, cursor, account.charge_amount_is)
        )

    async def acknowledge(self, account: SellerCredentials, purchase_order_id: str) -> WalmartReply:
        """Acknowledge an order. The answer may not show it.

        Raises CallRefused if units are already shipped or canceled ("higher status").
        """
        path = _path(purchase_order_id, "/acknowledge")
        reply = await self._session.call(account, "acknowledge", "POST", path)
        try:
            order = request_bodies.read_order_body(reply.payload, account.charge_amount_is)
        except request_bodies.UnreadableOrder:
            return WalmartReply(None, reply.call)
        return _answer(reply, _same(order, purchase_order_id, reply.call))

    async def ship(
        self, account: SellerCredentials, purchase_order_id: str, body: Mapping[str, object]
    ) -> WalmartReply:
        """Send a body of `shipping_body` or `tracking_body`; the answer shows the order."""
        path = _path(purchase_order_id, "/shipping")
        reply = await self._session.call(account, "ship", "POST", path, body)
        return _answer(reply, _order(account, reply, purchase_order_id))

    async def cancel(
        self, account: SellerCredentials, purchase_order_id: str, body: Mapping[str, object]
    ) -> WalmartReply:
        """Send a body of `cancellation_body`; the answer shows the order."""
        path = _path(purchase_order_id, "/cancel")
        reply = await self._session.call(account, "cancel", "POST", path, body)
        return _answer(reply, _order(account, reply, purchase_order_id))

    async def check(self, account: SellerCredentials) -> TokenDetail:
        """Read the permissions of a store's keys, with a new token."""
        self.forget(account.store_id)
        reply = await self._session.call(account, "check", "GET", "/v3/token/detail")
        body = reply.payload
        if not isinstance(body, dict) or not isinstance(body.get("scopes"), dict):
            raise errors.CallUnclear("Walmart's answer holds no scopes.", call=reply.call)
        return TokenDetail(
            is_valid=str(body.get("is_valid", True)).casefold() == "true",
            scopes={str(name): str(level) for name, level in body["scopes"].items()},
            expires_at=rate_limit_headers.instant(body.get("expire_at")),
            call=reply.call,
        )


def _path(purchase_order_id: str, action: str = "") -> str:
    return f"/v3/orders/{quote(purchase_order_id, safe='')}{action}"


def _answer(reply: HttpReply, order: OrderSnapshot) -> WalmartReply:
    return WalmartReply(order, reply.call, reply.payload)


def _order(account: SellerCredentials, reply: HttpReply, purchase_order_id: str) -> OrderSnapshot:
    try:
        order = request_bodies.read_order_body(reply.payload, account.charge_amount_is)
    except request_bodies.UnreadableOrder as error:
        message = f"Walmart's answer shows no order that can be read: {error}."
        raise errors.CallUnclear(message, call=reply.call) from error
    return _same(order, purchase_order_id, reply.call)


def _same(order: OrderSnapshot, purchase_order_id: str, call: Call) -> OrderSnapshot:
    if order.purchase_order_id == purchase_order_id:
        return order
    message = f"Walmart answered with another order, {order.purchase_order_id}."
    raise errors.CallUnclear(message, call=call)
