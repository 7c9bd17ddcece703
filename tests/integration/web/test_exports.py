"""Exports of lists: every row that the list has, in a file that a parser reads."""

import csv
import io
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.usecases.orders import ship
from app.web.v1 import exports
from tests.builders import a_package
from tests.harness.world import ACTOR, World
from tests.integration.web.conftest import client_of
from tests.integration.web.test_contract import a_key
from tests.integration.web.test_retry import a_failed_shipment

HOSTILE = '=cmd|"/C calc"!A0, "x"\n<img src=x>'


def rows(answer: httpx.Response) -> list[dict[str, str]]:
    """The rows of a file, by the names of its columns."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    text = answer.content.decode("utf-8-sig")
    assert "\n" not in text.replace("\r\n", "").replace(HOSTILE.replace('"', '""'), "")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


async def test_an_export_of_orders_has_every_page_of_the_list_with_its_filter(
    world: World, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "_PAGE", 2)
    store = await world.a_store()
    orders = [await world.an_order(2, store=store) for _ in range(5)]
    await ship.ship(world.context, orders[0].id, a_package("1ZA"), actor=ACTOR)
    failed, _ = await a_failed_shipment(world, "1ZB")
    found = rows(await client.get("/v1/orders/export"))
    assert {row["order_id"] for row in found} == {str(each.id) for each in (*orders, failed)}
    assert len(found) == 6
    (error,) = rows(await client.get("/v1/orders/export?status=error"))
    assert error["walmart_order"] == failed.purchase_order_id
    assert (error["code"], error["units"]) == ("method_code_not_supported", "3")
    assert error["tracking_numbers"] == "1ZB"
    disposition = (await client.get("/v1/orders/export")).headers["content-disposition"]
    assert disposition.startswith('attachment; filename="orders-')


async def test_names_that_a_spreadsheet_would_run_are_harmless_cells(
    world: World, client: httpx.AsyncClient
) -> None:
    store = await world.a_store()
    body: dict[str, Any] = {
        "store_id": str(store.id),
        "purchase_order_id": "1796330120075",
        "commerce_order_number": "-2+3",
        "ship_method": "@SUM(A1)",
        "lines": [{"line_number": "1", "sku": HOSTILE, "quantity": 1}],
    }
    assert (await client.post("/v1/orders", json=body)).status_code == 201
    (row,) = rows(await client.get("/v1/orders/export"))
    assert row["skus"] == f"'{HOSTILE}"
    assert (row["commerce_order"], row["ship_method"]) == ("'-2+3", "'@SUM(A1)")


async def test_an_export_of_updates_has_what_failed_and_why(
    world: World, client: httpx.AsyncClient
) -> None:
    order, update = await a_failed_shipment(world)
    (row,) = rows(await client.get("/v1/updates/export?state=failed"))
    assert (row["update_id"], row["kind"]) == (str(update), "shipment")
    assert (row["subject"], row["code"]) == (order.purchase_order_id, "method_code_not_supported")


async def test_an_export_of_returns_is_empty_but_for_its_columns_without_a_return(
    world: World, client: httpx.AsyncClient
) -> None:
    await world.a_store()
    assert rows(await client.get("/v1/returns/export")) == []


async def test_a_key_of_a_store_exports_its_store_only(world: World, app: FastAPI) -> None:
    mine, other = await world.a_store(), await world.a_store()
    order = await world.an_order(1, store=mine)
    foreigner = await world.an_order(1, store=other)
    for each in (order, foreigner):
        await ship.ship(world.context, each.id, a_package("1ZA"), actor=ACTOR)
    key = await a_key(world, "read", store=mine)
    async with client_of(app, key) as client:
        assert [row["order_id"] for row in rows(await client.get("/v1/orders/export"))] == [
            str(order.id)
        ]
        for path in ("orders", "returns", "updates"):
            foreign = await client.get(f"/v1/{path}/export?store_id={other.id}")
            assert foreign.status_code == 404
        assert {row["store_id"] for row in rows(await client.get("/v1/updates/export"))} == {
            str(mine.id)
        }


@pytest.mark.parametrize("path", ["orders", "returns", "updates"])
async def test_a_filter_that_does_not_exist_is_a_problem_and_no_file(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.get(f"/v1/{path}/export?limit=3")
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_parameter")
