"""The REST API of Commerce: its paths, its bodies, its answers, and its error body."""

import json
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa

from app.domain.outbox.rate_limits import Breaker
from app.storage.queries.views import OrderView
from app.storage.stores import api_keys
from app.worker.importer.importer import Importer
from tests.harness.world import World
from tests.integration.web.adobe import ERROR
from tests.integration.web.conftest import client_of

# As in Adobe's tutorial "Create a shipment", with a track.
JSON = {"content-type": "application/json"}
BODY: dict[str, Any] = {
    "items": [{"order_item_id": 70, "qty": 1}],
    "notify": True,
    "appendComment": True,
    "comment": {"comment": "Item(s) has been shipped", "is_visible_on_front": 0},
    "tracks": [
        {
            "track_number": "1Y-9876543210",
            "title": "United Parcel Service",
            "carrier_code": "ups",
        }
    ],
}
SHIP, CANCEL = "/rest/store_1/V1/order/7/ship", "/rest/store_1/V1/orders/7/cancel"


async def linked(world: World, client: httpx.AsyncClient, *quantities: int) -> OrderView:
    order = await world.an_order(*(quantities or (3, 2)))
    lines = [
        {"line_number": line.line_number, "commerce_item_id": 69 + n}
        for n, line in enumerate(order.lines, start=1)
    ]
    link = {"commerce_order_id": 7, "commerce_order_number": "000000007", "lines": lines}
    assert (await client.patch(f"/v1/orders/{order.id}", json=link)).is_success
    return order


def tracks(*numbers: str) -> list[dict[str, str]]:
    return [{"track_number": n, "title": "UPS", "carrier_code": "ups"} for n in numbers]


async def test_a_shipment_as_commerce_documents_it(world: World, client: httpx.AsyncClient) -> None:
    order = await linked(world, client)
    answer = await client.post(SHIP, json=BODY)
    assert answer.status_code == 200, answer.text
    (shipment,) = (await client.get(f"/v1/orders/{order.id}/shipments")).json()["data"]
    assert answer.json() == shipment["number"]
    assert shipment["tracking_number"] == "1Y-9876543210"
    assert [(i["line_number"], i["quantity"]) for i in shipment["items"]] == [("1", 1)]
    await world.deliver_until((await world.order(order.id)).shipments[0].update.id)
    (effect,) = await world.ledger(order.purchase_order_id)
    assert (effect["quantity"], effect["tracking_number"]) == (1, "1Y9876543210")


async def test_the_same_body_again_is_the_same_shipment(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    numbers = [(await client.post(SHIP, json=BODY)).json() for _ in range(3)]
    assert len(set(numbers)) == 1
    assert len((await world.order(order.id)).shipments) == 1
    other = {**BODY, "comment": {"comment": "the second box"}}
    assert (await client.post(SHIP, json=other)).json() != numbers[0]


async def test_without_items_all_units_are_shipped_and_numbers_may_be_text(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    some = {**BODY, "items": [{"order_item_id": "70", "qty": "2.0000"}]}
    assert (await client.post(SHIP, json=some)).status_code == 200
    rest = {"tracks": tracks("1ZREST")}
    assert (await client.post(SHIP, json=rest)).status_code == 200
    shown = await world.order(order.id)
    assert [line.quantity.pending for line in shown.lines] == [3, 2]


async def test_one_item_with_as_many_units_as_tracks_is_one_package_each(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    body = {"items": [{"order_item_id": 70, "qty": 2}], "tracks": tracks("1ZA", "1ZB")}
    first = await client.post(SHIP, json=body)
    assert first.status_code == 200
    assert (await client.post(SHIP, json=body)).json() == first.json()
    shipments = (await world.order(order.id)).shipments
    assert [(s.tracking_number, s.items[0].quantity) for s in shipments] == [
        ("1ZA", 1),
        ("1ZB", 1),
    ]


async def test_tracks_with_items_are_accepted_all_or_none(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    boxes = tracks("1ZA", "1ZB")
    boxes[0]["extension_attributes"] = {"items": [{"order_item_id": 70, "qty": 3}]}  # type: ignore[assignment]
    boxes[1]["extension_attributes"] = {"items": [{"order_item_id": 71, "qty": 9}]}  # type: ignore[assignment]
    refused = await client.post(SHIP, json={"tracks": boxes})
    assert refused.status_code == 400
    assert (await world.order(order.id)).shipments == ()
    boxes[1]["extension_attributes"] = {"items": [{"order_item_id": 71, "qty": 2}]}  # type: ignore[assignment]
    assert (await client.post(SHIP, json={"tracks": boxes})).status_code == 200
    shipments = (await world.order(order.id)).shipments
    assert [s.items[0].line_number for s in shipments] == ["1", "2"]


async def test_a_repeated_number_is_one_package(world: World, client: httpx.AsyncClient) -> None:
    order = await linked(world, client)
    assert (await client.post(SHIP, json={"tracks": tracks("1ZA", "1ZA")})).status_code == 200
    assert len((await world.order(order.id)).shipments) == 1


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        ({"tracks": tracks("1ZA", "1ZB")}, "tracks_ambiguous", "several tracking numbers"),
        ({"items": [{"order_item_id": 70, "qty": 1}]}, "tracking_number_required", "tracking"),
        ({"tracks": tracks("")}, "tracking_number_required", "without a tracking number"),
        ({"tracks": tracks("1Z!")}, "tracking_number_invalid", "hyphens"),
        ({"tracks": tracks("1Z")[0]}, "invalid", "list"),
        ({"tracks": [{**tracks("1ZA")[0], "title": "U\x00PS"}]}, "invalid", "NUL"),
        ({**BODY, "items": [{"order_item_id": "1e1000000", "qty": 1}]}, "number", "whole"),
        ({**BODY, "items": [{"order_item_id": 99, "qty": 1}]}, "unknown_line", "99"),
        ({**BODY, "items": [{"order_item_id": 70, "qty": 9}]}, "quantity_exceeds_remaining", "3"),
        ({**BODY, "items": [{"order_item_id": 70, "qty": 0.5}]}, "number", "whole"),
        ({**BODY, "items": [{"order_item_id": 70, "qty": 0}]}, "invalid_quantity", "0"),
        ({**BODY, "comment": {"comment": json.loads("[" * 300 + "]" * 300)}}, "comment", "deeply"),
    ],
)
async def test_a_refusal_is_commerces_error_body_and_writes_nothing(
    world: World, client: httpx.AsyncClient, body: dict[str, Any], code: str, says: str
) -> None:
    order = await linked(world, client)
    answer = await client.post(SHIP, json=body)
    assert answer.status_code == 400
    error = answer.json()
    assert set(error) == ERROR
    assert says in error["message"]
    assert error["error_code"] in {code, "invalid"}
    assert (await world.order(order.id)).shipments == ()


async def test_a_refusal_before_the_route_is_commerces_error_body_too(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    large = await client.post(SHIP, content=b"x" * (1024 * 1024 + 1), headers=JSON)
    form = await client.post(SHIP, data={"items": "1"})
    nul = await client.get("/rest/store_1%00/V1/orders")
    query = await client.get("/rest/store_1/V1/orders?fields=%00")
    async with world.database.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE order_lines RENAME COLUMN sku TO renamed")
    fault = await client.post(SHIP, json=BODY)
    for answer, status, code in (
        (large, 413, "body_too_large"),
        (form, 415, "unsupported_media_type"),
        (nul, 404, "not_found"),
        (query, 400, "invalid"),
        (fault, 500, "internal_error"),
    ):
        assert answer.headers["content-type"] == "application/json"
        error = answer.json()
        assert (answer.status_code, error["code"], error["error_code"]) == (status, status, code)
        assert set(error) == ERROR
    assert order.shipments == ()


async def test_a_comment_with_nul_cancels_nothing(world: World, client: httpx.AsyncClient) -> None:
    order = await linked(world, client)
    body = {"reason": "out_of_stock", "comment": "a\x00b"}
    answer = await client.post("/rest/store_1/V1/orders/7/cancel", json=body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "invalid")
    assert (await world.order(order.id)).cancellation is None


async def test_a_cancellation_that_names_items_cancels_nothing(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    body: dict[str, Any] = {"reason": "out_of_stock", "items": [{"order_item_id": 70, "qty": 1}]}
    answer = await client.post(CANCEL, json=body)
    error = answer.json()["error_code"]
    assert (answer.status_code, error) == (400, "partial_cancellation_not_supported")
    assert (await world.order(order.id)).cancellation is None
    answer = await client.post(CANCEL, json={**body, "items": [], "lines": None})
    assert (answer.status_code, answer.json()) == (200, True)


async def test_an_unknown_order_or_store_is_refused_like_one_of_another_key(
    world: World, client: httpx.AsyncClient, app: Any
) -> None:
    await linked(world, client)
    for path in (
        "/rest/store_1/V1/order/8/ship",
        "/rest/nowhere/V1/order/7/ship",
        "/rest/store_1/V1/order/0/ship",
        "/rest/store_1/V1/order/x/ship",
    ):
        answer = await client.post(path, json=BODY)
        assert answer.status_code == 404, path
        assert "message" in answer.json()
    async with client_of(app, key="unknown") as stranger:
        answer = await stranger.post(SHIP, json=BODY)
        assert (answer.status_code, answer.json()["error_code"]) == (401, "unauthorized")


@pytest.mark.parametrize("number", ["1e1000000", "1e4000000", "-1e1000000", "9" * 4000, 1e300])
async def test_a_number_of_a_million_digits_is_refused_before_it_is_parsed(
    world: World, client: httpx.AsyncClient, number: Any
) -> None:
    order = await linked(world, client)
    for item in ({"order_item_id": number, "qty": 1}, {"order_item_id": 70, "qty": number}):
        answer = await client.post(SHIP, json={**BODY, "items": [item]})
        assert (answer.status_code, answer.json()["error_code"]) == (400, "invalid")
    filters = {"field": "entity_id", "value": str(number)}
    named = {f"searchCriteria[filterGroups][0][filters][0][{n}]": v for n, v in filters.items()}
    for query in (named, {"searchCriteria[pageSize]": str(number)}):
        answer = await client.get("/rest/store_1/V1/orders", params=query)
        assert answer.json()["error_code"] == "search_criteria_invalid"
    assert (await world.order(order.id)).shipments == ()


async def test_a_key_of_another_store_reaches_none_of_the_stores_routes(
    world: World, client: httpx.AsyncClient, app: Any
) -> None:
    order = await linked(world, client)
    other = await world.a_store()
    async with world.database.begin() as connection:
        secret = api_keys.new_secret()
        await api_keys.create(
            connection,
            identifier=uuid4(),
            name="other",
            store_id=other.store_id,
            scopes=frozenset({"read", "write"}),
            secret=secret,
        )
    before = await world.order(order.id)
    async with client_of(app, key=secret) as stranger:
        answers = [
            await stranger.post(SHIP, json=BODY),
            await stranger.post(CANCEL, json={"reason": "out_of_stock"}),
            await stranger.post("/rest/store_1/V1/order/7/refund", json={}),
            await stranger.get("/rest/store_1/V1/orders/7"),
            await stranger.get("/rest/store_1/V1/orders/items/70"),
            await stranger.get("/rest/store_1/V1/orders/7/comments"),
            await stranger.get("/rest/store_1/V1/shipments"),
            await stranger.get("/rest/store_1/V1/shipment/1"),
            await stranger.delete("/rest/store_1/V1/shipment/track/1"),
            await stranger.get("/rest/store_1/V1/creditmemos"),
            await stranger.get("/rest/store_1/V1/orders"),
        ]
        error = [(each.status_code, each.json()["error_code"]) for each in answers]
        assert error == [(404, "store_not_found")] * len(answers)
        assert (await stranger.get(f"/rest/{other.code}/V1/orders")).json()["total_count"] == 0
    assert await world.order(order.id) == before


async def test_a_commerce_order_is_linked_to_one_walmart_order(
    world: World, client: httpx.AsyncClient
) -> None:
    await linked(world, client)
    second = await world.an_order(1)
    answer = await client.patch(f"/v1/orders/{second.id}", json={"commerce_order_id": 7})
    assert (answer.status_code, answer.json()["code"]) == (409, "commerce_order_taken")
    body = {
        "store_id": str(second.store_id),
        "purchase_order_id": "1796330199999",
        "commerce_order_id": 7,
        "lines": [{"line_number": "1", "sku": "SKU-1", "quantity": 1}],
    }
    registered = await client.post("/v1/orders", json=body)
    assert (registered.status_code, registered.json()["code"]) == (409, "commerce_order_taken")
    # Repeating a link changes nothing, and a removed link frees the order.
    assert (await client.patch(f"/v1/orders/{second.id}", json={"commerce_order_id": 8})).is_success
    assert (await client.patch(f"/v1/orders/{second.id}", json={"commerce_order_id": 8})).is_success


async def test_a_commerce_order_linked_twice_is_ambiguous(
    world: World, client: httpx.AsyncClient
) -> None:
    """As before such links were refused: it is unclear which order is meant."""
    order, second = await linked(world, client), await world.an_order(1)
    async with world.database.begin() as connection:
        await connection.execute(
            sa.text("UPDATE orders SET commerce_order_id = 7 WHERE id = :id"), {"id": second.id}
        )
    for answer in (
        await client.post(SHIP, json=BODY),
        await client.get("/rest/store_1/V1/orders/7"),
    ):
        assert (answer.status_code, answer.json()["error_code"]) == (
            400,
            "commerce_order_ambiguous",
        )
        assert order.purchase_order_id in answer.json()["message"]
    unlinked = await client.patch(f"/v1/orders/{second.id}", json={"commerce_order_id": None})
    assert unlinked.is_success
    assert (await client.post(SHIP, json=BODY)).status_code == 200


async def test_a_cancellation_uses_the_stores_own_reason(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    refused = await client.post(CANCEL)
    assert (refused.status_code, refused.json()["error_code"]) == (400, "reason_required")
    store = (await client.get("/v1/stores")).json()["data"][0]["id"]
    change = {"default_cancellation_reason": "out_of_stock"}
    assert (await client.patch(f"/v1/stores/{store}", json=change)).is_success
    answer = await client.post(CANCEL)
    assert (answer.status_code, answer.json()) == (200, True)
    # A repetition while it is under way gets the same answer.
    assert (await client.post(CANCEL)).json() is True
    canceled = (await world.order(order.id)).cancellation
    assert canceled is not None
    assert canceled.reason == "out_of_stock"
    await world.deliver_until(canceled.update.id)
    again = await client.post(CANCEL)
    assert (again.status_code, again.json()) == (200, True)


async def test_a_cancellation_accepts_adobes_wording(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    body = {"reason": "Price or other listing errors", "comment": "typed wrong"}
    assert (await client.post(CANCEL, json=body)).json() is True
    canceled = (await world.order(order.id)).cancellation
    assert canceled is not None
    assert (canceled.reason, canceled.comment) == ("pricing_error", "typed wrong")


async def test_an_order_is_read_by_its_entity_id(world: World, client: httpx.AsyncClient) -> None:
    order = await linked(world, client)
    shown = (await client.get("/rest/store_1/V1/orders/7")).json()
    assert shown["extension_attributes"]["waybill_order_id"] == str(order.id)
    assert shown["state"] == "processing"


async def sent_back(
    world: World, client: httpx.AsyncClient, units: int | None = None
) -> tuple[OrderView, dict[str, Any]]:
    order = await linked(world, client)
    po = order.purchase_order_id
    await world.walmart.post(f"/simulator/orders/{po}/ship", json={})
    await client.post(f"/v1/orders/{order.id}/refresh")
    back = {} if units is None else {"lines": [{"line_number": "1", "quantity": units}]}
    await world.walmart.post(f"/simulator/orders/{po}/return", json=back)
    await Importer(world.context, Breaker(), every=0.000001).run(1)
    (found,) = (await client.get(f"/v1/returns?order_id={order.id}")).json()["data"]
    return order, found


async def test_a_refund_uses_the_open_return_with_its_items(
    world: World, client: httpx.AsyncClient
) -> None:
    order, found = await sent_back(world, client)
    shown = (await client.get(f"/v1/orders/{order.id}")).json()
    url = f"/v1/returns?order_id={order.id}"
    assert shown["return_requested"] == {"count": 1, "url": url}
    path = "/rest/store_1/V1/order/7/refund"
    # As in Adobe's tutorial "Issue a partial refund".
    body = {
        "items": [{"order_item_id": 70, "qty": 1}],
        "notify": True,
        "arguments": {"shipping_amount": 0, "adjustment_positive": 0},
    }
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    (made,) = (await client.get(f"/v1/returns/{found['id']}")).json()["refunds"]
    assert made["number"] == answer.json()
    assert made["items"] == [{"return_line_number": 1, "quantity": 1}]
    await world.deliver_until(UUID(made["update"]["id"]))
    rest = await client.post(path, json={})
    assert rest.status_code == 200
    updates = (await client.get(f"/v1/returns/{found['id']}")).json()["refunds"]
    await world.deliver_until(UUID(updates[1]["update"]["id"]))
    summary = (await client.get("/v1/returns/summary")).json()
    del summary["cards"]
    assert summary == {"received": 0, "refunded": 1, "error": 0, "closed": 0, "total": 1}
    over = await client.post(path, json=body | {"comment": {"comment": "another"}})
    assert (over.status_code, over.json()["error_code"]) == (400, "no_open_return")


async def test_a_return_that_walmart_cancels_by_a_reason_alone_is_not_refunded(
    world: World, client: httpx.AsyncClient
) -> None:
    _, found = await sent_back(world, client)
    path = f"/simulator/returns/{found['rma_number']}/cancel"
    await world.walmart.post(path, json={"reason": "NO_LONGER_NEEDED"})
    await Importer(world.context, Breaker(), every=0.000001).run(1)
    assert (await client.get(f"/v1/returns/{found['id']}")).json()["status"] == "closed"
    answer = await client.post("/rest/store_1/V1/order/7/refund", json={})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "no_open_return")
    assert [e for e in await world.ledger() if e["operation"] == "refund"] == []


async def test_a_refund_repeated_after_a_lost_answer_is_the_same(
    world: World, client: httpx.AsyncClient
) -> None:
    _, found = await sent_back(world, client)
    path = "/rest/store_1/V1/order/7/refund"
    body = {"items": [{"order_item_id": 70, "qty": 1}]}
    first = await client.post(path, json=body)
    assert (await client.post(path, json=body)).text == first.text
    (made,) = (await client.get(f"/v1/returns/{found['id']}")).json()["refunds"]
    await world.deliver_until(UUID(made["update"]["id"]))
    # Also when the first has reached Walmart, and units are left.
    assert (await client.post(path, json=body)).text == first.text
    assert [e["quantity"] for e in await world.ledger() if e["operation"] == "refund"] == [1]
    other = await client.post(path, json=body | {"comment": {"comment": "memo 2"}})
    assert (other.status_code, other.text == first.text) == (200, False)


async def test_a_dismissed_or_old_refund_may_be_requested_again(
    world: World, client: httpx.AsyncClient
) -> None:
    _, found = await sent_back(world, client)
    path = "/rest/store_1/V1/order/7/refund"
    body = {"items": [{"order_item_id": 70, "qty": 1}]}
    first = await client.post(path, json=body)
    (made,) = (await client.get(f"/v1/returns/{found['id']}")).json()["refunds"]
    update = made["update"]["id"]
    await world.fault("refund", "refuse")
    await world.deliver_until(UUID(update))
    await client.post(f"/v1/updates/{update}/dismiss", json={"note": "by hand"})
    second = await client.post(path, json=body)
    assert (second.status_code, second.text == first.text) == (200, False)
    async with world.database.begin() as connection:
        await connection.exec_driver_sql(
            "UPDATE refunds SET created_at = now() - interval '8 days'"
        )
    third = await client.post(path, json=body)
    assert (third.status_code, third.text == second.text) == (200, False)


async def test_the_same_body_a_day_later_refunds_a_newer_return(
    world: World, client: httpx.AsyncClient
) -> None:
    order, found = await sent_back(world, client, 1)
    path = "/rest/store_1/V1/order/7/refund"
    body = {"items": [{"order_item_id": 70, "qty": 1}]}
    first = await client.post(path, json=body)
    (made,) = (await client.get(f"/v1/returns/{found['id']}")).json()["refunds"]
    await world.deliver_until(UUID(made["update"]["id"]))
    back = {"lines": [{"line_number": "1", "quantity": 1}]}
    po = order.purchase_order_id
    await world.walmart.post(f"/simulator/orders/{po}/return", json=back)
    await Importer(world.context, Breaker(), every=0.000001).run(1)
    # A repetition at once does not use the other return.
    assert (await client.post(path, json=body)).text == first.text
    async with world.database.begin() as connection:
        await connection.exec_driver_sql(
            "UPDATE refunds SET created_at = now() - interval '25 hours'"
        )
    second = await client.post(path, json=body)
    assert (second.status_code, second.text == first.text) == (200, False)


async def test_a_rest_refund_is_identified_by_its_key(
    world: World, client: httpx.AsyncClient
) -> None:
    await sent_back(world, client)
    path = "/rest/store_1/V1/order/7/refund"
    body = {"items": [{"order_item_id": 70, "qty": 1}]}
    answers = [
        await client.post(path, json=body, headers={"Idempotency-Key": key})
        for key in ("memo-1", "memo-1", "memo-2")
    ]
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert answers[0].text == answers[1].text != answers[2].text
    assert [each.status_code for each in answers] == [200] * 3


async def test_a_refund_of_an_order_affects_only_its_own_lines_of_a_return(
    world: World, client: httpx.AsyncClient
) -> None:
    store = await world.a_store()
    numbers = []
    for item, commerce_id in ((70, 7), (80, 8)):
        number = await world.at_walmart(1, store=store)
        await world.walmart.post(f"/simulator/orders/{number}/ship", json={})
        order = await world.imported(number, store)
        await client.patch(
            f"/v1/orders/{order.id}",
            json={
                "commerce_order_id": commerce_id,
                "lines": [{"line_number": "1", "commerce_item_id": item}],
            },
        )
        numbers.append(number)
    lines = [{"purchase_order_id": number, "line_number": "1"} for number in numbers]
    await world.walmart.post(f"/simulator/orders/{numbers[0]}/return", json={"lines": lines})
    await Importer(world.context, Breaker(), every=0.000001).run(1)
    # As many as both have: order 7 has one of them.
    many = await client.post(
        "/rest/store_1/V1/order/7/refund", json={"items": [{"order_item_id": 70, "qty": 2}]}
    )
    assert many.json()["error_code"] == "no_open_return"
    for commerce_id, body in ((7, {}), (8, {"items": [{"order_item_id": 80, "qty": 1}]})):
        answer = await client.post(f"/rest/store_1/V1/order/{commerce_id}/refund", json=body)
        assert answer.status_code == 200, answer.text
    (shown,) = (await client.get("/v1/returns")).json()["data"]
    assert [each["items"] for each in shown["refunds"]] == [
        [{"return_line_number": 1, "quantity": 1}],
        [{"return_line_number": 2, "quantity": 1}],
    ]
    await world.deliver_until(*(UUID(each["update"]["id"]) for each in shown["refunds"]))
    ledger = [e for e in await world.ledger() if e["operation"] == "refund"]
    assert sorted(e["purchase_order_id"] for e in ledger) == sorted(numbers)


async def test_returns_show_commerces_number_and_are_found_by_it(
    world: World, client: httpx.AsyncClient
) -> None:
    order, found = await sent_back(world, client)
    linked_ = {"commerce_order_number": "000000123", "commerce_order_id": 7}
    await client.patch(f"/v1/orders/{order.id}", json=linked_)
    (shown,) = (await client.get("/v1/returns?q=0000001")).json()["data"]
    assert shown["id"] == found["id"]
    assert shown["commerce_order_number"] == "000000123"
    assert shown["orders"] == [
        {
            "purchase_order_id": order.purchase_order_id,
            "order_id": str(order.id),
            "order_url": f"/v1/orders/{order.id}",
            **linked_,
        }
    ]
    other = await world.a_store()
    path = f"/v1/returns?q=0000001&store_id={other.id}"
    assert (await client.get(path)).json()["data"] == []


async def test_a_refund_without_a_return_or_with_two_is_refused(
    world: World, client: httpx.AsyncClient
) -> None:
    path = "/rest/store_1/V1/order/7/refund"
    order = await linked(world, client)
    none = await client.post(path, json={})
    assert none.json()["error_code"] == "no_open_return"
    po = order.purchase_order_id
    await world.walmart.post(f"/simulator/orders/{po}/ship", json={})
    await client.post(f"/v1/orders/{order.id}/refresh")
    for _ in range(2):
        lines = [{"line_number": "1", "quantity": 1}]
        await world.walmart.post(f"/simulator/orders/{po}/return", json={"lines": lines})
    await Importer(world.context, Breaker(), every=0.000001).run(1)
    two = await client.post(path, json={"items": [{"order_item_id": 70, "qty": 1}]})
    assert (two.status_code, two.json()["error_code"]) == (400, "return_ambiguous")
    # Its id makes it unambiguous.
    listed = (await client.get("/v1/returns?status=received")).json()["data"]
    refunded = await client.post(f"/v1/returns/{listed[0]['id']}/refund", json={})
    assert refunded.status_code == 202
    assert refunded.headers["Location"] == f"/v1/returns/{listed[0]['id']}"


async def test_a_refund_is_idempotent_by_its_key(world: World, client: httpx.AsyncClient) -> None:
    _, found = await sent_back(world, client)
    path, headers = f"/v1/returns/{found['id']}/refund", {"Idempotency-Key": "memo-1"}
    body = {"items": [{"return_line_number": 1, "quantity": 1}], "comment": "credit memo 45"}
    first = await client.post(path, json=body, headers=headers)
    again = await client.post(path, json=body, headers=headers)
    assert (first.status_code, again.headers["Idempotent-Replayed"]) == (202, "true")
    assert again.json() == first.json()
    assert len((await client.get(f"/v1/returns/{found['id']}")).json()["refunds"]) == 1
    wrong = await client.post(path, json={"items": [{"return_line_number": 1, "quantity": 0}]})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_quantity")
