"""A simulated Commerce: the part of its REST API that Waybill calls.

Every store code has a shop of its own, and any access token but "wrong" opens it. Orders are
checked only for the fields that Commerce itself requires; answers have Commerce's shapes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.simulator.errors import BadInput, Refusal

WRONG_TOKEN = "wrong"  # noqa: S105 - it opens nothing
MOST_ORDERS = 100_000
_FIRST_NUMBER = 1
_FIRST_ITEM = 501
_REQUIRED = ("base_grand_total", "grand_total", "customer_email", "items")


def refused(status: int, message: str, **parameters: object) -> Refusal:
    """Return an error as Commerce sends it: a template and its parameters."""
    return Refusal(status, {"message": message, "parameters": parameters, "trace": None})


@dataclass(slots=True)
class SimulatedShop:
    """One store view: its orders by entity id, and its stock by SKU."""

    number: int
    orders: dict[int, dict[str, Any]] = field(default_factory=dict)
    stock: dict[str, int] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(_FIRST_NUMBER))
    _items: Iterator[int] = field(default_factory=lambda: itertools.count(_FIRST_ITEM))

    def save(self, entity: object) -> dict[str, Any]:
        """Create an order, or change the given fields of one. Raises Refusal."""
        given = entity if isinstance(entity, dict) else {}
        if "entity_id" in given:
            order = self.order(given["entity_id"])
            payment = given.get("payment")
            order["payment"] = {**order["payment"], **(payment or {})}
            return order
        for name in _REQUIRED:
            if given.get(name) in (None, "", []):
                raise refused(400, '"%fieldName" is required. Enter and try again.', fieldName=name)
        if not given.get("payment"):
            raise refused(500, "Internal Error. Details are available in Magento log file.")
        if len(self.orders) >= MOST_ORDERS:
            raise BadInput(f"No more than {MOST_ORDERS} orders", 507)
        number = next(self._numbers)
        items = [
            {**item, "item_id": next(self._items), "order_id": number} for item in _items(given)
        ]
        order = {
            **given,
            "entity_id": number,
            "increment_id": f"{self.number:02}{number:09}",
            "items": items,
            "payment": {**given["payment"], "entity_id": number, "parent_id": number},
            "status_histories": [],
        }
        self.orders[number] = order
        return order

    def order(self, entity_id: object) -> dict[str, Any]:
        """Return an order by its id. Raises Commerce's 404."""
        found = self.orders.get(entity_id) if isinstance(entity_id, int) else None
        if found is None:
            raise refused(
                404,
                "The entity that was requested doesn't exist. Verify the entity and try again.",
            )
        return found

    def search(self, parameters: Mapping[str, str]) -> dict[str, Any]:
        """Return the orders that match all filters of searchCriteria (equality only)."""
        found = list(self.orders.values())
        for group in range(10):
            at = f"searchCriteria[filterGroups][{group}][filters][0]"
            name = parameters.get(f"{at}[field]")
            if name is not None:
                value = parameters.get(f"{at}[value]")
                found = [order for order in found if str(order.get(name)) == value]
        size = int(parameters.get("searchCriteria[pageSize]", "20"))
        return {"items": found[:size], "search_criteria": {}, "total_count": len(found)}

    def comment(self, entity_id: int, body: object) -> bool:
        """Add a comment to an order's history. Raises Refusal."""
        history = body.get("statusHistory") if isinstance(body, dict) else None
        if not isinstance(history, dict) or not history.get("comment"):
            raise refused(400, '"%fieldName" is required.', fieldName="comment")
        self.order(entity_id)["status_histories"].append(history)
        return True

    def salable(self, sku: str) -> int:
        """Return the units of a SKU that can be sold. Raises Commerce's 404 for an unknown SKU."""
        if sku not in self.stock:
            raise refused(404, "The product that was requested doesn't exist.")
        return self.stock[sku]


@dataclass(slots=True)
class Shops:
    """All shops, each created at its first call."""

    _known: dict[str, SimulatedShop] = field(default_factory=dict)

    def open(self, code: str) -> SimulatedShop:
        """Return the shop of a store code."""
        return self._known.setdefault(code, SimulatedShop(len(self._known) + 1))

    def views(self, code: str) -> list[dict[str, Any]]:
        """Return the store views of the installation with this code."""
        return [
            {"id": 0, "code": "admin", "name": "Admin", "website_id": 0, "store_group_id": 0},
            {"id": self.open(code).number, "code": code, "name": code, "website_id": 1},
        ]

    def clear(self) -> None:
        """Drop all shops."""
        self._known.clear()


def admit(authorization: str) -> None:
    """Check an access token. Raises Commerce's 401."""
    scheme, _, token = authorization.partition(" ")
    if scheme != "Bearer" or not token or token == WRONG_TOKEN:
        raise refused(401, "The consumer isn't authorized to access %resources.", resources="self")


def _items(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    items = given.get("items")
    found = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    if not found or not all(item.get("sku") for item in found):
        raise refused(400, '"%fieldName" is required. Enter and try again.', fieldName="sku")
    return found
