"""Writes in doubt, through the API."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx

from app.domain.update import State
from app.storage.queries.views import OrderView
from tests.harness.pollers import POLICY
from tests.harness.world import World

# The doubts do not end within a test, unless it ends them.
LONG = replace(POLICY, quiet_period=3600)


def a_body(number: str = "1ZA", units: int = 2, **changes: Any) -> dict[str, Any]:
    """A shipment of line 1."""
    items = [{"line_number": "1", "quantity": units}]
    return {"carrier_code": "ups", "tracking_number": number, "items": items, **changes}


async def accepted(
    client: httpx.AsyncClient, order: OrderView, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A shipment that the API accepted."""
    answer = await client.post(f"/v1/orders/{order.id}/shipments", json=body or a_body())
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def in_doubt(
    world: World,
    client: httpx.AsyncClient,
    order: OrderView,
    body: dict[str, Any] | None = None,
    fault: str = "held",
) -> dict[str, Any]:
    """A shipment with a 500 for an answer; its write takes effect when `land` releases it."""
    await world.fault("shipping", fault, purchase_order_id=order.purchase_order_id)
    shipment = await accepted(client, order, body)
    update = UUID(shipment["update"]["id"])
    await world.deliver_until(update, states={State.VERIFYING}, policy=LONG)
    return shipment


async def dismissed(client: httpx.AsyncClient, update_id: str) -> dict[str, Any]:
    """Dismiss an update; return the API's answer."""
    answer = await client.post(f"/v1/updates/{update_id}/dismiss", json={"note": "by hand"})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def shown(client: httpx.AsyncClient, order: OrderView) -> dict[str, Any]:
    """The order as the API shows it."""
    found: dict[str, Any] = (await client.get(f"/v1/orders/{order.id}")).raise_for_status().json()
    return found


async def units(client: httpx.AsyncClient, order: OrderView) -> list[dict[str, int]]:
    """The quantities of each line as the API shows them."""
    return [line["quantity"] for line in (await shown(client, order))["lines"]]


async def land(world: World) -> None:
    """Apply everything at Walmart that was held."""
    (await world.walmart.post("/simulator/held")).raise_for_status()


async def at_walmart(world: World, order: OrderView, operation: str = "shipping") -> list[Any]:
    """The effects of an operation at Walmart, in order: line, units, tracking number."""
    entries = await world.ledger(order.purchase_order_id)
    return [
        (entry["line"], entry["quantity"], entry["tracking_number"])
        for entry in entries
        if entry["operation"] == operation
    ]


def code(answer: httpx.Response) -> tuple[int, str]:
    """An answer's status with the code of its problem."""
    return answer.status_code, str(answer.json().get("code"))
