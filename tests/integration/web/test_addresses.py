"""Addresses of Commerce's REST API without a store code, and in every spelling."""

import httpx
import pytest
from fastapi import FastAPI

from tests.harness.server import serving
from tests.harness.world import World
from tests.integration.web.conftest import ADMIN_KEY, client_of
from tests.integration.web.test_commerce_api import BODY, linked
from tests.integration.web.test_contract import a_key

SPELLINGS = [
    "/rest/store_1/V1",
    "/rest/V1",
    "/rest/all/V1",
    "/rest/default/V1",
    "/index.php/rest/store_1/V1",
    "/index.php/rest/V1",
    "//rest/V1",
]


async def test_every_spelling_of_an_address_is_the_same_order(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    numbers = [
        (await client.post(f"http://waybill.test{base}/order/7/ship{slash}", json=BODY)).text
        for base in SPELLINGS
        for slash in ("", "/")
    ]
    shown = await world.order(order.id)
    assert numbers == [str(shown.shipments[0].number)] * len(numbers)
    assert len(shown.shipments) == 1
    read = {
        (await client.get(f"http://waybill.test{base}/orders/7{slash}")).text
        for base in SPELLINGS
        for slash in ("", "/")
    }
    assert len(read) == 1
    assert f'"ext_order_id":"{order.purchase_order_id}"' in read.pop()


async def test_an_address_without_a_code_is_the_store_of_the_key(
    world: World, app: FastAPI, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    other = await world.a_store()
    key = await a_key(world, "read", store=world._stores[0])
    others = await a_key(world, "read", store=other)
    for base in ("/rest/V1", "/rest/all/V1", "/rest/default/V1"):
        async with client_of(app, key=key) as caller:
            found = await caller.get(f"{base}/orders/7")
            assert found.json()["ext_order_id"] == order.purchase_order_id
        async with client_of(app, key=others) as caller:
            assert (await caller.get(f"{base}/orders/7")).status_code == 404
        answer = await client.get(f"{base}/orders/7")
        refusal = answer.json()
        assert (answer.status_code, refusal["error_code"]) == (400, "store_code_required")
        assert refusal["message"].endswith(": store_1, store_2.")


async def test_an_address_without_a_code_before_there_is_a_store(
    world: World, client: httpx.AsyncClient
) -> None:
    del world
    answer = await client.get("/rest/V1/orders")
    assert (answer.status_code, answer.json()["error_code"]) == (400, "store_code_required")


@pytest.mark.parametrize("code", ["default", "all"])
async def test_a_store_with_that_code_is_meant_by_it(
    world: World, app: FastAPI, client: httpx.AsyncClient, code: str
) -> None:
    await linked(world, client)
    named = await world.a_store(code=code)
    order = await world.an_order(1, store=named)
    link = {"commerce_order_id": 7, "lines": [{"line_number": "1", "commerce_item_id": 70}]}
    assert (await client.patch(f"/v1/orders/{order.id}", json=link)).is_success
    found = await client.get(f"/rest/{code}/V1/orders/7")
    assert found.json()["ext_order_id"] == order.purchase_order_id
    # The key of another store does not reach it, and gets no store of its own in its place.
    async with client_of(app, key=await a_key(world, "read", store=world._stores[0])) as caller:
        assert (await caller.get(f"/rest/{code}/V1/orders/7")).status_code == 404


async def test_a_head_over_http_has_the_headers_of_get_and_no_body(
    world: World, app: FastAPI, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
    async with serving(app) as address, httpx.AsyncClient(headers=headers) as caller:
        for path in (f"/v1/orders/{order.id}", "/rest/V1/orders/7/"):
            head, get = await caller.head(address + path), await caller.get(address + path)
            assert (head.status_code, head.content) == (200, b"")
            assert head.headers["content-length"] == str(len(get.content))
        refused = await caller.head(address + "/rest/V1/orders/8")
        assert (refused.status_code, refused.content) == (404, b"")
