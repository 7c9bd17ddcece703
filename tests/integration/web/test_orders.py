"""Orders over HTTP: lists for Commerce, and their links to it."""

import httpx

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
