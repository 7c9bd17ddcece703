"""Walmart's order API as Waybill uses it: read, acknowledge, ship, cancel, check the keys.

Each operation ends within the time-out, its token included, so that nothing of a write can
leave after the caller's lease has run out. A second HTTP try is made only where Walmart
refused the token: that is decided before anything is executed.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote
from uuid import uuid4

import httpx

from app.orders.returns import Return
from app.orders.snapshot import OrderSnapshot
from app.walmart import errors, listing, messages, notifications, returning, throttling
from app.walmart.account import Account
from app.walmart.call import Call
from app.walmart.exchange import Answered, Exchange, Try
from app.walmart.listing import OrderPage, Window
from app.walmart.returning import ReturnPage
from app.walmart.token import TokenCache
from app.walmart.transport import AiohttpTransport

__all__ = ["Account", "Answer", "OrderPage", "TokenDetail", "WalmartClient", "Window", "open_http"]

FULL_ACCESS = "full_access"
_KEEP_ALIVE_SECONDS = 20
# Waiting for the pool, connecting and the TLS handshake are limited one by one. A quarter of
# the whole for each means that the whole cannot run out before something was sent.
_CONNECT_SHARE = 4


@dataclass(frozen=True, slots=True)
class Answer:
    """What Walmart answered: the order as it is now, where the answer shows it."""

    order: OrderSnapshot | None
    call: Call


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


@dataclass(frozen=True, slots=True)
class Subscription:
    """An event type that Walmart announces at an address."""

    id: str
    event_type: str
    url: str


class WalmartClient:
    """One client serves every store. timeout is in seconds and bounds an operation as a whole.

    http comes from `open_http` and stays the caller's to close; now gives aware times.
    Every operation raises the classes of `app.walmart.errors` and nothing else.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        base_url: str,
        timeout: float,
        now: Callable[[], datetime],
        new_correlation_id: Callable[[], str] = lambda: str(uuid4()),
        tokens: Callable[[Exchange], TokenCache] | None = None,
    ) -> None:
        self._timeout = timeout
        self._exchange = Exchange(
            http, base_url=base_url, now=now, new_correlation_id=new_correlation_id
        )
        self._tokens = tokens(self._exchange) if tokens else TokenCache(self._exchange, now=now)

    def forget(self, store_id: int) -> None:
        """A store's credentials have changed: ask for a new token at the next call."""
        self._tokens.forget(store_id)

    async def read_order(self, account: Account, purchase_order_id: str) -> Answer:
        """Read an order; the answer always has one. Raises NotFound where Walmart knows none."""
        path = _path(purchase_order_id)
        answered = await self._operate(account, "read_order", "GET", path)
        return Answer(_order(answered, purchase_order_id), answered.call)

    async def list_orders(
        self,
        account: Account,
        window: Window,
        cursor: str | None = None,
        *,
        fulfilled_by_walmart: bool = False,
    ) -> OrderPage:
        """Read a page of the orders that changed within a window.

        cursor is that of the page before, None for the first. The page is empty where none
        changed. Orders that Walmart fulfils itself are listed by themselves. Raises Unclear
        where the answer is no list, or its cursor leads nowhere.
        """
        query = listing.first_query(window, wfs=fulfilled_by_walmart) if cursor is None else cursor
        return await self._page(account, "list_orders", "/v3/orders", query, cursor)

    async def list_released(
        self, account: Account, ordered_since: datetime, cursor: str | None = None
    ) -> OrderPage:
        """Read a page of the orders that wait for their acknowledgement; otherwise as above."""
        query = listing.released_query(ordered_since) if cursor is None else cursor
        return await self._page(account, "list_released", "/v3/orders/released", query, cursor)

    async def _page(
        self, account: Account, operation: str, path: str, query: str, cursor: str | None
    ) -> OrderPage:
        try:
            answered = await self._operate(account, operation, "GET", path, query=query)
        except (errors.NotFound, errors.Unclear) as error:
            if error.call is None or not listing.tells_none(error.call):
                raise
            return OrderPage(call=error.call)
        return listing.read_page(answered, cursor)

    async def acknowledge(self, account: Account, purchase_order_id: str) -> Answer:
        """Say that the order has been received. The answer may come without the order.

        Raises Refused where some units are already shipped or canceled ("higher status").
        """
        path = _path(purchase_order_id, "/acknowledge")
        answered = await self._operate(account, "acknowledge", "POST", path)
        try:
            order = messages.read_order_body(answered.payload)
        except messages.UnreadableOrder:
            return Answer(None, answered.call)
        return Answer(_same(order, purchase_order_id, answered.call), answered.call)

    async def ship(
        self, account: Account, purchase_order_id: str, body: Mapping[str, object]
    ) -> Answer:
        """Send a body of `messages.shipping_body` or `tracking_body`; the answer has the order."""
        path = _path(purchase_order_id, "/shipping")
        answered = await self._operate(account, "ship", "POST", path, body)
        return Answer(_order(answered, purchase_order_id), answered.call)

    async def cancel(
        self, account: Account, purchase_order_id: str, body: Mapping[str, object]
    ) -> Answer:
        """Send a body of `messages.cancellation_body`; the answer has the order."""
        path = _path(purchase_order_id, "/cancel")
        answered = await self._operate(account, "cancel", "POST", path, body)
        return Answer(_order(answered, purchase_order_id), answered.call)

    async def list_returns(
        self, account: Account, since: datetime, until: datetime, cursor: str | None = None
    ) -> ReturnPage:
        """Read a page of the returns that changed within a window, as `list_orders` does."""
        query = returning.changed_query(since, until) if cursor is None else cursor
        return await self._returns(account, query, cursor)

    async def read_return(
        self, account: Account, return_order_id: str
    ) -> tuple[Return | None, Call]:
        """Read a return; None where Walmart shows none of that number."""
        page = await self._returns(account, returning.one_query(return_order_id), None)
        if return_order_id in page.unreadable:
            raise errors.Unclear("Walmart's return cannot be read.", call=page.call)
        found = (each for each in page.returns if each.return_order_id == return_order_id)
        return next(found, None), page.call

    async def _returns(self, account: Account, query: str, cursor: str | None) -> ReturnPage:
        try:
            answered = await self._operate(
                account, "list_returns", "GET", "/v3/returns", query=query
            )
        except (errors.NotFound, errors.Unclear) as error:
            if error.call is None or not listing.tells_none(error.call):
                raise
            return ReturnPage(error.call)
        try:
            return returning.read_page(answered.payload, answered.call, cursor)
        except messages.UnreadableOrder as error:
            message = f"Walmart's answer shows no list of returns: {error}."
            raise errors.Unclear(message, call=answered.call) from error

    async def refund(self, account: Account, returned: Return, units: Mapping[int, int]) -> Call:
        """Refund units of a return's lines. Raises Unclear where the answer is of another."""
        path = f"/v3/returns/{quote(returned.return_order_id, safe='')}/refund"
        body = returning.refund_body(returned, units)
        answered = await self._operate(account, "refund", "POST", path, body)
        shown = answered.payload
        number = shown.get("returnOrderId") if isinstance(shown, Mapping) else None
        if str(number) != returned.return_order_id:
            message = "Walmart's answer does not name the return that was refunded."
            raise errors.Unclear(message, call=answered.call)
        return answered.call

    async def event_types(self, account: Account) -> dict[str, str]:
        """What can be subscribed to: event types, each with its resource."""
        answered = await self._operate(account, "webhooks", "GET", "/v3/webhooks/eventTypes")
        found = _events(answered)
        return {str(each.get("eventType")): str(each.get("resourceName")) for each in found}

    async def subscriptions(self, account: Account) -> list[Subscription]:
        """What is subscribed to, whoever did it."""
        try:
            answered = await self._operate(account, "webhooks", "GET", "/v3/webhooks/subscriptions")
        except errors.NotFound:
            return []
        return [
            Subscription(
                str(each.get("subscriptionId")),
                str(each.get("eventType")),
                str(each.get("eventUrl")),
            )
            for each in _events(answered)
        ]

    async def subscribe(
        self, account: Account, url: str, wanted: Mapping[str, str], secret: str
    ) -> None:
        """Let Walmart announce events (types with their resources), signed with a secret."""
        events = [
            notifications.subscription(url, kind, resource, secret)
            for kind, resource in wanted.items()
        ]
        await self._operate(
            account, "webhooks", "POST", "/v3/webhooks/subscriptions", {"events": events}
        )

    async def unsubscribe(self, account: Account, identifier: str) -> None:
        """End a subscription."""
        path = f"/v3/webhooks/subscriptions/{quote(identifier, safe='')}"
        await self._operate(account, "webhooks", "DELETE", path)

    async def put_inventory(
        self, account: Account, sku: str, quantity: int, ship_node: str | None
    ) -> Call:
        """Set how many units of a SKU there are; absolute. Raises NotFound for an unknown SKU.

        Raises Unclear where the answer does not say the same number.
        """
        query = f"?sku={quote(sku, safe='')}"
        if ship_node is not None:
            query += f"&shipNode={quote(ship_node, safe='')}"
        body = {"sku": sku, "quantity": {"unit": "EACH", "amount": quantity}}
        answered = await self._operate(
            account, "inventory", "PUT", "/v3/inventory", body, query=query
        )
        if messages.stock_of(answered.payload) != quantity:
            message = "Walmart's answer does not show the stock level that was sent."
            raise errors.Unclear(message, call=answered.call)
        return answered.call

    async def check(self, account: Account) -> TokenDetail:
        """Try a store's keys with a token of their own, and say what they may do."""
        self.forget(account.store_id)
        answered = await self._operate(account, "check", "GET", "/v3/token/detail")
        body = answered.payload
        if not isinstance(body, dict) or not isinstance(body.get("scopes"), dict):
            raise errors.Unclear("Walmart's answer holds no scopes.", call=answered.call)
        return TokenDetail(
            is_valid=str(body.get("is_valid", True)).casefold() == "true",
            scopes={str(name): str(level) for name, level in body["scopes"].items()},
            expires_at=throttling.instant(body.get("expire_at")),
            call=answered.call,
        )

    async def _operate(
        self,
        account: Account,
        operation: str,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        query: str = "",
    ) -> Answered:
        deadline = asyncio.get_running_loop().time() + self._timeout
        content = None if body is None else json.dumps(body, separators=(",", ":"))
        token = await self._tokens.get(account, deadline)
        for renewable in (True, False):
            headers = {"WM_SEC.ACCESS_TOKEN": token}
            secrets = (token, account.client_secret)
            wanted = Try(operation, method, path, headers, content, secrets, query)
            answered = await self._exchange.send(wanted, deadline)
            error = errors.classify(answered.call)
            if not (renewable and isinstance(error, errors.CredentialsRejected)):
                break
            token = await self._tokens.get(account, deadline, rejected=token)
        if error is not None:
            raise error
        return answered


def open_http(
    *, timeout: float, max_connections: int, transport: httpx.AsyncBaseTransport | None = None
) -> httpx.AsyncClient:
    """Open the connection pool the client works with; the caller closes it.

    timeout is in seconds, for one wait on the network. No proxy is taken from the environment
    and no redirect is followed. transport: another way to Walmart than its own.
    """
    part = timeout / _CONNECT_SHARE
    return httpx.AsyncClient(
        transport=transport
        or AiohttpTransport(max_connections=max_connections, keep_alive=_KEEP_ALIVE_SECONDS),
        timeout=httpx.Timeout(timeout, connect=part, pool=part),
        follow_redirects=False,
        trust_env=False,
    )


def _events(answered: Answered) -> list[Mapping[str, object]]:
    body = answered.payload
    found = body.get("events") if isinstance(body, Mapping) else None
    if not isinstance(found, list):
        raise errors.Unclear("Walmart's answer holds no events.", call=answered.call)
    return [each for each in found if isinstance(each, Mapping)]


def _path(purchase_order_id: str, action: str = "") -> str:
    return f"/v3/orders/{quote(purchase_order_id, safe='')}{action}"


def _order(answered: Answered, purchase_order_id: str) -> OrderSnapshot:
    try:
        order = messages.read_order_body(answered.payload)
    except messages.UnreadableOrder as error:
        message = f"Walmart's answer shows no order that can be read: {error}."
        raise errors.Unclear(message, call=answered.call) from error
    return _same(order, purchase_order_id, answered.call)


def _same(order: OrderSnapshot, purchase_order_id: str, call: Call) -> OrderSnapshot:
    if order.purchase_order_id == purchase_order_id:
        return order
    message = f"Walmart answered with another order, {order.purchase_order_id}."
    raise errors.Unclear(message, call=call)
