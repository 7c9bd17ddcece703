"""The requests to Walmart's inventory API, and the parsing of its answers."""

from typing import Any

import pytest
import respx

from app.walmart import errors
from app.walmart.client import WalmartClient
from tests.unit.walmart.builders import ACCOUNT, an_error

PATH = "/v3/inventory"


def stock(amount: object) -> dict[str, Any]:
    return {"sku": "A/1 &", "quantity": {"unit": "EACH", "amount": amount}}


async def test_a_stock_level_is_read_by_sku_and_ship_node(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    route = walmart.get(PATH).respond(json=stock(7))
    shown = await client.inventory.read(ACCOUNT, "A/1 &", "N 1")
    assert (shown.quantity, shown.call.operation, shown.call.method) == (7, "inventory", "GET")
    assert route.calls.last.request.url.raw_path == b"/v3/inventory?sku=A%2F1%20%26&shipNode=N%201"
    await client.inventory.read(ACCOUNT, "A", None)
    assert route.calls.last.request.url.raw_path == b"/v3/inventory?sku=A"


async def test_a_read_of_an_unknown_sku_is_reported_as_such(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    body = an_error("CONTENT_NOT_FOUND.GMP_ORDER_API", description="No item found")
    walmart.get(PATH).respond(404, json=body)
    with pytest.raises(errors.NotFound):
        await client.inventory.read(ACCOUNT, "A", None)


@pytest.mark.parametrize("body", [{}, stock(None), stock("many"), {"quantity": 3}, []])
async def test_an_answer_without_a_stock_level_is_unclear(
    client: WalmartClient, walmart: respx.MockRouter, body: Any
) -> None:
    walmart.get(PATH).respond(json=body)
    with pytest.raises(errors.CallUnclear) as raised:
        await client.inventory.read(ACCOUNT, "A", None)
    assert raised.value.call is not None


async def test_a_write_whose_answer_shows_another_level_is_unclear(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    walmart.put(PATH).respond(json=stock(8))
    with pytest.raises(errors.CallUnclear):
        await client.inventory.put(ACCOUNT, "A", 7, None)
