"""What an order answers beside itself: links, what Walmart shows, the words of its timeline."""

from uuid import UUID

import httpx
import pytest

from app.domain.orders.order_event import DETAIL_KEYS, WORDS
from app.domain.update import State
from tests.harness.world import World

UPS = "1Z999AA10123456784"
ADMIN = "https://shop.example/admin/sales/order/view/order_id/{entity_id}/key/"


async def test_an_order_links_to_commerce_and_to_seller_center(
    world: World, client: httpx.AsyncClient
) -> None:
    store = await world.a_store()
    order = await world.an_order(2, store=store)
    path = f"/v1/orders/{order.id}"
    assert (await client.get(path)).json()["links"]["commerce_order"] is None
    await client.patch(f"/v1/stores/{store.id}", json={"admin_order_url": ADMIN})
    await client.patch(path, json={"commerce_order_id": 77})
    links = (await client.get(path)).json()["links"]
    assert links["commerce_order"] == ADMIN.replace("{entity_id}", "77")
    assert order.purchase_order_id in links["seller_center"]
    await client.patch(f"/v1/stores/{store.id}", json={"admin_order_url": None})
    assert (await client.get(path)).json()["links"]["commerce_order"] is None


@pytest.mark.parametrize(
    "wrong",
    [
        "https://shop.example/admin/order/",
        "javascript:alert({entity_id})",
        "https://jane:secret@shop.example/{entity_id}",
        "/admin/{entity_id}",
    ],
)
async def test_a_wrong_address_of_commerce_is_refused(
    world: World, client: httpx.AsyncClient, wrong: str
) -> None:
    store = await world.a_store()
    answer = await client.patch(f"/v1/stores/{store.id}", json={"admin_order_url": wrong})
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert (error["code"], error["pointer"]) == ("admin_order_url_invalid", "/admin_order_url")


async def test_a_package_links_to_the_page_of_its_carrier(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(3)
    path = f"/v1/orders/{order.id}/shipments"
    item = {"items": [{"line_number": "1", "quantity": 1}]}
    by_ups = {"carrier_code": "ups", "tracking_number": "1Z 999-AA10123456784", **item}
    acme = {"carrier_code": "acme", "tracking_number": "7", "tracking_url": "https://a.example/7"}
    asendia = {"carrier_code": "Asendia", "tracking_number": "A1B2C3D4", **item}
    pages = [
        (await client.post(path, json=each)).json()["tracking_page"]
        for each in (by_ups, acme | item, asendia)
    ]
    assert pages == [f"https://www.ups.com/track?tracknum={UPS}", "https://a.example/7", None]


async def test_a_refresh_answers_what_walmart_showed(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(3)
    await world.shipped_by_hand(order, 1, UPS)
    answer = (await client.post(f"/v1/orders/{order.id}/refresh")).json()
    [line] = answer["walmart"]["lines"]
    found = {(each["status"], each["quantity"], each["tracking_number"]) for each in line["units"]}
    assert found == {("Shipped", 1, UPS), ("Acknowledged", 2, None)}
    assert answer["walmart"]["read_at"]


async def test_the_details_of_a_timeline_have_the_documented_keys(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(3)
    path = f"/v1/orders/{order.id}"
    await world.fault(
        "shipping", "refuse", field="carrierName", purchase_order_id=order.purchase_order_id
    )
    body = {"carrier_code": "ups", "tracking_number": UPS}
    shipment = (await client.post(f"{path}/shipments", json=body)).json()
    update = shipment["update"]["id"]
    await world.deliver_until(UUID(update), states={State.FAILED})
    await client.post(f"/v1/updates/{update}/retry")
    await world.deliver_until(UUID(update), states={State.CONFIRMED})
    tracking = f"{path}/shipments/{shipment['id']}/tracking"
    await client.patch(tracking, json={"tracking_number": "1Z999AA10123456785"})
    await client.patch(path, json={"commerce_order_id": 5})
    await client.post(f"{path}/refresh")
    entries = (await client.get(f"{path}/timeline")).json()["data"]
    expected = {"order_registered", "shipment_accepted", "attempt", "shipment_confirmed"}
    expected |= {"update_retried", "tracking_corrected", "order_linked", "order_refreshed"}
    assert expected <= {each["what"] for each in entries} <= set(WORDS)
    for each in entries:
        assert set(each["detail"]) <= set(DETAIL_KEYS.get(each["what"], ())), each
