"""The Walmart of a test: the simulator, its orders, its faults, and what it received."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from app.storage.queries.views import OrderView, StoreView

_purchase_orders = itertools.count(1_796_330_120_000)


@dataclass(kw_only=True)
class SimulatedWalmart:
    """A test acts as a buyer, a seller in Seller Center, or Walmart's operator."""

    walmart: httpx.AsyncClient
    """Calls the simulator's own paths."""
    walmart_url: str
    _refusals: list[int] = field(default_factory=list)

    async def at_walmart(self, *quantities: int, store: StoreView, **changes: Any) -> str:
        """Let a buyer order units, a line for each quantity; returns the purchase order's number."""
        lines = [
            {"line_number": str(n), "sku": f"SKU-{n}", "quantity": units}
            for n, units in enumerate(quantities or (3,), start=1)
        ]
        number = str(next(_purchase_orders))
        body = {
            "client_id": store.walmart.client_id,
            "purchase_order_id": number,
            "lines": lines,
            "status": "Acknowledged",
            **changes,
        }
        (await self.walmart.post("/simulator/orders", json=body)).raise_for_status()
        return number

    async def fault(self, operation: str, kind: str, **changes: Any) -> None:
        """Let Walmart fail: once, or as often as `times` says.

        A refusal lasts until `deliver_until` ends, as Walmart's do: on a slow machine the read
        after it may fail, and then the same call is sent once more.
        """
        lasting = kind == "refuse" and "times" not in changes
        body = {"operation": operation, "kind": kind, "times": None if lasting else 1, **changes}
        made = (await self.walmart.post("/simulator/faults", json=body)).raise_for_status()
        if lasting:
            self._refusals.append(made.json()["id"])

    async def end_refusals(self) -> None:
        """Let Walmart accept again what it refused."""
        while self._refusals:
            path = f"/simulator/faults/{self._refusals.pop()}"
            (await self.walmart.delete(path)).raise_for_status()

    async def shipped_by_hand(self, order: OrderView, units: int, tracking_number: str) -> None:
        """Let a person ship units of line 1 in Seller Center."""
        line = {"line_number": "1", "quantity": units, "tracking_number": tracking_number}
        path = f"/simulator/orders/{order.purchase_order_id}/ship"
        (await self.walmart.post(path, json={"lines": [line]})).raise_for_status()

    async def ledger(self, purchase_order_id: str | None = None) -> list[dict[str, Any]]:
        """Every effect that Walmart applied, in order."""
        query = {"purchase_order_id": purchase_order_id} if purchase_order_id else {}
        answer = await self.walmart.get("/simulator/ledger", params=query)
        entries = answer.raise_for_status().json()
        return list(entries["entries"] if isinstance(entries, Mapping) else entries)

    async def calls(self, operation: str) -> list[dict[str, Any]]:
        """The calls of one operation that Walmart received, in order."""
        answer = (await self.walmart.get("/simulator/calls")).raise_for_status().json()
        entries = answer["calls"] if isinstance(answer, Mapping) else answer
        return [entry for entry in entries if entry["operation"] == operation]
