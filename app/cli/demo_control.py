"""The page's strip in the demo: buyers order, send back and ask to cancel; Walmart refuses."""

import itertools
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import httpx

from app.cli.demo_data import SELLER
from app.web.page_settings import DemoAct

_GOODS: list[list[dict[str, Any]]] = [
    [{"sku": "TEAPOT", "name": "Stoneware teapot", "quantity": 2, "unit_price": "34.00"}],
    [
        {"sku": "MUG-BLUE", "name": "Blue mug", "quantity": 4, "unit_price": "9.50"},
        {"sku": "TEA-GREEN", "name": "Green tea", "quantity": 1, "unit_price": "12.00"},
    ],
    [{"sku": "BLANKET", "name": "Wool blanket", "quantity": 1, "unit_price": "79.00"}],
]
_SHIPPED = frozenset({"Shipped", "Delivered"})
_OPEN = frozenset({"Created", "Acknowledged"})
# The field that Walmart says it refuses: independent of the carrier and number that people type.
_REFUSAL = {
    "operation": "shipping",
    "kind": "refuse",
    "times": 1,
    "field": "methodCode",
    "code": "INVALID_REQUEST_CONTENT.GMP_ORDER_API.methodCode",
    "client_id": SELLER,
}


@asynccontextmanager
async def opened(simulator: str) -> AsyncIterator["SimulatorControl"]:
    """Open the control of a simulator, by its address."""
    async with httpx.AsyncClient(base_url=simulator, timeout=5, trust_env=False) as client:
        yield SimulatorControl(client)


class SimulatorControl:
    """Calls the admin routes of a simulator, for the demo's one store."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._goods = itertools.cycle(_GOODS)

    async def act(self, act: DemoAct) -> str | None:
        """Let something happen; returns the number of its purchase order, or "" without one.

        None means that no order is in a state for it, or that the simulator does not answer.
        """
        try:
            match act:
                case DemoAct.ORDER:
                    order = {"client_id": SELLER, "lines": next(self._goods)}
                    placed = await self._post("/simulator/orders", order)
                    return str(placed["purchase_order_id"])
                case DemoAct.REFUSE:
                    await self._post("/simulator/faults", _REFUSAL)
                    return ""
                case DemoAct.SEND_BACK:
                    return await self._of_newest("return", _SHIPPED)
                case DemoAct.ASK_TO_CANCEL:
                    return await self._of_newest("intent-to-cancel", _OPEN)
        except httpx.HTTPError:
            return None

    async def _of_newest(self, verb: str, statuses: frozenset[str]) -> str | None:
        """Let the buyer of the newest order that fits do something with it."""
        answer = await self._client.get("/simulator/orders", params={"client_id": SELLER})
        orders = answer.raise_for_status().json()["orders"]
        for order in sorted(orders, key=lambda order: -order["ordered_at"]):
            if _fits(order["lines"], statuses):
                number = str(order["purchase_order_id"])
                await self._post(f"/simulator/orders/{number}/{verb}", {})
                return number
        return None

    async def _post(self, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        answer = await self._client.post(path, json=body)
        return answer.raise_for_status().json()


def _fits(lines: Iterable[dict[str, Any]], statuses: frozenset[str]) -> bool:
    """Whether all units have one of the statuses, and the buyer asked for nothing yet."""
    return all(
        not line["intent_to_cancel"] and all(part["status"] in statuses for part in line["units"])
        for line in lines
    )
