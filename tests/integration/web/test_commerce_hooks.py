"""Adobe Commerce webhooks and Adobe I/O Events: real signatures, and forgeries of every kind."""

import base64
import gzip
import json
from typing import Any

import httpx
import pytest

from app.commerce.adobe_keys import KEPT_FOR, KEY_HOST
from tests.harness.world import World
from tests.integration.web.adobe import (
    ADOBE,
    CANCEL,
    COMMERCE,
    KEY_PATH,
    SHIPMENT,
    STRANGER,
    WEAK,
    Clock,
    changed,
    cloud_event,
    event,
    hook,
    linked,
    numbers,
    pem,
    sign,
)


async def test_a_shipment_saved_in_commerce_is_shipped(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    answer = await hook(outside, "shipment", SHIPMENT)
    assert (answer.status_code, answer.json()) == (200, {"op": "success"})
    assert await numbers(world, order) == [("1ZA", 1)]
    # Commerce fires again whenever the shipment is saved.
    assert (await hook(outside, "shipment", SHIPMENT)).json() == {"op": "success"}
    assert await numbers(world, order) == [("1ZA", 1)]


async def test_a_shipment_saved_with_another_number_is_corrected(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    await hook(outside, "shipment", SHIPMENT)
    again = changed(tracks=[{"track_number": "1ZB", "title": "UPS", "carrier_code": "ups"}])
    assert (await hook(outside, "shipment", again)).json() == {"op": "success"}
    assert await numbers(world, order) == [("1ZB", 1)]


async def test_a_mapped_hook_with_top_level_fields_is_read(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    shipment = SHIPMENT["data"]["shipment"]
    mapped = {
        "order": {"entity_id": 7},
        "shipment_id": 45,
        "items": shipment["items"],
        "tracks": shipment["tracks"],
    }
    assert (await hook(outside, "shipment", mapped)).json() == {"op": "success"}
    assert await numbers(world, order) == [("1ZA", 1)]


async def test_an_unstorable_title_does_not_prevent_a_shipment(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    track = {"track_number": "1ZA", "title": "UPS \ud83d\x00", "carrier_code": "ups"}
    payload = changed(entity_id="45\x00", tracks=[track])
    assert (await hook(outside, "shipment", payload)).json() == {"op": "success"}
    assert (await hook(outside, "shipment", payload)).json() == {"op": "success"}
    (shipment,) = (await world.order(order.id)).shipments
    assert shipment.carrier_title == "UPS \ufffd\ufffd"


@pytest.mark.parametrize("number", ["9" * 23, 2**63, "1e1000000"])
async def test_an_impossible_order_number_is_refused(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient, number: object
) -> None:
    order = await linked(world, client)
    answers = [
        await hook(outside, "shipment", changed(order_id=number)),
        await hook(outside, "cancellation", {**CANCEL, "id": number}),
    ]
    assert [(each.status_code, each.json()["op"]) for each in answers] == [(200, "exception")] * 2
    assert await numbers(world, order) == []


async def test_an_order_that_is_not_walmarts_is_ignored(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    other = changed(order_id="8")
    assert (await hook(outside, "shipment", other)).json() == {"op": "success"}
    assert (await hook(outside, "cancellation", {**CANCEL, "id": 8})).json() == {"op": "success"}
    assert await numbers(world, order) == []


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"tracks": []}, "tracking number"),
        ({"items": [{"order_item_id": "70", "qty": "9"}]}, "remain"),
        ({"items": [{"sku": "SKU-1"}]}, "order_item_id"),
        ({"items": [{"order_item_id": "99", "qty": "1"}]}, "99"),
    ],
)
async def test_a_refusal_is_a_message_for_the_merchant_and_writes_nothing(
    world: World,
    client: httpx.AsyncClient,
    outside: httpx.AsyncClient,
    fields: dict[str, Any],
    says: str,
) -> None:
    order = await linked(world, client)
    answer = await hook(outside, "shipment", changed(**fields))
    assert answer.status_code == 200
    assert answer.json()["op"] == "exception"
    assert says in answer.json()["message"]
    assert await numbers(world, order) == []


async def test_a_cancellation_in_commerce_cancels_once(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    not_done = {**CANCEL, "result": False}
    assert (await hook(outside, "cancellation", not_done)).json() == {"op": "success"}
    assert (await world.order(order.id)).cancellation is None
    for _ in range(2):
        assert (await hook(outside, "cancellation", CANCEL)).json() == {"op": "success"}
    canceled = (await world.order(order.id)).cancellation
    assert canceled is not None
    assert canceled.reason == "out_of_stock"
    await world.deliver_until(canceled.update.id)
    # A repetition of the current state.
    echo = {"eventName": "order_cancel_after", "data": {"order": {"entity_id": "7"}}}
    assert (await hook(outside, "cancellation", echo)).json() == {"op": "success"}


async def test_a_cancellation_without_a_reason_says_so(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    await linked(world, client, default_cancellation_reason=None)
    answer = await hook(outside, "cancellation", CANCEL)
    assert answer.json()["op"] == "exception"
    assert "reason" in answer.json()["message"]


async def test_both_keys_are_valid_during_a_key_change(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    side = {"webhook_public_keys": [pem(STRANGER), pem(COMMERCE)]}
    order = await linked(world, client, commerce=side)
    assert (await hook(outside, "shipment", SHIPMENT)).status_code == 200
    assert await numbers(world, order) == [("1ZA", 1)]


async def test_an_unusable_key_is_refused(world: World, client: httpx.AsyncClient) -> None:
    await linked(world, client)
    known = (await client.get("/v1/stores")).json()["data"][0]["id"]
    for bad in ("nonsense", pem(WEAK)):
        change = {"commerce": {"webhook_public_keys": [bad]}}
        answer = await client.patch(f"/v1/stores/{known}", json=change)
        assert (answer.status_code, answer.json()["code"]) == (422, "public_key_invalid")
        assert answer.json()["errors"][0]["pointer"] == "/commerce/webhook_public_keys/0"


async def test_forged_webhooks_are_refused_and_write_nothing(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    body = json.dumps(SHIPMENT).encode()
    good = sign(COMMERCE, base64.b64encode(body))
    forgeries = [
        None,
        "",
        "nonsense",
        sign(STRANGER, base64.b64encode(body)),
        # Signed, but over the body itself.
        sign(COMMERCE, body),
        sign(COMMERCE, base64.b64encode(body + b" ")),
        good[:-4],
        base64.b64encode(b"\0" * 256).decode(),
        base64.b64encode(base64.b64decode(good)[::-1]).decode(),
        good.swapcase(),
    ]
    for signature in forgeries:
        headers = {"Content-Type": "application/json"}
        if signature is not None:
            headers["x-adobe-commerce-webhook-signature"] = signature
        answer = await outside.post(
            "/webhooks/commerce/store_1/shipment", content=body, headers=headers
        )
        assert answer.status_code == 401, signature
    # A valid signature over another body.
    other = await outside.post(
        "/webhooks/commerce/store_1/shipment",
        content=json.dumps(changed(order_id="70")).encode(),
        headers={
            "Content-Type": "application/json",
            "x-adobe-commerce-webhook-signature": good,
        },
    )
    assert other.status_code == 401
    assert await numbers(world, order) == []


async def test_a_store_without_keys_accepts_no_hook(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    await linked(world, client, commerce={"webhook_public_keys": []})
    assert (await hook(outside, "shipment", SHIPMENT)).status_code == 401


def fetched(adobe: Any) -> list[str]:
    """The requested external addresses."""
    urls = [call.request.url for call in adobe.calls]
    return [str(url) for url in urls if url.host not in {"127.0.0.1", "waybill.test"}]


async def test_adobes_challenge_is_answered(outside: httpx.AsyncClient) -> None:
    answer = await outside.get("/webhooks/commerce/store_1/events?challenge=abc-1")
    assert (answer.status_code, answer.text) == (200, "abc-1")
    assert answer.headers["content-type"].startswith("text/plain")


async def test_an_adobe_event_is_carried_out_once(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient, adobe: Any
) -> None:
    order = await linked(world, client)
    value = SHIPMENT["data"]["shipment"]
    first = await event(outside, cloud_event(value))
    assert (first.status_code, first.json()) == (200, {"results": ["accepted"]})
    # Duplicates are recognised by Commerce's number of the shipment, for any event id.
    assert (await event(outside, cloud_event(value))).json() == {"results": ["known"]}
    assert await numbers(world, order) == [("1ZA", 1)]
    assert fetched(adobe) == [f"{KEY_HOST}{KEY_PATH}"]


async def test_either_signature_and_either_spelling_is_accepted(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient, adobe: Any
) -> None:
    del adobe
    order = await linked(world, client)
    payload = cloud_event(SHIPMENT["data"]["shipment"])
    payload["recipient_client_id"] = payload.pop("recipientclientid")
    body = json.dumps(payload).encode()
    answer = await event(
        outside,
        payload,
        **{
            "x-adobe-digital-signature-1": sign(STRANGER, body),
            "x-adobe-digital-signature-2": sign(ADOBE, body),
            "x-adobe-public-key2-path": KEY_PATH,
        },
    )
    assert answer.status_code == 200
    assert await numbers(world, order) == [("1ZA", 1)]


async def test_events_come_in_any_order_and_in_batches(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient, adobe: Any
) -> None:
    """A cancellation that comes before a shipment of the same order; the others are ignored."""
    del adobe
    order = await linked(world, client)
    batch = [
        cloud_event(CANCEL, "plugin.sales.api.order_management.cancel"),
        cloud_event(SHIPMENT["data"]["shipment"]),
        cloud_event({"order_id": 7}, "observer.catalog_product_save_after"),
        cloud_event(changed(order_id="8")["data"]["shipment"]),
    ]
    answer = await event(outside, batch)
    assert answer.json() == {
        "results": ["accepted", "refused: cancellation_pending", "ignored", "waiting"]
    }
    assert (await world.order(order.id)).cancellation is not None
    assert await numbers(world, order) == []


async def test_forged_events_are_refused_and_write_nothing(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient, adobe: Any
) -> None:
    order = await linked(world, client)
    payload = cloud_event(SHIPMENT["data"]["shipment"])
    body = json.dumps(payload).encode()
    stranger = {"x-adobe-digital-signature-1": sign(STRANGER, body)}
    elsewhere = "https://evil.example/prod/keys/pub-key-1.pem"
    forgeries: list[tuple[Any, dict[str, Any]]] = [
        (payload, {"x-adobe-digital-signature-1": None}),
        (payload, {"x-adobe-public-key1-path": None}),
        (payload, {"x-adobe-digital-signature-1": "nonsense"}),
        (payload, stranger),
        (payload, {**stranger, "x-adobe-public-key1-path": elsewhere}),
        (payload, {**stranger, "x-adobe-public-key1-path": "//evil.example/prod/keys/x.pem"}),
        (payload, {**stranger, "x-adobe-public-key1-path": "/prod/keys/../../x.pem"}),
        (payload, {**stranger, "x-adobe-public-key1-path": "/prod/keys/pub-key-unknown.pem"}),
        ({**payload, "recipientclientid": "project-2"}, {}),
        ({**payload, "recipientclientid": None}, {}),
        ([payload, {**payload, "recipientclientid": "project-2"}], {}),
    ]
    adobe.get(f"{KEY_HOST}/prod/keys/pub-key-unknown.pem").respond(404)
    for forged, changes in forgeries:
        answer = await event(outside, forged, **changes)
        assert answer.status_code == 401, changes
    assert all(url.startswith(f"{KEY_HOST}/") for url in fetched(adobe))
    assert await numbers(world, order) == []


async def test_adobes_key_is_cached_for_a_day(
    world: World,
    client: httpx.AsyncClient,
    outside: httpx.AsyncClient,
    adobe: Any,
    clock: Clock,
) -> None:
    await linked(world, client)
    for now in (0.0, KEPT_FOR - 1, KEPT_FOR + 1):
        clock.now = now
        await event(outside, cloud_event(SHIPMENT["data"]["shipment"]))
    assert len(fetched(adobe)) == 2


# It would decompress to a key, and could to any size.
COMPRESSED = httpx.Response(
    200,
    headers={"Content-Encoding": "gzip"},
    stream=httpx.ByteStream(gzip.compress(pem(ADOBE).encode())),
)


@pytest.mark.parametrize(
    "failure",
    [httpx.ConnectError("away"), *map(httpx.Response, (503, 429, 403, 408, 302)), COMPRESSED],
)
async def test_an_event_is_to_be_repeated_while_adobes_keys_cannot_be_fetched(
    world: World,
    client: httpx.AsyncClient,
    outside: httpx.AsyncClient,
    adobe: Any,
    failure: Any,
) -> None:
    order = await linked(world, client)
    route = adobe.get(f"{KEY_HOST}{KEY_PATH}")
    route.mock(side_effect=[failure, httpx.Response(200, text=pem(ADOBE))])
    payload = cloud_event(SHIPMENT["data"]["shipment"])
    answer = await event(outside, payload)
    assert (answer.status_code, answer.json()["code"]) == (503, "adobe_keys_unavailable")
    assert (await event(outside, payload)).status_code == 200
    assert await numbers(world, order) == [("1ZA", 1)]


@pytest.mark.usefixtures("adobe")
async def test_events_about_waybills_own_writes_to_commerce_change_nothing(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    """The order it created, saved again with each comment: Commerce sends an event for each save."""
    order = await linked(world, client)
    before = (await client.get(f"/v1/orders/{order.id}")).json()
    saved = {
        "entity_id": "7",
        "increment_id": "000000007",
        "ext_order_id": order.purchase_order_id,
        "status": "processing",
        "items": [{"item_id": "70", "qty_shipped": "0.0000", "qty_canceled": "0.0000"}],
        "status_histories": [{"comment": "Canceled at Walmart: 1 of SKU-1."}],
    }
    kind = "observer.sales_order_save_commit_after"
    answer = await event(outside, cloud_event({"order": saved}, kind))
    assert (answer.status_code, answer.json()) == (200, {"results": ["ignored"]})
    assert (await client.get(f"/v1/orders/{order.id}")).json() == before
