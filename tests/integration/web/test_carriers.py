"""Which of Walmart's carriers a package goes out with, and what the answers say of it."""

from typing import Any

import httpx
import pytest

from app.storage.queries.views import OrderView
from tests.harness.world import World
from tests.integration.web.adobe import changed, cloud_event, event, hook, linked

UPS, USPS, FEDEX = "1Z999AA10123456784", "9400111899223197428497", "986578788855"
PLAIN = "AF77"
FOLLOW = "https://acme.example/t/1"


def a_body(code: str, title: str | None, number: str = PLAIN, **more: Any) -> dict[str, Any]:
    return {"carrier_code": code, "carrier_title": title, "tracking_number": number, **more}


async def dry_run(client: httpx.AsyncClient, order: OrderView, body: dict[str, Any]) -> Any:
    answer = await client.post(f"/v1/orders/{order.id}/shipments?dry_run=true", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def mapped(client: httpx.AsyncClient, order: OrderView, **carriers: Any) -> None:
    changes = {"carriers": carriers, "default_tracking_url": None}
    answer = await client.patch(f"/v1/stores/{order.store_id}", json=changes)
    assert answer.is_success, answer.text


@pytest.mark.parametrize(
    ("body", "carrier", "found_by"),
    [
        (a_body("ups_ground", None), {"carrier": "UPS"}, "carrier_code"),
        (a_body("fedex_smart_post", None), {"carrier": "FEDEXSP"}, "carrier_code"),
        (a_body("custom", "UPS Ground"), {"carrier": "UPS"}, "carrier_title"),
        (a_body("custom", "FedEx SmartPost"), {"carrier": "FEDEXSP"}, "carrier_title"),
        # The code goes before the title, and both before the number.
        (a_body("ups", "FedEx Home Delivery"), {"carrier": "UPS"}, "carrier_code"),
        (a_body("custom", "UPS Ground", USPS), {"carrier": "UPS"}, "carrier_title"),
        (a_body("custom", None, UPS), {"carrier": "UPS"}, "tracking_number"),
        (a_body("custom", "Best Way", USPS), {"carrier": "USPS"}, "tracking_number"),
        (a_body("custom", "Best Way", FEDEX), {"carrier": "FedEx"}, "tracking_number"),
        (a_body("custom", "Acme", UPS, tracking_url=FOLLOW), {"carrier": "UPS"}, "tracking_number"),
        # A tenth of all such numbers would be FedEx's by chance.
        (a_body("custom", "Acme", FEDEX, tracking_url=FOLLOW), {"other": "Acme"}, None),
        (a_body("custom", "UPS Store Courier", tracking_url=FOLLOW), None, None),
    ],
)
async def test_code_then_title_then_number_name_the_carrier(
    world: World,
    client: httpx.AsyncClient,
    body: dict[str, Any],
    carrier: dict[str, str] | None,
    found_by: str | None,
) -> None:
    order = await world.an_order()
    preview = await dry_run(client, order, body)
    assert preview["would_be_accepted"], preview
    expected = (carrier or {"other": body["carrier_title"]}, found_by)
    assert (preview["walmart_carrier"], preview["carrier_found_by"]) == expected
    shipped = await client.post(f"/v1/orders/{order.id}/shipments", json=body)
    assert shipped.status_code == 202, shipped.text
    answer = shipped.json()
    assert (answer["walmart_carrier"], answer["carrier_found_by"]) == expected
    read = (await client.get(shipped.headers["Location"])).json()
    assert (read["walmart_carrier"], read["carrier_found_by"]) == expected


async def test_the_store_s_own_map_is_always_obeyed(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order()
    other = {"other": "Acme", "tracking_url": "https://acme.example/{tracking_number}"}
    await mapped(client, order, ups=other, usps="FedEx", UPS_Ground="OnTrac")
    preview = await dry_run(client, order, a_body("ups", "UPS Ground", UPS))
    assert preview["walmart_carrier"] == {"other": "Acme"}
    assert preview["carrier_found_by"] == "store_carriers"
    preview = await dry_run(client, order, a_body("USPS", "USPS Priority Mail", USPS))
    assert preview["walmart_carrier"] == {"carrier": "FedEx"}
    preview = await dry_run(client, order, a_body("ups_ground", None))
    assert preview["walmart_carrier"] == {"carrier": "OnTrac"}


async def test_a_carrier_that_nothing_names_is_refused_with_a_way_out(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await world.an_order()
    answer = await client.post(
        f"/v1/orders/{order.id}/shipments", json=a_body("custom", "UPS Grund")
    )
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["code"], error["pointer"]) == ("tracking_url_required", "/tracking_url")
    assert "map its carrier_code" in error["message"]


@pytest.mark.parametrize(
    ("number", "code", "issuer"),
    [(USPS, "ups", "USPS"), (UPS, "fedex", "UPS"), (FEDEX, "ups", "FedEx"), (UPS, "ups", None)],
)
async def test_a_number_that_contradicts_the_carrier_is_a_warning(
    world: World, client: httpx.AsyncClient, number: str, code: str, issuer: str | None
) -> None:
    order = await world.an_order()
    body = a_body(code, None, number)
    preview = await dry_run(client, order, body)
    shipped = await client.post(f"/v1/orders/{order.id}/shipments", json=body)
    assert shipped.status_code == 202
    read = (await client.get(shipped.headers["Location"])).json()
    for answer in (preview, shipped.json(), read):
        found = [(each["code"], each["pointer"]) for each in answer["warnings"]]
        expected = [("tracking_number_of_another_carrier", "/tracking_number")]
        assert found == (expected if issuer else [])
        assert all(f"tracking number of {issuer}" in each["message"] for each in answer["warnings"])
    mended = await client.patch(
        f"{shipped.headers['Location']}/tracking",
        json={"tracking_number": UPS, "carrier_code": "ups"},
    )
    assert (mended.json()["warnings"], mended.json()["carrier_found_by"]) == ([], "carrier_code")


async def test_a_file_warns_in_its_row(world: World, client: httpx.AsyncClient) -> None:
    order = await world.an_order(2)
    rows = [
        f"{order.purchase_order_id},ups,{USPS},SKU-1,1",
        f"{order.purchase_order_id},ups,{UPS},SKU-1,1",
    ]
    content = "\n".join(["order,carrier_code,tracking_number,sku,quantity", *rows])
    answer = await client.post(
        f"/v1/shipments/bulk?store_id={order.store_id}",
        content=content,
        headers={"Content-Type": "text/csv"},
    )
    warnings = [each["warnings"] for each in answer.json()["results"]]
    assert [len(each) for each in warnings] == [1, 0]
    assert warnings[0][0]["code"] == "tracking_number_of_another_carrier"


@pytest.mark.usefixtures("adobe")
@pytest.mark.parametrize("door", ["rest", "hook", "event"])
async def test_commerces_doors_know_services_by_their_title(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient, door: str
) -> None:
    order = await linked(world, client)
    track = {"track_number": PLAIN, "title": "USPS Priority Mail", "carrier_code": "custom"}
    if door == "rest":
        body = {"items": [{"order_item_id": 70, "qty": 1}], "tracks": [track]}
        answer = await client.post("/rest/store_1/V1/order/7/ship", json=body)
    elif door == "hook":
        answer = await hook(outside, "shipment", changed(tracks=[track]))
    else:
        answer = await event(outside, cloud_event(changed(tracks=[track])["data"]["shipment"]))
    assert answer.status_code == 200, answer.text
    (shipment,) = (await world.order(order.id)).shipments
    assert shipment.walmart_carrier == {"carrier": "USPS"}
    assert shipment.carrier_found_by == "carrier_title"
