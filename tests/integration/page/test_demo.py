"""The demo's strip: buyers and Walmart act in the simulator, and only in the demo."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from app.cli import demo_control
from app.domain.update import State
from app.storage.queries.views import StoreView
from app.usecases.orders import ship
from app.web.page_settings import DemoAct, PageSettings
from tests.builders import a_package
from tests.harness.world import World
from tests.integration.page.conftest import SignIn


@pytest.fixture
async def store(world: World) -> StoreView:
    return await world.a_store(walmart_client_id="demo", name="Demo store")


@pytest.fixture
async def demo(app: FastAPI, world: World) -> AsyncIterator[FastAPI]:
    """The app as `waybill demo` starts it."""
    async with demo_control.opened(world.walmart_url) as control:
        app.state.page = PageSettings(demo=control)
        yield app


async def at_walmart(world: World) -> list[dict[str, object]]:
    answer = await world.walmart.get("/simulator/orders", params={"client_id": "demo"})
    return list(answer.raise_for_status().json()["orders"])


@pytest.mark.usefixtures("demo")
async def test_a_buyer_orders_and_the_page_says_which_order_it_is(
    world: World, store: StoreView, signed_in: SignIn
) -> None:
    client = await signed_in()
    assert "This is the simulator." in (await client.get("/returns")).text
    answer = await client.post("/demo/order", data={"then": "/returns"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/returns")
    (order,) = await at_walmart(world)
    assert str(order["purchase_order_id"]) in (await client.get("/returns")).text
    assert str(order["purchase_order_id"]) not in (await client.get("/returns")).text
    assert (await world.imported(str(order["purchase_order_id"]), store)).lines


@pytest.mark.usefixtures("demo")
async def test_walmart_refuses_one_shipment_and_a_buyer_sends_the_next_back(
    world: World, store: StoreView, signed_in: SignIn
) -> None:
    client = await signed_in()
    await client.post("/demo/send-back")
    assert "No order is shipped yet." in (await client.get("/returns")).text
    await client.post("/demo/refuse")
    order = await world.an_order(1, store=store)
    refused = await ship.ship(world.context, order.id, a_package("1ZA"), actor="t")
    await world.deliver_until(refused.shipment.update.id, states={State.FAILED})
    other = await world.an_order(1, store=store)
    shipped = await ship.ship(world.context, other.id, a_package("1ZB"), actor="t")
    await world.deliver_until(shipped.shipment.update.id)
    await client.post("/demo/send-back")
    assert (
        f"The buyer of {other.purchase_order_id} sends it back."
        in (await client.get("/returns")).text
    )


@pytest.mark.usefixtures("demo")
async def test_a_buyer_asks_to_cancel_the_newest_open_order(
    world: World, store: StoreView, signed_in: SignIn
) -> None:
    client = await signed_in()
    order = await world.an_order(1, store=store)
    await client.post("/demo/ask-to-cancel")
    (seen,) = await at_walmart(world)
    assert seen["lines"][0]["intent_to_cancel"] is True  # type: ignore[index]
    assert order.purchase_order_id in (await client.get("/returns")).text
    await client.post("/demo/ask-to-cancel")
    assert "No open order is left." in (await client.get("/returns")).text


@pytest.mark.parametrize("act", list(DemoAct))
async def test_outside_the_demo_there_is_no_strip(
    world: World, store: StoreView, signed_in: SignIn, act: DemoAct
) -> None:
    del store
    client = await signed_in("admin")
    assert "/demo/" not in (await client.get("/returns")).text
    assert (await client.post(f"/demo/{act}")).status_code == 404
    assert await at_walmart(world) == []


@pytest.mark.usefixtures("demo")
async def test_who_only_reads_lets_nothing_happen(
    world: World, store: StoreView, signed_in: SignIn
) -> None:
    del store
    client = await signed_in("read")
    assert "/demo/" not in (await client.get("/returns")).text
    assert (await client.post("/demo/order")).status_code == 403
    assert await at_walmart(world) == []


async def test_a_simulator_that_is_away_is_said(app: FastAPI, signed_in: SignIn) -> None:
    async with demo_control.opened("http://127.0.0.1:9") as control:
        app.state.page = PageSettings(demo=control)
        client = await signed_in()
        assert (await client.post("/demo/order")).status_code == 303
        assert "The simulator does not answer." in (await client.get("/returns")).text
