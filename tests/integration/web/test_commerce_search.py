"""GET /rest/{store_code}/V1/orders, as Adobe's page "Search using REST endpoints" shows it."""

from typing import Any

import httpx

from tests.harness.world import World
from tests.integration.web.adobe import ERROR

ORDERS = "/rest/store_1/V1/orders"


def by(field: str, value: str, condition: str = "eq") -> dict[str, str]:
    prefix = "searchCriteria[filter_groups][0][filters][0]"
    parts = {"field": field, "value": value, "condition_type": condition}
    return {f"{prefix}[{name}]": text for name, text in parts.items()}


async def link(client: httpx.AsyncClient, order: Any, number: int) -> None:
    change = {"commerce_order_id": number, "commerce_order_number": f"WA000{number}"}
    assert (await client.patch(f"/v1/orders/{order.id}", json=change)).is_success


async def test_a_search_answers_in_commerces_form(world: World, client: httpx.AsyncClient) -> None:
    orders = [await world.an_order(2) for _ in range(3)]
    await link(client, orders[0], 3140)
    await link(client, orders[1], 3003)
    # Adobe's own example for orders, with its order ascending.
    query = {
        **by("status", "pending"),
        "searchCriteria[sortOrders][0][field]": "increment_id",
        "searchCriteria[sortOrders][0][direction]": "ASC",
        "fields": "items[increment_id,entity_id]",
    }
    assert (await client.get(ORDERS, params=query)).json() == {
        "items": [
            {},
            {"entity_id": 3003, "increment_id": "WA0003003"},
            {"entity_id": 3140, "increment_id": "WA0003140"},
        ]
    }
    page = {"searchCriteria[pageSize]": "2", "searchCriteria[currentPage]": "2"}
    second = (await client.get(ORDERS, params=page)).json()
    assert [each["ext_order_id"] for each in second["items"]] == [orders[2].purchase_order_id]
    assert (second["total_count"], second["search_criteria"]) == (
        3,
        {"filter_groups": [], "sort_orders": [], "page_size": 2, "current_page": 2},
    )
    every = (
        await client.get(ORDERS, params={"searchCriteria": "", "searchCriteria[pageSize]": "0"})
    ).json()
    assert [len(every["items"]), every["search_criteria"]["page_size"]] == [3, 1000]
    one = await client.get(f"{ORDERS}/3003", params={"fields": "ext_order_id,items[sku]"})
    assert one.json() == {"ext_order_id": orders[1].purchase_order_id, "items": [{"sku": "SKU-1"}]}
    comments = await client.get(f"{ORDERS}/3003/comments", params={"fields": "total_count"})
    assert comments.json() == {"total_count": 0}


async def test_an_order_is_found_by_the_number_that_walmarts_pages_show(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(1)
    await world.an_order(1)
    number = order.customer_order_id or ""
    assert "-" not in number
    for typed in (number, f"{number[:7]}-{number[7:]}"):
        found = (await client.get(ORDERS, params=by("ext_customer_id", typed))).json()
        assert [each["ext_customer_id"] for each in found["items"]] == [number]


async def test_what_cannot_be_found_by_is_refused_in_commerces_form(
    world: World, client: httpx.AsyncClient
) -> None:
    await world.an_order(1)
    refused = {
        "pickup_location": by("pickup_location", "x"),
        "open, partially_shipped": by("status", "holded"),
        "2026-11-23 10:00:00": by("created_at", "yesterday", "gt"),
        "store_id is": by("store_id", "99"),
        "gteq": by("entity_id", "1", "atleast"),
        "Maximum SearchCriteria pageSize is 1000": {"searchCriteria[pageSize]": "1001"},
        "searchCriteira": {"searchCriteira[pageSize]": "1"},
    }
    for said, query in refused.items():
        answer = await client.get(ORDERS, params=query)
        body = answer.json()
        assert (answer.status_code, body["error_code"]) == (400, "search_criteria_invalid"), said
        assert body.keys() == ERROR
        assert said in body["message"]
    answer = await client.get(ORDERS, params={"fields": "items["})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "fields_invalid")


async def test_the_last_page_of_many_orders_and_their_number(
    world: World, client: httpx.AsyncClient
) -> None:
    await world.an_order(1)
    async with world.database.begin() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO orders (store_id, id, purchase_order_id) SELECT store_id,"
            " gen_random_uuid(), 'P' || n FROM stores, generate_series(1, 10001) n"
        )
    query = {"searchCriteria[currentPage]": "11", "fields": "items[ext_order_id],total_count"}
    found = (await client.get(ORDERS, params=query)).json()
    assert (len(found["items"]), found["total_count"]) == (2, 10_002)
    query["searchCriteria[currentPage]"] = "12"
    assert (await client.get(ORDERS, params=query)).json() == {"items": [], "total_count": 10_002}
