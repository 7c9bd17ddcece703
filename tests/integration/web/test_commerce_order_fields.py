"""Orders under /rest have what Adobe's schema of Commerce 2.4.8 requires, and no null."""

import httpx

from tests.contract.adobe_schema import violations
from tests.harness.world import World
from tests.integration.web.adobe import linked

ORDERS = "/rest/store_1/V1/orders"


async def test_orders_are_valid_by_adobes_schema(world: World, client: httpx.AsyncClient) -> None:
    order = await linked(world, client)
    unpriced = {
        "store_id": str(order.store_id),
        "purchase_order_id": "1796330199999",
        "lines": [{"line_number": "1", "sku": "SKU-1", "quantity": 1}],
    }
    assert (await client.post("/v1/orders", json=unpriced)).status_code == 201
    shown = (await client.get(f"{ORDERS}/7")).json()
    found = (await client.get(ORDERS)).json()
    assert found["total_count"] == 2
    assert violations("sales-data-order-interface", shown) == []
    assert violations("sales-data-order-search-result-interface", found) == []
    value = order.order_value
    assert value is not None
    assert shown["base_grand_total"] == shown["grand_total"] == float(value.amount)
    assert shown["store_id"] == 1


async def test_the_email_of_an_order_is_a_constant_and_not_the_buyers(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    emails = {(await client.get(f"{ORDERS}/7")).json()["customer_email"] for _ in range(2)}
    # example.com and all below it is reserved (RFC 2606).
    assert emails == {f"order-{order.purchase_order_id}@walmart.example.com"}
