"""Events from Commerce: carried out, kept until their order is known, or shown as refused."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
import respx

from app.commerce.adobe_keys import AdobeKeys
from app.domain.outbox.rate_limits import Breaker
from app.storage.commerce import events as storage
from app.storage.commerce.events import CommerceEvent
from app.storage.queries.views import OrderView
from app.usecases.commerce_events import replay
from app.worker.importer.importer import Importer
from app.worker.maintenance.commerce_events import carry_out_waiting
from tests.harness.world import World
from tests.integration.web.adobe import (
    CANCEL,
    SHIPMENT,
    Clock,
    a_track,
    changed,
    cloud_event,
    event,
    hook,
    linked,
    numbers,
    side,
)
from tests.integration.web.conftest import app_of, client_of
from tests.tls import TLS

CANCEL_EVENT = "plugin.sales.api.order_management.cancel"
CREDIT_EVENT = "observer.sales_order_creditmemo_save_after"
LINK = {"commerce_order_id": 7, "lines": [{"line_number": "1", "commerce_item_id": 70}]}


def creditmemo(units: int, number: str = "12", **fields: Any) -> dict[str, Any]:
    memo = {
        "entity_id": number,
        "order_id": "7",
        "state": "2",
        "items": [{"order_item_id": "70", "qty": f"{units}.0000"}],
        **fields,
    }
    return {"eventName": "sales_order_creditmemo_save_after", "data": {"creditmemo": memo}}


async def commerce_events(client: httpx.AsyncClient, query: str = "") -> list[dict[str, Any]]:
    answer = await client.get(f"/v1/commerce-events{query}")
    assert answer.is_success, answer.text
    return list(answer.json()["data"])


async def sent_back(world: World, client: httpx.AsyncClient, units: int) -> OrderView:
    """An order of three shipped units, some of which are returned."""
    order = await linked(world, client)
    number = order.purchase_order_id
    await world.walmart.post(f"/simulator/orders/{number}/ship", json={})
    await client.post(f"/v1/orders/{order.id}/refresh")
    lines = {"lines": [{"line_number": "1", "quantity": units}]}
    await world.walmart.post(f"/simulator/orders/{number}/return", json=lines)
    await Importer(world.context, Breaker(), every=0.000001).run(1)
    return order


async def refunds(client: httpx.AsyncClient) -> list[int]:
    """The units of each requested refund."""
    found = (await client.get("/v1/returns")).json()["data"]
    return [sum(i["quantity"] for i in made["items"]) for each in found for made in each["refunds"]]


@pytest.mark.usefixtures("adobe")
@pytest.mark.parametrize("result", [False, None, 0, "0", "false", "", [], "no"])
async def test_only_a_cancellation_made_in_commerce_cancels_at_walmart(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient, result: object
) -> None:
    order = await linked(world, client)
    not_done = {**CANCEL, "result": result}
    answer = await event(outside, cloud_event(not_done, CANCEL_EVENT))
    assert answer.json() == {"results": ["ignored"]}
    assert (await hook(outside, "cancellation", not_done)).json() == {"op": "success"}
    assert (await world.order(order.id)).cancellation is None


@pytest.mark.usefixtures("adobe")
@pytest.mark.parametrize("result", [True, 1, "1"])
async def test_a_cancellation_made_in_commerce_cancels_at_walmart(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient, result: object
) -> None:
    order = await linked(world, client)
    answer = await event(outside, cloud_event({**CANCEL, "result": result}, CANCEL_EVENT))
    assert answer.json() == {"results": ["accepted"]}
    assert (await world.order(order.id)).cancellation is not None


@pytest.mark.usefixtures("adobe")
async def test_a_repeated_event_is_known_by_its_id(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    """Even if a person has settled the request differently."""
    order = await linked(world, client)
    once = cloud_event(CANCEL, CANCEL_EVENT)
    assert (await event(outside, once)).json() == {"results": ["accepted"]}
    canceled = (await world.order(order.id)).cancellation
    assert canceled is not None
    note = {"note": "We ship it after all."}
    assert (await client.post(f"/v1/updates/{canceled.update.id}/dismiss", json=note)).is_success
    assert (await event(outside, once)).json() == {"results": ["known"]}
    (update,) = (await client.get("/v1/updates?kind=cancellation")).json()["data"]
    assert update["state"] == "dismissed"
    # The id alone does not decide: an event with other content is another event.
    other = {**once, "data": {**once["data"], "key": "another"}}
    assert (await event(outside, other)).json() == {"results": ["accepted"]}


@pytest.mark.usefixtures("adobe")
@pytest.mark.parametrize("channel", ["hook", "event"])
async def test_a_refused_event_is_shown_with_its_order_until_it_is_corrected_in_commerce(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient, channel: str
) -> None:
    order = await linked(world, client)
    unknown = changed(tracks=[a_track("1ZA", carrier="custom") | {"title": "Acme"}])
    for _ in range(2):
        # Commerce saves it twice; the error is reported once.
        if channel == "hook":
            await hook(outside, "shipment", unknown)
        else:
            await event(outside, cloud_event(unknown["data"]["shipment"]))
    shown = (await client.get(f"/v1/orders/{order.id}")).json()
    (detail,) = shown["status_details"]
    assert (detail["code"], detail["origin"]) == ("tracking_url_required", "commerce")
    assert "default_tracking_url" in detail["suggestion"]
    assert (shown["status"], shown["fulfillment_status"]) == ("error", "open")
    assert (await client.get("/v1/orders/summary")).json()["error"] == 1
    timeline = (await client.get(f"/v1/orders/{order.id}/timeline")).json()["data"]
    (entry,) = [each for each in timeline if each["what"] == "commerce_event_refused"]
    assert entry["detail"]["reference"] == "commerce-shipment-45"
    assert (await hook(outside, "shipment", SHIPMENT)).json() == {"op": "success"}
    mended = await world.order(order.id)
    assert (mended.status, mended.status_details) == ("open", ())
    assert await numbers(world, order) == [("1ZA", 1)]


async def test_a_refused_event_is_carried_out_after_a_person_removed_the_cause(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client, default_cancellation_reason=None)
    assert (await hook(outside, "cancellation", CANCEL)).json()["op"] == "exception"
    (refused,) = await commerce_events(client, "?state=refused")
    assert refused["status_detail"]["code"] == "reason_required"
    path = f"/v1/commerce-events/{refused['id']}"
    still = await client.post(f"{path}/retry")
    assert (still.status_code, still.json()["state"]) == (200, "refused")
    change = {"default_cancellation_reason": "out_of_stock"}
    assert (await client.patch(f"/v1/stores/{refused['store_id']}", json=change)).is_success
    headers = {"Idempotency-Key": "mended"}
    done = (await client.post(f"{path}/retry", headers=headers)).json()
    assert (await client.post(f"{path}/retry", headers=headers)).json() == done
    assert (done["state"], done["status_detail"]) == ("done", None)
    shown = await world.order(order.id)
    assert shown.cancellation is not None
    assert (shown.status, shown.status_details) == ("open", ())
    again = await client.post(f"{path}/retry")
    assert (again.status_code, again.json()["code"]) == (409, "commerce_event_finished")


async def test_a_dismissed_event_stays_dismissed_when_commerce_saves_it_again(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    await hook(outside, "shipment", changed(tracks=[]))
    (refused,) = await commerce_events(client, f"?order_id={order.id}&state=refused")
    path = f"/v1/commerce-events/{refused['id']}/dismiss"
    dismissed = (await client.post(path, json={"note": "Handed over by us."})).json()
    assert (dismissed["state"], dismissed["note"]) == ("dismissed", "Handed over by us.")
    assert dismissed["dismissed_by"] == "admin"
    assert (await hook(outside, "shipment", changed(tracks=[]))).json() == {"op": "success"}
    shown = await world.order(order.id)
    assert (shown.status, shown.status_details) == ("open", ())
    assert (await client.post(path, json={"note": "Again."})).status_code == 409
    # A new event is reported again.
    await hook(outside, "shipment", SHIPMENT)
    assert await numbers(world, order) == [("1ZA", 1)]


async def test_an_unreadable_hook_is_shown_with_the_order_that_it_names(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    await hook(outside, "shipment", changed(items=[{"sku": "SKU-1"}]))
    shown = await world.order(order.id)
    assert [each.code for each in shown.status_details] == ["commerce_event_invalid"]


async def test_a_shipment_of_rows_of_0_is_not_a_wrong_configuration(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    """Magento saves no shipment without units (Shipment/Validation/QuantityValidator.php)."""
    order = await linked(world, client)
    rows = [{"order_item_id": item, "qty": "0.0000"} for item in ("70", "71")]
    answer = await hook(outside, "shipment", changed(items=rows))
    assert answer.json()["message"].startswith("Every item of the shipment has the quantity 0.")
    shown = await world.order(order.id)
    assert [each.code for each in shown.status_details] == ["invalid_quantity"]
    assert shown.shipments == ()


@pytest.mark.usefixtures("adobe")
async def test_an_event_before_its_order_is_linked_waits_and_is_carried_out_then(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await world.an_order(3)
    await side(client)
    assert (await hook(outside, "shipment", changed(tracks=[]))).json() == {"op": "success"}
    answer = await event(outside, cloud_event(SHIPMENT["data"]["shipment"]))
    assert answer.json() == {"results": ["waiting"]}
    (waiting,) = await commerce_events(client, "?state=waiting")
    assert (waiting["order_id"], waiting["commerce_order_id"]) == (None, 7)
    assert waiting["status_detail"]["code"] == "order_not_linked"
    linked_now = await client.patch(f"/v1/orders/{order.id}", json=LINK)
    assert linked_now.json()["shipments"][0]["tracking_number"] == "1ZA"
    assert await numbers(world, order) == [("1ZA", 1)]
    assert await commerce_events(client, "?state=waiting") == []


async def test_an_event_during_the_linking_of_its_order_is_neither_lost_nor_doubled(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    orders = [await world.an_order(3) for _ in range(4)]
    await side(client)
    for number, order in enumerate(orders, start=101):
        payload = changed(order_id=str(number), entity_id=str(number))
        answers = await asyncio.gather(
            hook(outside, "shipment", payload),
            client.patch(f"/v1/orders/{order.id}", json={**LINK, "commerce_order_id": number}),
            hook(outside, "shipment", payload),
        )
        assert {each.status_code for each in answers} == {200}
    # A poller runs.
    await carry_out_waiting(world.context)
    assert [await numbers(world, order) for order in orders] == [[("1ZA", 1)]] * 4
    assert await commerce_events(client, "?state=waiting") == []


async def test_an_event_dismissed_before_its_order_is_linked_stays_dismissed(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await world.an_order(3)
    await side(client)
    await hook(outside, "shipment", SHIPMENT)
    (waiting,) = await commerce_events(client, "?state=waiting")
    path = f"/v1/commerce-events/{waiting['id']}/dismiss"
    assert (await client.post(path, json={"note": "None of Walmart's."})).is_success
    assert (await hook(outside, "shipment", SHIPMENT)).json() == {"op": "success"}
    assert await commerce_events(client, "?state=waiting") == []
    await client.patch(f"/v1/orders/{order.id}", json=LINK)
    await carry_out_waiting(world.context)
    assert await numbers(world, order) == []


async def test_a_dismissed_event_is_not_carried_out_by_a_poller_that_read_it_before(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    unknown = [a_track("1ZA", carrier="custom") | {"title": "Acme"}]
    await hook(outside, "shipment", changed(tracks=unknown))
    (refused,) = await commerce_events(client, "?state=refused")
    path = f"/v1/commerce-events/{refused['id']}/dismiss"
    assert (await client.post(path, json={"note": "Handed over by us."})).is_success
    mended = {"default_tracking_url": "https://t.example/{tracking_number}"}
    assert (await client.patch(f"/v1/stores/{refused['store_id']}", json=mended)).is_success
    # A poller read it while it was open, and processes it now.
    await replay.replay_all(world.context, [UUID(refused["id"])])
    assert await numbers(world, order) == []
    assert (await commerce_events(client))[0]["state"] == "dismissed"


async def test_an_event_with_two_linked_orders_is_carried_out_when_one_link_is_removed(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    other = await world.an_order(3)
    async with world.database.begin() as connection:
        # As earlier versions allowed it.
        await connection.exec_driver_sql("UPDATE orders SET commerce_order_id = 7")
    assert (await hook(outside, "shipment", SHIPMENT)).json()["op"] == "exception"
    (waiting,) = await commerce_events(client, "?state=waiting")
    assert waiting["order_id"] is None
    away = await client.patch(f"/v1/orders/{other.id}", json={"commerce_order_id": None})
    assert away.is_success
    assert await numbers(world, order) == [("1ZA", 1)]
    assert await numbers(world, other) == []
    assert await commerce_events(client, "?state=waiting") == []


async def test_an_event_that_cannot_be_carried_out_yet_lets_others_go_first(world: World) -> None:
    orders = [await world.an_order(1) for _ in range(storage.BATCH + 1)]
    async with world.database.begin() as connection:
        for number, order in enumerate(orders, start=101):
            waits = CommerceEvent(
                store_id=1,
                id=world.context.new_id(1),
                reference=f"commerce-shipment-{number}",
                about="shipment",
                commerce_order_id=number,
                content={"items": [[70, 1]], "tracks": []},
                order_id=order.id,
                code=storage.NOT_LINKED,
            )
            await storage.save(connection, waits)
    first, second = await storage.take(world.database), await storage.take(world.database)
    assert (len(first), len(second)) == (storage.BATCH, 1)
    assert await storage.take(world.database) == []


async def test_an_item_that_is_linked_later_is_shipped_then(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await world.an_order(3)
    await side(client)
    await client.patch(f"/v1/orders/{order.id}", json={"commerce_order_id": 7})
    await hook(outside, "shipment", SHIPMENT)
    assert [d.code for d in (await world.order(order.id)).status_details] == ["unknown_line"]
    await client.patch(f"/v1/orders/{order.id}", json={"lines": LINK["lines"]})
    assert await numbers(world, order) == [("1ZA", 1)]
    assert (await world.order(order.id)).status == "open"


async def test_a_credit_memo_in_commerce_is_refunded_once_by_the_open_return(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    await sent_back(world, client, 2)
    for _ in range(2):
        assert (await hook(outside, "creditmemo", creditmemo(1))).json() == {"op": "success"}
    assert await refunds(client) == [1]
    await hook(outside, "creditmemo", creditmemo(1, number="13"))
    assert await refunds(client) == [1, 1]


async def test_a_credit_memo_before_its_return_is_refunded_when_that_is_imported(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    path = f"/simulator/orders/{order.purchase_order_id}"
    await world.walmart.post(f"{path}/ship", json={})
    await client.post(f"/v1/orders/{order.id}/refresh")
    await hook(outside, "creditmemo", creditmemo(1))
    assert [d.code for d in (await world.order(order.id)).status_details] == ["no_open_return"]
    lines = {"lines": [{"line_number": "1", "quantity": 1}]}
    await world.walmart.post(f"{path}/return", json=lines)
    await Importer(world.context, Breaker(), every=0.000001).run(1)
    assert await refunds(client) == [1]
    shown = await world.order(order.id)
    assert (shown.status, shown.status_details) == ("shipped", ())


async def test_a_credit_memo_before_its_lines_are_linked_is_refunded_then(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    order = await sent_back(world, client, 2)
    unlinked = [{"line_number": "1", "commerce_item_id": None}]
    await client.patch(f"/v1/orders/{order.id}", json={"lines": unlinked})
    await hook(outside, "creditmemo", creditmemo(1))
    assert await refunds(client) == []
    shown = (await client.patch(f"/v1/orders/{order.id}", json={"lines": LINK["lines"]})).json()
    assert await refunds(client) == [1]
    assert shown["status_details"] == []


@pytest.mark.usefixtures("adobe")
async def test_a_credit_memo_may_come_as_an_adobe_event(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    await sent_back(world, client, 2)
    memo = creditmemo(2)["data"]["creditmemo"]
    answer = await event(outside, cloud_event(memo, CREDIT_EVENT))
    assert answer.json() == {"results": ["accepted"]}
    assert await refunds(client) == [2]


async def test_a_credit_memo_for_refunded_units_is_known(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    """Refunded by Walmart itself after 48 hours, or through the REST API."""
    order = await sent_back(world, client, 2)
    one = {"items": [{"order_item_id": 70, "qty": 1}]}
    assert (await client.post("/rest/store_1/V1/order/7/refund", json=one)).is_success
    await hook(outside, "creditmemo", creditmemo(1))
    assert await refunds(client) == [1]
    # The second unit is not refunded yet.
    await hook(outside, "creditmemo", creditmemo(1, number="13"))
    assert await refunds(client) == [1, 1]
    assert (await world.order(order.id)).status == "shipped"


@pytest.mark.parametrize("confirmed", [False, True])
@pytest.mark.parametrize("key", [None, "memo-12"])
async def test_a_credit_memo_also_sent_by_rest_is_refunded_once(
    world: World,
    client: httpx.AsyncClient,
    outside: httpx.AsyncClient,
    *,
    confirmed: bool,
    key: str | None,
) -> None:
    await sent_back(world, client, 3)
    await hook(outside, "creditmemo", creditmemo(1))
    ((made,),) = [each["refunds"] for each in (await client.get("/v1/returns")).json()["data"]]
    if confirmed:
        await world.deliver_until(UUID(made["update"]["id"]))
    path = "/rest/store_1/V1/order/7/refund"
    headers = {"Idempotency-Key": key} if key else {}
    one = {"items": [{"order_item_id": 70, "qty": 1}], "comment": {"comment": "credit memo 12"}}
    first = await client.post(path, json=one, headers=headers)
    assert (await client.post(path, json=one, headers=headers)).json() == first.json()
    assert first.is_success
    assert await refunds(client) == [1]
    # A credit memo has one body: another body is another refund.
    other = {**one, "comment": {"comment": "credit memo 13"}}
    assert (await client.post(path, json=other)).json() != first.json()
    assert await refunds(client) == [1, 1]
    # The hook of that one is known.
    await hook(outside, "creditmemo", creditmemo(1, number="13"))
    assert await refunds(client) == [1, 1]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"transaction_id": "ch_1"}, "creditmemo_online"),
        ({"items": [{"order_item_id": "70", "qty": "0"}]}, "creditmemo_amount_only"),
        ({"items": [], "adjustment_positive": "5.0000"}, "creditmemo_amount_only"),
        ({"items": None, "adjustment": 5, "transaction_id": "ch_1"}, "creditmemo_amount_only"),
        (
            {"items": [{"order_item_id": "70", "qty": None}], "adjustment": 5},
            "creditmemo_amount_only",
        ),
        ({"items": None, "adjustment": "0.0000"}, "commerce_event_invalid"),
        ({"items": [{"order_item_id": "99", "qty": "1"}]}, "unknown_line"),
    ],
)
async def test_a_credit_memo_that_walmart_cannot_refund_is_shown_with_its_order(
    world: World,
    client: httpx.AsyncClient,
    outside: httpx.AsyncClient,
    fields: dict[str, Any],
    code: str,
) -> None:
    order = await sent_back(world, client, 2)
    answer = await hook(outside, "creditmemo", creditmemo(1, **fields))
    assert answer.json()["op"] == "exception"
    assert [each.code for each in (await world.order(order.id)).status_details] == [code]
    assert await refunds(client) == []


async def test_a_canceled_credit_memo_refunds_nothing(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    await sent_back(world, client, 2)
    assert (await hook(outside, "creditmemo", creditmemo(1, state="3"))).json()["op"] == "success"
    assert await refunds(client) == []


@pytest.fixture
async def hurried(world: World, clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key, with a short limit for every answer."""
    keys = AdobeKeys(httpx.AsyncClient(verify=TLS), clock)
    async with client_of(app_of(world, keys, answer_within=0.5), key=None) as opened:
        yield opened
    await keys.close()


async def test_a_request_that_times_out_may_be_repeated_and_nothing_is_done_twice(
    world: World, client: httpx.AsyncClient, hurried: httpx.AsyncClient, adobe: respx.MockRouter
) -> None:
    order = await linked(world, client)
    commerce = {
        "base_url": "http://shop.example",
        "access_token": "token",
        "push_orders": True,
        "io_client_ids": ["project-1"],
    }
    store = (await client.get("/v1/stores")).json()["data"][0]["id"]
    assert (await client.patch(f"/v1/stores/{store}", json={"commerce": commerce})).is_success

    async def never(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    adobe.route(host="shop.example").mock(side_effect=never)
    batch = [
        cloud_event(changed(order_id=number, entity_id=number)["data"]["shipment"])
        for number in ("7", "101", "102", "103")
    ]
    for _ in range(2):
        answer = await event(hurried, batch)
        assert (answer.status_code, answer.json()["code"]) == (503, "commerce_unavailable")
    assert await numbers(world, order) == [("1ZA", 1)]


async def test_an_event_to_be_repeated_does_not_block_the_others(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient, adobe: respx.MockRouter
) -> None:
    order = await linked(world, client)
    commerce = {
        "base_url": "http://shop.example",
        "access_token": "token",
        "push_orders": True,
        "io_client_ids": ["project-1"],
    }
    store = (await client.get("/v1/stores")).json()["data"][0]["id"]
    assert (await client.patch(f"/v1/stores/{store}", json={"commerce": commerce})).is_success
    adobe.route(host="shop.example").respond(503)
    strange = changed(order_id="101", entity_id="101")["data"]["shipment"]
    answer = await event(outside, [cloud_event(strange), cloud_event(SHIPMENT["data"]["shipment"])])
    assert answer.status_code == 503
    assert await numbers(world, order) == [("1ZA", 1)]
    # Commerce may not send it again, so it is kept.
    (waiting,) = await commerce_events(client, "?state=waiting")
    assert waiting["commerce_order_id"] == 101
