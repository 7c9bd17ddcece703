"""Orders over HTTP: lists for Commerce, and their links to it."""

import httpx
import pytest

from app.domain.orders.returns import Return, ReturnLine
from app.storage.returns import returns as storage
from tests.harness.world import World


async def test_orders_without_a_commerce_order_are_listed_until_they_are_linked(
    world: World, client: httpx.AsyncClient
) -> None:
    first, second = await world.an_order(1), await world.an_order(1)
    path = "/v1/orders?without_commerce_order=true"
    listed = (await client.get(path)).json()["data"]
    assert {each["id"] for each in listed} == {str(first.id), str(second.id)}
    link = {"commerce_order_id": 7, "lines": [{"line_number": "1", "commerce_item_id": 70}]}
    linked = (await client.patch(f"/v1/orders/{first.id}", json=link)).json()
    assert linked["lines"][0]["commerce_item_id"] == 70
    listed = (await client.get(path)).json()["data"]
    assert [each["id"] for each in listed] == [str(second.id)]


async def test_an_unknown_line_is_not_linked(world: World, client: httpx.AsyncClient) -> None:
    order = await world.an_order(1)
    link = {"commerce_order_id": 7, "lines": [{"line_number": "9", "commerce_item_id": 70}]}
    answer = await client.patch(f"/v1/orders/{order.id}", json=link)
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_line")
    assert (await client.get(f"/v1/orders/{order.id}")).json()["commerce_order_id"] is None


@pytest.mark.parametrize("stored", ["200012345678901", "2000123-45678901"])
@pytest.mark.parametrize(
    "typed", ["200012345678901", "2000123-45678901", " 2000123\u201345678901 ", "2000123-45"]
)
async def test_a_customer_order_number_is_found_with_and_without_its_hyphen(
    world: World, client: httpx.AsyncClient, stored: str, typed: str
) -> None:
    store = await world.a_store()
    body = {
        "store_id": str(store.id),
        "purchase_order_id": "1796330120075",
        "customer_order_id": stored,
        "lines": [{"line_number": "1", "sku": "ABC", "quantity": 1}],
    }
    order = (await client.post("/v1/orders", json=body)).json()
    shown = Return("900", stored, (ReturnLine(1, "1", "ABC", 1),), "1796330120075")
    async with world.database.begin() as connection:
        await storage.save(connection, 1, [shown], world.context.new_id)
    for store_filter in ({}, {"store_id": str(store.id)}):
        query = {"q": typed, **store_filter}
        found = (await client.get("/v1/orders", params=query)).json()["data"]
        assert [each["id"] for each in found] == [order["id"]]
        (returned,) = (await client.get("/v1/returns", params=query)).json()["data"]
        assert returned["rma_number"] == "900"
    other = {"q": typed.replace("45", "46")}
    assert (await client.get("/v1/orders", params=other)).json()["data"] == []
