"""Filters, sorts and counts of orders over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app.storage.tables import orders
from app.usecases.orders import ship
from tests.builders import a_package
from tests.harness.world import ACTOR, World

NOW = datetime.now(UTC)


async def put(world: World, order: Any, **values: Any) -> None:
    async with world.database.begin() as connection:
        await connection.execute(sa.update(orders).where(orders.c.id == order.id).values(**values))


async def listed(client: httpx.AsyncClient, query: str) -> list[str]:
    answer = await client.get(f"/v1/orders?{query}")
    assert answer.status_code == 200, answer.text
    return [each["purchase_order_id"] for each in answer.json()["data"]]


async def test_orders_are_filtered_by_what_they_wait_for(
    world: World, client: httpx.AsyncClient
) -> None:
    late, soon, later, done = [await world.an_order(1) for _ in range(4)]
    await put(world, late, ship_by=NOW - timedelta(hours=1))
    await put(world, soon, ship_by=NOW + timedelta(hours=3))
    await put(world, later, ship_by=NOW + timedelta(hours=9), status="error")
    await put(
        world,
        done,
        ship_by=NOW - timedelta(hours=9),
        status="shipped",
        fulfillment_status="shipped",
    )
    number = [each.purchase_order_id for each in (late, soon, later, done)]
    assert await listed(client, "late=true") == [number[0]]
    assert await listed(client, "ship_soon=true") == [number[1]]
    assert await listed(client, "late=true&ship_soon=true") == []
    assert await listed(client, "sort=ship_by") == number
    assert await listed(client, "sort=ship_by&status=error&status=shipped") == number[2:]
    assert await listed(client, "sync=pending&sync=retrying") == []
    await ship.ship(world.context, soon.id, a_package("1ZA"), actor=ACTOR)
    assert await listed(client, "sync=pending&sync=retrying") == [number[1]]
    assert await listed(client, "sync=error") == []
    assert (await listed(client, "sort=attention"))[0] == number[2]


async def test_cards_count_what_their_filters_list(world: World, client: httpx.AsyncClient) -> None:
    late, failed, asked = [await world.an_order(1) for _ in range(3)]
    waits = await world.an_order(1)
    await world.an_order(1, store=await world.a_store())
    await put(world, late, ship_by=NOW - timedelta(hours=1), commerce_order_number="C1")
    await put(world, asked, cancel_requested={"lines": ["1"], "seen_at": None})
    shipped = await ship.ship(world.context, failed.id, a_package("1ZA"), actor=ACTOR)
    await world.fault("shipping", "refuse", field="methodCode")
    await world.deliver_until(shipped.shipment.update.id)
    await ship.ship(world.context, waits.id, a_package("1ZB"), actor=ACTOR)
    store = f"store_id={late.store_id}"
    cards = (await client.get(f"/v1/orders/summary?{store}")).json()["cards"]
    filters = {
        "open": "status=open",
        "error": "status=error",
        "late": "late=true",
        "cancel_requested": "cancel_requested=true",
        "sending": "sync=pending&sync=retrying",
        "without_commerce_order": "without_commerce_order=true&status=open&status=error",
        "return_requested": "return_requested=true",
    }
    for name, query in filters.items():
        found = await listed(client, f"{store}&{query}")
        assert cards[name]["count"] == len(found), name
        assert (cards[name]["time"] is None) == (not found), name
    assert (cards["error"]["count"], cards["late"]["count"]) == (1, 1)
    assert datetime.fromisoformat(cards["late"]["time"]) == NOW - timedelta(hours=1)
    every = (await client.get("/v1/orders/summary")).json()
    assert (every["total"], every["cards"]["sending"]["count"]) == (5, 1)


async def test_cards_of_all_stores_count_orders_that_were_warned_of_and_others(
    world: World, client: httpx.AsyncClient
) -> None:
    # Late ones first: hours to the ship-by date, and whether there was a warning.
    dates = ((-3, False), (-2, True), (-1, True), (1, True), (2, False), (9, False))
    for hours, warned in dates:
        order = await world.an_order(1, store=await world.a_store())
        at = NOW - timedelta(days=1) if warned else None
        await put(world, order, ship_by=NOW + timedelta(hours=hours), ship_by_warned_at=at)
    cards = (await client.get("/v1/orders/summary")).json()["cards"]
    for name, count, hours in (("late", 3, -3), ("ship_soon", 2, 1)):
        assert (cards[name]["count"], cards[name]["at_least"]) == (count, False), name
        assert datetime.fromisoformat(cards[name]["time"]) == NOW + timedelta(hours=hours), name


async def test_a_code_finds_the_orders_that_show_it(
    world: World, client: httpx.AsyncClient
) -> None:
    refused, _ = [await world.an_order(1) for _ in range(2)]
    shipped = await ship.ship(world.context, refused.id, a_package("1ZA"), actor=ACTOR)
    await world.fault("shipping", "refuse", field="methodCode")
    await world.deliver_until(shipped.shipment.update.id)
    assert await listed(client, "code=method_code_not_supported") == [refused.purchase_order_id]
    assert await listed(client, "code=unheard_of") == []
    assert await listed(client, "sync=error&sort=updated") == [refused.purchase_order_id]


@pytest.mark.parametrize(
    "query",
    ["sort=price", "status=lost", "sync=synced", "late=perhaps", "ordered_from=yesterday", "x=1"],
)
async def test_a_filter_that_does_not_exist_is_refused(
    client: httpx.AsyncClient, query: str
) -> None:
    answer = await client.get(f"/v1/orders?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].startswith(f"/{query.partition('=')[0]}")


async def test_a_cursor_belongs_to_its_sort(world: World, client: httpx.AsyncClient) -> None:
    for _ in range(2):
        await world.an_order(1)
    first = (await client.get("/v1/orders?sort=ship_by&limit=1")).json()
    cursor = first["next_cursor"]
    second = (await client.get(f"/v1/orders?sort=ship_by&limit=1&cursor={cursor}")).json()
    assert second["data"][0]["id"] != first["data"][0]["id"]
    other = await client.get(f"/v1/orders?sort=updated&limit=1&cursor={cursor}")
    assert (other.status_code, other.json()["code"]) == (422, "cursor_invalid")
