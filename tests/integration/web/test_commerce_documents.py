"""Shipments saved, and credit memos refunded and read, by Commerce's REST API.

Shapes: sales-data-shipment-interface and sales-data-creditmemo-interface of Adobe's schema
(AdobeDocs/commerce-webapi, src/openapi/admin-schema-2.4.8.yaml).
"""

from typing import Any
from uuid import UUID

import httpx

from tests.harness.world import World
from tests.integration.web.adobe import ERROR
from tests.integration.web.test_commerce_api import BODY, JSON, SHIP, linked
from tests.integration.web.test_commerce_events import sent_back

V1 = "/rest/store_1/V1"
SAVE, REFUND = f"{V1}/shipment", f"{V1}/creditmemo/refund"
CREDIT_MEMO = {"order_id", "items"}
CREDIT_MEMO_ITEM = {"base_cost", "base_price", "entity_id", "order_item_id", "qty"}


def entity(**more: Any) -> dict[str, Any]:
    """A shipment as Magento's ShipmentRepository::save takes it."""
    items = [{"order_item_id": 70, "qty": 1, "sku": "SKU-1", "entity_id": None}]
    return {"entity": {"order_id": 7, "items": items, "tracks": BODY["tracks"]} | more}


async def test_a_saved_shipment_is_shipped_once_by_either_path(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    body = entity(comments=[], packages=[], extension_attributes=[])
    saved = [await client.post(f"{SAVE}/", json=body) for _ in range(2)]
    assert [each.status_code for each in saved] == [200, 200], saved[0].text
    assert saved[0].json() == saved[1].json()
    number = saved[0].json()["entity_id"]
    assert saved[0].json() == (await client.get(f"{SAVE}/{number}")).json()
    by_ship = {"items": [{"order_item_id": 70, "qty": 1}], "tracks": BODY["tracks"]}
    assert (await client.post(SHIP, json=by_ship)).json() == number
    assert len((await world.order(order.id)).shipments) == 1
    await world.deliver_until((await world.order(order.id)).shipments[0].update.id)
    assert len(await world.ledger(order.purchase_order_id)) == 1


async def test_shipments_of_two_increment_ids_are_two_even_if_all_else_is_equal(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    numbers = []
    for each in ("000000501", "000000502", "000000502"):
        answer = await client.post(SAVE, json=entity(increment_id=each))
        assert answer.status_code == 200, answer.text
        numbers.append(answer.json()["entity_id"])
    assert numbers[0] != numbers[1] == numbers[2]
    shipments = (await world.order(order.id)).shipments
    assert {each.number for each in shipments} == {*numbers}


async def test_the_new_track_of_a_saved_shipment_is_a_correction(
    world: World, client: httpx.AsyncClient
) -> None:
    """As Adobe's integration starter kit updates a shipment: actions/order/external/…updated."""
    order = await linked(world, client)
    shown = (await client.post(SAVE, json=entity())).json()
    number = shown["entity_id"]
    unchanged = await client.post(SAVE, json={"entity": shown})
    assert unchanged.json() == shown
    fresh = {**shown["tracks"][0], "entity_id": None, "track_number": "1ZB"}
    for tracks in ([fresh], [*shown["tracks"], fresh]):
        saved = await client.post(SAVE, json={"entity": shown | {"tracks": tracks}})
        assert saved.status_code == 200, saved.text
        assert saved.json()["tracks"][0]["track_number"] == "1ZB"
    two = await client.post(
        SAVE, json={"entity": shown | {"tracks": [fresh | {"track_number": n} for n in "CD"]}}
    )
    assert (two.status_code, two.json()["error_code"]) == (400, "track_not_sent")
    missing = await client.post(SAVE, json={"entity": shown | {"entity_id": number + 1}})
    assert (missing.status_code, missing.json()["error_code"]) == (404, "shipment_not_found")
    unknown = {"order_item_id": 99, "qty": 1}
    wrong = [BODY["tracks"][0] | {"track_number": "1Z!"}]
    for body, code, field in (
        (entity(items=[]), "required", "/entity/items"),
        (entity(items=[unknown]), "unknown_line", "/entity/items/0/order_item_id"),
        (entity(tracks=wrong), "tracking_number_invalid", "/entity/tracks/0/track_number"),
    ):
        answer = await client.post(SAVE, json=body)
        assert answer.status_code == 400, answer.text
        error = answer.json()
        assert (error["error_code"], error["parameters"]) == (code, [field]), answer.text
    await world.deliver_until((await world.order(order.id)).shipments[0].update.id)
    (effect,) = await world.ledger(order.purchase_order_id)
    assert effect["tracking_number"] == "1ZB"


async def test_a_credit_memo_is_refunded_once_and_read_by_its_number(
    world: World, client: httpx.AsyncClient
) -> None:
    await sent_back(world, client, 2)
    memo = {
        "order_id": 7,
        "items": [{"order_item_id": 70, "qty": "1.0000", "base_cost": 0, "entity_id": 0}],
        "comments": [{"comment": "memo 12", "is_visible_on_front": 0}],
        "adjustment_positive": 0,
    }
    body = {"creditmemo": memo, "offlineRequested": True}
    made = [await client.post(REFUND, json=body) for _ in range(2)]
    assert made[0].status_code == 200, made[0].text
    assert made[0].json() == made[1].json()
    shown = made[0].json()
    (item,) = shown["items"]
    assert shown.keys() >= CREDIT_MEMO
    assert item.keys() >= CREDIT_MEMO_ITEM
    assert (shown["order_id"], shown["state"]) == (7, 1)
    assert (item["order_item_id"], item["qty"]) == (70, 1)
    assert shown["comments"][0]["comment"] == "memo 12"
    number = shown["entity_id"]
    assert (await client.get(f"{V1}/creditmemo/{number}")).json() == shown
    by_refund = {"items": memo["items"], "comment": {"comment": "memo 12"}}
    assert (await client.post(f"{V1}/order/7/refund", json=by_refund)).json() == number
    (returned,) = (await client.get("/v1/returns")).json()["data"]
    await world.deliver_until(UUID(returned["refunds"][0]["update"]["id"]))
    assert (await client.get(f"{V1}/creditmemo/{number}")).json()["state"] == 2
    (refunded,) = await found(client, "creditmemos", state="2", order_id="7")
    assert refunded == (await client.get(f"{V1}/creditmemo/{number}")).json()
    assert [refunded] == await found(client, "creditmemos", updated_at__gteq="2020-01-01")
    assert await found(client, "creditmemos", state="1") == []
    other = await world.a_store()
    unknown = await client.get(f"/rest/{other.code}/V1/creditmemo/{number}")
    assert (unknown.status_code, unknown.json()["error_code"]) == (404, "credit_memo_not_found")


async def test_a_credit_memo_without_items_or_refunded_online_is_refused(
    world: World, client: httpx.AsyncClient
) -> None:
    await sent_back(world, client, 1)
    items = [{"order_item_id": 70, "qty": 1}]
    online = {"items": items, "transaction_id": "ch_1"}
    for memo, code, field in (
        ({"items": []}, "required", "/creditmemo/items"),
        ({"items": [], "adjustment_positive": 5}, "creditmemo_amount_only", "/creditmemo/items"),
        (online, "creditmemo_online", "/creditmemo/transaction_id"),
        (
            {"items": [{"order_item_id": 99, "qty": 1}]},
            "unknown_line",
            "/creditmemo/items/0/order_item_id",
        ),
    ):
        answer = await client.post(REFUND, json={"creditmemo": {"order_id": 7} | memo})
        assert answer.status_code == 400, answer.text
        error = answer.json()
        assert (error["error_code"], error["parameters"]) == (code, [field]), answer.text
    # By the other path no items are all units, which is more than the amount.
    without: tuple[dict[str, Any], ...] = ({"items": []}, {"items": None}, {})
    for none in without:
        body = none | {"arguments": {"adjustmentPositive": "5.00"}}
        error = (await client.post(f"{V1}/order/7/refund", json=body)).json()
        assert (error["error_code"], error["parameters"]) == ("creditmemo_amount_only", ["/items"])
    (returned,) = (await client.get("/v1/returns")).json()["data"]
    assert returned["refunds"] == []


async def found(client: httpx.AsyncClient, path: str, **filters: str) -> list[dict[str, Any]]:
    """What a search with these filters finds; the condition follows the field after two _."""
    query = dict[str, str]()
    for group, (name, value) in enumerate(filters.items()):
        field, _, condition = name.partition("__")
        first = f"searchCriteria[filterGroups][{group}][filters][0]"
        query |= {f"{first}[field]": field, f"{first}[value]": value}
        query[f"{first}[conditionType]"] = condition or "eq"
    query["searchCriteria[sortOrders][0][field]"] = "created_at"
    query["searchCriteria[sortOrders][0][direction]"] = "ASC"
    answer = await client.get(f"{V1}/{path}", params=query)
    assert answer.status_code == 200, answer.text
    page = dict(answer.json())
    assert page["total_count"] == len(page["items"])
    assert page["search_criteria"]["filter_groups"] or not filters
    return list(page["items"])


async def test_shipments_and_items_of_linked_orders_are_searched(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    unlinked = await world.an_order(1)
    other = {"carrier_code": "ups", "tracking_number": "1ZU"}
    assert (await client.post(f"/v1/orders/{unlinked.id}/shipments", json=other)).is_success
    first, second = [
        (await client.post(SHIP, json=BODY | {"tracks": [BODY["tracks"][0] | {"track_number": n}]}))
        for n in ("1ZA", "1ZB")
    ]
    both = await found(client, "shipments", order_id="7")
    assert [each["entity_id"] for each in both] == [first.json(), second.json()]
    assert both[0] == (await client.get(f"{SAVE}/{first.json()}")).json()
    assert both == await found(client, "shipments")
    assert both[1:] == await found(client, "shipments", increment_id=both[1]["increment_id"])
    assert both == await found(client, "shipments", updated_at__gt="2020-01-01", store_id="1")
    assert await found(client, "shipments", order_id__neq="7") == []
    items = await found(client, "orders/items", order_id="7")
    assert [each["item_id"] for each in items] == [70, 71]
    assert items == await found(client, "orders/items", created_at__gt="2020-01-01")
    assert items[1:] == await found(client, "orders/items", sku=order.lines[1].sku.lower())
    assert items[:1] == await found(client, "orders/items", item_id="70", qty_ordered="3")
    trimmed = await client.get(f"{V1}/shipments", params={"fields": "items[entity_id]"})
    assert trimmed.json() == {"items": [{"entity_id": each.json()} for each in (first, second)]}
    refused = await client.get(
        f"{V1}/shipments", params={"searchCriteria[sortOrders][0][field]": "weight"}
    )
    assert (refused.status_code, refused.json()["error_code"]) == (400, "search_criteria_invalid")


async def test_a_path_without_meaning_here_says_so_in_commerces_error_body(
    world: World, client: httpx.AsyncClient, outside: httpx.AsyncClient
) -> None:
    await linked(world, client)
    # The key sees several stores, and these paths have no meaning for any.
    await world.a_store()
    for method, path, says in (
        ("POST", "/rest/store_1/V1/order/7/invoice", "no invoices"),
        ("GET", "/rest/V1/invoices?searchCriteria[pageSize]=1", "no invoices"),
        ("POST", "/index.php/rest/V1/orders/7/hold", "cannot be held"),
        ("POST", "/rest/default/V1/orders/7/emails", "no e-mails"),
        ("GET", "/rest/store_1/V1/shipment/1/label", "no labels"),
        ("POST", "/rest/store_1/V1/orders", "come from Walmart"),
        ("PUT", "/rest/store_1/V1/orders/create", "come from Walmart"),
        ("POST", "/rest/all/async/V1/order/7/ship", "no asynchronous"),
        ("PUT", "/rest/async/bulk/V1/orders/7/hold/", "no asynchronous"),
        ("GET", "/rest/async/V1/orders", "no asynchronous"),
        ("GET", "/rest/all/async/bulk/V1/orders/7", "no asynchronous"),
    ):
        # Not even a body that is no JSON gets another answer.
        answer = await client.request(method, path, content=b"{", headers=JSON)
        assert answer.status_code == 400, (method, path, answer.text)
        error = answer.json()
        assert set(error) == ERROR
        assert (error["code"], error["error_code"]) == (400, "not_applicable")
        assert says in error["message"]
        unknown = await outside.request(method, path)
        assert unknown.status_code == 401, path
