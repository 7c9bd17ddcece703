"""What a shipment may name: carriers, with those of a store, and shipping methods."""

from typing import Any
from uuid import UUID

import httpx

from app.domain.orders.requests import RequestedItem
from app.usecases.orders import ship
from tests.builders import a_package
from tests.harness.world import World

UNKNOWN = UUID(int=7)


async def listed(client: httpx.AsyncClient, **query: Any) -> Any:
    answer = await client.get("/v1/carriers", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_each_listed_carrier_is_accepted_without_a_tracking_url(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order()
    found = await listed(client)
    assert found["store"] is None
    names = [each["name"] for each in found["data"]]
    assert len(names) == len(set(names)) > 80
    called = {code for each in found["data"] for code in each["also_called"]}
    assert "united parcel service" in called
    for code in (names[0], names[-1], "united parcel service"):
        body = {"carrier_code": code, "tracking_number": "AF77"}
        answer = await client.post(f"/v1/orders/{order.id}/shipments?dry_run=true", json=body)
        assert "carrier" in answer.json()["walmart_carrier"], (code, answer.text)


async def test_the_carriers_of_a_store_show_which_need_a_tracking_url(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order()
    template = "https://acme.example/t/{tracking_number}"
    changes = {
        "carriers": {
            "zip": {"other": "Zip"},
            "acme": {"other": "Acme", "tracking_url": template},
            "brown": "UPS",
        },
        "default_tracking_url": template,
    }
    assert (await client.patch(f"/v1/stores/{order.store_id}", json=changes)).is_success
    store = (await listed(client, store_id=order.store_id))["store"]
    assert store["default_tracking_url"] == template
    shown = [tuple(each.values()) for each in store["carriers"]]
    assert shown == [
        ("acme", None, "Acme", template, False),
        ("brown", "UPS", None, None, False),
        ("zip", None, "Zip", None, True),
    ]


async def test_a_store_that_does_not_exist_is_404(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/carriers", params={"store_id": str(UNKNOWN)})
    assert (answer.status_code, answer.json()["code"]) == (404, "store_not_found")


async def test_each_listed_ship_method_is_accepted(world: World, client: httpx.AsyncClient) -> None:
    order = await world.an_order()
    found = (await client.get("/v1/ship-methods")).json()["data"]
    assert [each["method_code"] for each in found][:2] == ["Standard", "Express"]
    for each in found:
        body = {"carrier_code": "ups", "tracking_number": "AF77", **each}
        answer = await client.post(f"/v1/orders/{order.id}/shipments?dry_run=true", json=body)
        assert answer.json()["would_be_accepted"], answer.text


async def test_the_codes_of_recent_shipments_show_what_they_went_out_as(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order(9)
    for number, code in enumerate(("acme", "acme", "fedex_ground")):
        items = (RequestedItem(1, line_number="1"),)
        url = "https://a.example/1" if code == "acme" else None
        package = a_package(f"N{number}", carrier_code=code, items=items, tracking_url=url)
        await ship.ship(world.context, order.id, package, actor="test")
    changes = {"carriers": {"ACME": {"other": "Acme", "tracking_url": None}}}
    assert (await client.patch(f"/v1/stores/{order.store_id}", json=changes)).is_success
    used = (await listed(client, store_id=order.store_id))["store"]["in_use"]
    shown = [
        (each["carrier_code"], each["shipments"], each["mapped"], each["walmart_carrier"])
        for each in used
    ]
    assert shown == [("acme", 2, True, None), ("fedex_ground", 1, False, "FedEx")]
