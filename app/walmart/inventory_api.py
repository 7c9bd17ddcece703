"""Walmart's inventory API: how many units of a SKU there are to sell."""

from dataclasses import dataclass
from urllib.parse import quote

from app.http_client.call import Call
from app.walmart import errors, request_bodies
from app.walmart.api_session import ApiSession
from app.walmart.credentials import SellerCredentials

_PATH = "/v3/inventory"


@dataclass(frozen=True, slots=True)
class InventoryAnswer:
    """How many units of a SKU Walmart shows."""

    quantity: int
    call: Call


@dataclass(frozen=True, slots=True)
class InventoryApi:
    """Raises the classes of `app.walmart.errors` and nothing else."""

    operations: ApiSession

    async def put(
        self, account: SellerCredentials, sku: str, quantity: int, ship_node: str | None
    ) -> Call:
        """Set how many units of a SKU there are; absolute. Raises NotFound for an unknown SKU.

        Raises Unclear where the answer does not say the same number.
        """
        body = {"sku": sku, "quantity": {"unit": "EACH", "amount": quantity}}
        answered = await self.operations.carry_out(
            account, "inventory", "PUT", _PATH, body, query=_query(sku, ship_node)
        )
        if request_bodies.stock_of(answered.payload) != quantity:
            message = "Walmart's answer does not show the stock level that was sent."
            raise errors.CallUnclear(message, call=answered.call)
        return answered.call

    async def read(
        self, account: SellerCredentials, sku: str, ship_node: str | None
    ) -> InventoryAnswer:
        """Read how many units of a SKU Walmart shows. Raises NotFound for an unknown SKU.

        Raises Unclear where the answer shows no number. A read shares the lane of the writes.
        """
        answered = await self.operations.carry_out(
            account, "inventory", "GET", _PATH, query=_query(sku, ship_node)
        )
        shown = request_bodies.stock_of(answered.payload)
        if shown is None:
            message = "Walmart's answer does not show a stock level."
            raise errors.CallUnclear(message, call=answered.call)
        return InventoryAnswer(shown, answered.call)


def _query(sku: str, ship_node: str | None) -> str:
    query = f"?sku={quote(sku, safe='')}"
    return query if ship_node is None else f"{query}&shipNode={quote(ship_node, safe='')}"
