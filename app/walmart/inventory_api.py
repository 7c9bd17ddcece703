"""Walmart's inventory API: the stock level of a SKU."""

from dataclasses import dataclass
from urllib.parse import quote

from app.domain.seller_credentials import SellerCredentials
from app.http_client.call import Call
from app.walmart import errors, request_bodies
from app.walmart.api_session import ApiSession

_PATH = "/v3/inventory"


@dataclass(frozen=True, slots=True)
class InventoryAnswer:
    """The stock level that Walmart shows."""

    quantity: int
    call: Call


@dataclass(frozen=True, slots=True)
class InventoryApi:
    """Methods raise only the classes of `app.walmart.errors`."""

    session: ApiSession

    async def put(
        self, account: SellerCredentials, sku: str, quantity: int, ship_node: str | None
    ) -> Call:
        """Set the stock level of a SKU. Raises NotFound for an unknown SKU.

        Raises CallUnclear if the answer shows another number.
        """
        body = {"sku": sku, "quantity": {"unit": "EACH", "amount": quantity}}
        reply = await self.session.call(
            account, "inventory", "PUT", _PATH, body, query=_query(sku, ship_node)
        )
        if request_bodies.stock_of(reply.payload) != quantity:
            message = "Walmart's answer does not show the stock level that was sent."
            raise errors.CallUnclear(message, call=reply.call)
        return reply.call

    async def read(
        self, account: SellerCredentials, sku: str, ship_node: str | None
    ) -> InventoryAnswer:
        """Read the stock level of a SKU. Raises NotFound for an unknown SKU.

        Raises CallUnclear if the answer shows no number. Reads and writes share one rate limit.
        """
        reply = await self.session.call(
            account, "inventory", "GET", _PATH, query=_query(sku, ship_node)
        )
        shown = request_bodies.stock_of(reply.payload)
        if shown is None:
            message = "Walmart's answer does not show a stock level."
            raise errors.CallUnclear(message, call=reply.call)
        return InventoryAnswer(shown, reply.call)


def _query(sku: str, ship_node: str | None) -> str:
    query = f"?sku={quote(sku, safe='')}"
    return query if ship_node is None else f"{query}&shipNode={quote(ship_node, safe='')}"
