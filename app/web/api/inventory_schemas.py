"""Stock levels as JSON, in and out."""

from typing import Annotated

from pydantic import Field, StrictInt

from app.intake.inventory import Queued
from app.orders.bounds import INT
from app.orders.requests import StockLevel
from app.web.api.fields import In, Out, Text
from app.web.api.update_schemas import UpdateOut


class LevelIn(In):
    """Units of a SKU to sell, at a ship node or, without one, at the seller's default node."""

    sku: Text
    quantity: Annotated[StrictInt, Field(ge=0, le=INT)]
    ship_node: Text | None = None


class InventoryIn(In):
    """Stock levels, each SKU and node once."""

    items: Annotated[list[LevelIn], Field(min_length=1, max_length=200)]

    def levels(self) -> list[StockLevel]:
        """The levels in the use case's words."""
        return [StockLevel(each.sku, each.quantity, each.ship_node) for each in self.items]


class LevelOut(Out):
    """A level and the update that tells Walmart of it."""

    sku: str
    quantity: int
    ship_node: str | None
    update: UpdateOut

    @classmethod
    def of(cls, queued: Queued) -> "LevelOut":
        """Show a level."""
        level = queued.level
        return cls(
            sku=level.sku,
            quantity=level.quantity,
            ship_node=level.ship_node,
            update=UpdateOut.of(queued.update),
        )


class InventoryOut(Out):
    """What was accepted."""

    data: list[LevelOut]
