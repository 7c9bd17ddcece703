"""/v1/stores/{store_id}/inventory: set stock levels at Walmart."""

from typing import Annotated
from uuid import UUID

from fastapi import Body, Response
from pydantic import Field

from app.domain.orders.requests import StockLevel
from app.storage.queries.views import UpdateView
from app.usecases.stores import inventory as use_cases
from app.usecases.stores.inventory import QueuedLevel
from app.web.dependencies import Writing, answer, respond
from app.web.path_rules import MANY, PathRule
from app.web.route import OperationRouter
from app.web.v1 import examples
from app.web.v1.fields import In, Out, Text, Units
from app.web.v1.responses import problems, success


class LevelIn(In):
    """Salable units of a SKU at a ship node, or without one at the seller's default node."""

    sku: Text
    quantity: Units
    ship_node: Text | None = None


class InventoryIn(In):
    """Stock levels. Each pair of SKU and ship node may occur once."""

    items: Annotated[list[LevelIn], Field(min_length=1, max_length=200)]

    def levels(self) -> list[StockLevel]:
        """The levels for the use case."""
        return [StockLevel(each.sku, each.quantity, each.ship_node) for each in self.items]


class LevelOut(Out):
    """A stock level, and the update that sends it to Walmart."""

    sku: str
    quantity: int
    ship_node: str | None
    update: UpdateView

    @classmethod
    def of(cls, queued: QueuedLevel) -> "LevelOut":
        """Convert a level."""
        level = queued.level
        return cls(
            sku=level.sku,
            quantity=level.quantity,
            ship_node=level.ship_node,
            update=queued.update,
        )


class InventoryOut(Out):
    """The accepted stock levels."""

    data: list[LevelOut]


_PATH = "/v1/stores/{store_id}/inventory"
router = OperationRouter(_PATH, "inventory", PathRule(_PATH, MANY))


@router.put(
    "",
    operation_id="put_inventory",
    summary="Set stock levels",
    status_code=202,
    response_model=InventoryOut,
    responses=success(202, InventoryOut, {"data": [examples.LEVEL]}, "Accepted and stored.")
    | problems("store_not_found", "sku_repeated", body=True),
)
async def put_inventory(
    context: Writing,
    store_id: UUID,
    body: Annotated[
        InventoryIn,
        Body(examples=[{"items": [{"sku": "ABC", "quantity": 5, "ship_node": None}]}]),
    ],
) -> Response:
    """Set the number of salable units of each SKU.

    The newest level of a SKU replaces an older one that is not sent yet.
    """
    context.store_of(store_id, "store")
    queued = await use_cases.put(context.app, store_id, body.levels(), actor=context.actor)
    return respond(answer(202, InventoryOut(data=[LevelOut.of(each) for each in queued])))
