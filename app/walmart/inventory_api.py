"""Walmart's inventory API: how many units of a SKU there are to sell."""

from dataclasses import dataclass
from urllib.parse import quote

from app.outbound.call import Call
from app.walmart import errors, messages
from app.walmart.account import Account
from app.walmart.operations import Operations


@dataclass(frozen=True, slots=True)
class InventoryApi:
    """Raises the classes of `app.walmart.errors` and nothing else."""

    operations: Operations

    async def put(self, account: Account, sku: str, quantity: int, ship_node: str | None) -> Call:
        """Set how many units of a SKU there are; absolute. Raises NotFound for an unknown SKU.

        Raises Unclear where the answer does not say the same number.
        """
        query = f"?sku={quote(sku, safe='')}"
        if ship_node is not None:
            query += f"&shipNode={quote(ship_node, safe='')}"
        body = {"sku": sku, "quantity": {"unit": "EACH", "amount": quantity}}
        answered = await self.operations.carry_out(
            account, "inventory", "PUT", "/v3/inventory", body, query=query
        )
        if messages.stock_of(answered.payload) != quantity:
            message = "Walmart's answer does not show the stock level that was sent."
            raise errors.Unclear(message, call=answered.call)
        return answered.call
