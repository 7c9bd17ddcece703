"""Walmart's returns API: pages of returns, one return, and a refund of units."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from app.domain.orders.returns import Return
from app.domain.seller_credentials import SellerCredentials
from app.http_client.call import Call
from app.walmart import errors, returns
from app.walmart.api_session import ApiSession
from app.walmart.json_values import UnreadableOrder
from app.walmart.returns import ReturnPage


@dataclass(frozen=True, slots=True)
class ReturnsApi:
    """Methods raise only the classes of `app.walmart.errors`."""

    session: ApiSession

    async def changed(
        self,
        account: SellerCredentials,
        since: datetime,
        cursor: str | None = None,
        *,
        until: datetime | None = None,
        size: int | None = None,
    ) -> ReturnPage:
        """Read a page of changed returns, like `list_orders`. until None means no end."""
        query = cursor or returns.changed_query(since, until, size)
        return await self._page(account, query, cursor)

    async def read(self, account: SellerCredentials, return_order_id: str) -> ReturnPage:
        """Read a return, as a page; the page is empty if Walmart has no return with the number."""
        page = await self._page(account, returns.one_query(return_order_id), None)
        return page.of(return_order_id)

    async def _page(self, account: SellerCredentials, query: str, cursor: str | None) -> ReturnPage:
        reply, call = await self.session.find(account, "list_returns", "/v3/returns", query)
        if reply is None:
            return ReturnPage(call)
        try:
            return returns.read_page(reply.payload, call, cursor)
        except UnreadableOrder as error:
            message = f"Walmart's answer shows no list of returns: {error}."
            raise errors.CallUnclear(message, call=call) from error

    async def refund(
        self, account: SellerCredentials, returned: Return, units: Mapping[int, int]
    ) -> Call:
        """Refund units by line. Raises CallUnclear if the answer is about another return."""
        path = f"/v3/returns/{quote(returned.return_order_id, safe='')}/refund"
        body = returns.refund_body(returned, units)
        reply = await self.session.call(account, "refund", "POST", path, body)
        shown = reply.payload
        number = shown.get("returnOrderId") if isinstance(shown, Mapping) else None
        if str(number) != returned.return_order_id:
            message = "Walmart's answer does not name the return that was refunded."
            raise errors.CallUnclear(message, call=reply.call)
        return reply.call
