"""A retry does what its answer says."""

from typing import Any

import httpx

from app.domain.update import State
from app.storage.queries.views import OrderView
from app.usecases.orders import ship
from app.usecases.updates import dismiss
from tests.builders import a_package, items
from tests.harness.world import ACTOR, World

REFUSED = {"field": "methodCode", "description": "Method code is not supported"}


async def a_failed_shipment(
    world: World, number: str = "1ZA", **units: int
) -> tuple[OrderView, Any]:
    order = await world.an_order(3)
    await world.fault("shipping", "refuse", purchase_order_id=order.purchase_order_id, **REFUSED)
    package = a_package(number, items=items(**(units or {"l1": 1})))
    update = (await ship.ship(world.context, order.id, package, actor=ACTOR)).shipment.update
    await world.deliver_until(update.id, states={State.FAILED})
    return order, update.id


async def retry(client: httpx.AsyncClient, update: object) -> dict[str, Any]:
    answer = await client.post(f"/v1/updates/{update}/retry")
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_retry_answers_what_will_happen(world: World, client: httpx.AsyncClient) -> None:
    _, update = await a_failed_shipment(world)
    assert (await retry(client, update))["will"] == "queued"
    (view,) = await world.deliver_until(update)
    assert view.state == "confirmed"


async def test_a_retry_of_an_update_done_by_hand_sends_nothing(
    world: World, client: httpx.AsyncClient
) -> None:
    order, update = await a_failed_shipment(world)
    await world.shipped_by_hand(order, 1, "1ZA")
    answer = await retry(client, update)
    assert (answer["will"], answer["update"]["state"]) == ("already_applied", "confirmed")


async def test_a_useless_retry_says_why_and_queues_nothing(
    world: World, client: httpx.AsyncClient
) -> None:
    order, update = await a_failed_shipment(world, l1=3)
    path = f"/simulator/orders/{order.purchase_order_id}/cancel"
    (await world.walmart.post(path, json={})).raise_for_status()
    answer = await retry(client, update)
    assert (answer["will"], answer["update"]["state"]) == ("cannot_help", "failed")
    assert "canceled" in answer["explanation"]


async def test_a_retry_in_a_stopped_store_says_until_when(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(1)
    await world.fault("shipping", "throttle", delay=60)
    shipped = await ship.ship(world.context, order.id, a_package("1ZA"), actor=ACTOR)
    update = shipped.shipment.update.id
    await world.deliver_until(update, states={State.RETRYING})
    answer = await retry(client, update)
    assert answer["will"] == "waiting"
    assert answer["until"] is not None


async def test_a_bulk_retry_by_filter_has_a_result_for_each(
    world: World, client: httpx.AsyncClient
) -> None:
    _, first = await a_failed_shipment(world)
    order, second = await a_failed_shipment(world, "1ZB")
    await world.shipped_by_hand(order, 1, "1ZB")
    _, dismissed = await a_failed_shipment(world)
    await dismiss.dismiss(world.context, dismissed, note="by hand", actor=ACTOR)
    body = {"code": "method_code_not_supported"}
    headers = {"Idempotency-Key": "all of them"}
    answer = await client.post("/v1/updates/retry", json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    results = {each["update_id"]: each["will"] for each in answer.json()["data"]}
    assert results == {str(first): "queued", str(second): "already_applied"}
    assert answer.json()["totals"] == {"queued": 1, "already_applied": 1}
    assert answer.json()["more"] is False
    again = await client.post("/v1/updates/retry", json=body, headers=headers)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == answer.json()
    (view,) = await world.deliver_until(first)
    assert view.state == "confirmed"
    assert len(await world.ledger()) == 2


async def test_a_bulk_retry_respects_its_limit_and_says_so(
    world: World, client: httpx.AsyncClient
) -> None:
    await a_failed_shipment(world)
    await a_failed_shipment(world)
    answer = (await client.post("/v1/updates/retry", json={"limit": 1})).json()
    assert (len(answer["data"]), answer["more"]) == (1, True)
    rest = (await client.post("/v1/updates/retry", json={"limit": 200})).json()
    assert (len(rest["data"]), rest["more"]) == (1, False)


async def test_a_bulk_retry_of_another_selection_is_refused_whole(
    world: World, client: httpx.AsyncClient
) -> None:
    _, update = await a_failed_shipment(world)
    for body in ({"state": "confirmed"}, {"limit": 0}, {"all": True}):
        assert (await client.post("/v1/updates/retry", json=body)).status_code == 422
    assert (await world.update(update)).state == "failed"
