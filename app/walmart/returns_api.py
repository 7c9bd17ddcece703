"""Walmart's returns API: pages of returns, one return, and a refund of units."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from app.domain.orders.returns import Return
from app.http_client.call import Call
from app.walmart import errors, returns
from app.walmart.api_session import ApiSession
from app.walmart.credentials import SellerCredentials
from app.walmart.order_parser import UnreadableOrder
from app.walmart.returns import ReturnPage


@dataclass(frozen=True, slots=True)
class ReturnsApi:
    """Raises the classes of `app.walmart.errors` and nothing else."""

    operations: ApiSession

    async def changed(
        self,
        account: SellerCredentials,
        since: datetime,
        cursor: str | None = None,
        *,
        until: datetime | None = None,
        size: int | None = None,
    ) -> ReturnPage:
        """Read a page of the returns that changed since, as `list_orders`; until None: till now."""
        query = cursor or returns.changed_query(since, until, size)
        return await self._page(account, query, cursor)

    async def read(self, account: SellerCredentials, return_order_id: str) -> ReturnPage:
        """Read a return: a page of it alone, empty where Walmart shows none of that number."""
        page = await self._page(account, returns.one_query(return_order_id), None)
        return page.of(return_order_id)

    async def _page(self, account: SellerCredentials, query: str, cursor: str | None) -> ReturnPage:
        answered, call = await self.operations.look_up(
            account, "list_returns", "/v3/returns", query
        )
        if answered is None:
            return ReturnPage(call)
        try:
            return returns.read_page(answered.payload, call, cursor)
        except UnreadableOrder as error:
            message = f"Walmart's answer shows no list of returns: {error}."
            raise errors.CallUnclear(message, call=call) from error

    async def refund(
        self, account: SellerCredentials, returned: Return, units: Mapping[int, int]
    ) -> Call:
        """Refund units of a return's lines. Raises Unclear where the answer is of another."""
        path = f"/v3/returns/{quote(returned.return_order_id, safe='')}/refund"
        body = returns.refund_body(returned, units)
        answered = await self.operations.carry_out(account, "refund", "POST", path, body)
        shown = answered.payload
        number = shown.get("returnOrderId") if isinstance(shown, Mapping) else None
        if str(number) != returned.return_order_id:
            message = "Walmart's answer does not name the return that was refunded."
            raise errors.CallUnclear(message, call=answered.call)
        return answered.call
