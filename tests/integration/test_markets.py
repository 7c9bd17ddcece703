"""Accounts of the CA and MX markets: every call names its market and uses its variant of the API.

The simulator implements what Walmart documents about these markets.
"""

from typing import Any

import pytest

from app.domain.errors import Invalid
from app.domain.orders.cancellation import Reason
from app.domain.orders.requests import CancelRequest
from app.storage.queries.views import OrderView
from app.usecases.orders import cancel, preview_shipment, ship
from app.walmart.markets import CANCELLATION_CODES, Market
from tests.builders import a_package
from tests.harness.world import World
from tests.integration.test_importer import imported, run


async def an_order(world: World, market: str, **changes: Any) -> OrderView:
    """An order placed by a buyer of that market, and imported."""
    store = world._stores[0] if world._stores else await world.a_store(market=market)
    body = {
        "client_id": f"{store.walmart.client_id}@{market.lower()}",
        "lines": [{"line_number": "1", "sku": "SKU-1", "quantity": 2}],
        **changes,
    }
    placed = await world.walmart.post("/simulator/orders", json=body)
    placed.raise_for_status()
    await run(world)
    orders = await imported(world)
    return next(iter(sorted(orders.values(), key=lambda each: each.created_at, reverse=True)))


@pytest.mark.parametrize("market", ["CA", "MX"])
async def test_an_order_of_another_market_is_imported_and_shipped(
    world: World, market: str
) -> None:
    order = await an_order(world, market)
    shipped = await ship.ship(world.context, order.id, a_package("1Z1"), actor="test")
    (update,) = await world.deliver_until(shipped.shipment.update.id)
    assert update.state == "confirmed"
    assert (await world.order(order.id)).status == "shipped"
    calls = (await world.walmart.get("/simulator/calls")).json()["calls"]
    # No call went to the account's US orders.
    made = {each["client_id"] for each in calls if each["operation"] != "token"}
    assert made == {f"seller-1@{market.lower()}"}


@pytest.mark.parametrize("market", list(Market))
@pytest.mark.parametrize("reason", [each for each in Reason if each != Reason.CUSTOMER_REQUEST])
async def test_a_cancellation_has_the_code_of_its_market(
    world: World, market: Market, reason: Reason
) -> None:
    order = await an_order(world, market) if market != "US" else await world.an_order(1)
    wanted = CancelRequest(reason)
    accepted = await cancel.cancel(world.context, order.id, wanted, actor="test")
    await world.deliver_until(accepted.update.id)
    (entry,) = [each for each in await world.ledger() if each["operation"] == "cancel"]
    assert entry["reason"] == CANCELLATION_CODES[market][reason]


async def test_a_preview_shows_the_request_for_the_market(world: World) -> None:
    order = await an_order(world, "CA")
    shown = await preview_shipment.preview(world.context, order.id, a_package("1Z1"))
    assert shown.body is not None
    (line,) = shown.body["orderShipment"]["orderLines"]["orderLine"]
    assert line["shipFromCountry"] == "CA"


async def test_an_unknown_market_is_refused(world: World) -> None:
    with pytest.raises(Invalid, match="US, CA, MX"):
        await world.a_store(market="CL")
