"""Comments, statuses and items of an order by Commerce's REST API.

Shapes: sales-data-order-status-history-search-result-interface and sales-data-order-item-interface
of Adobe's schema (AdobeDocs/commerce-webapi, src/openapi/admin-schema-2.4.8.yaml). Magento's
Sales/Model/Service/OrderService.php answers true to a comment, and one text as the statuses.
"""

import httpx

from tests.harness.world import World
from tests.integration.web.test_commerce_api import linked

ORDERS = "/rest/store_1/V1/orders"
COMMENTS = f"{ORDERS}/7/comments"
REQUIRED = {"comment", "is_customer_notified", "is_visible_on_front", "parent_id"}


async def test_a_comment_is_kept_once_and_read_again(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client)
    picked = {"comment": "Picked up.", "is_visible_on_front": 1, "is_customer_notified": 1}
    status = {"status": "on_the_truck"}
    for history in (picked, status, picked):
        answer = await client.post(COMMENTS, json={"statusHistory": history | {"parent_id": 7}})
        assert (answer.status_code, answer.json()) == (200, True), answer.text
    page = (await client.get(COMMENTS)).json()
    assert page["total_count"] == 2
    newest, oldest = page["items"]
    assert oldest.keys() >= REQUIRED
    assert (oldest["comment"], oldest["parent_id"]) == ("Picked up.", 7)
    # Waybill sends no e-mails.
    assert (oldest["is_visible_on_front"], oldest["is_customer_notified"]) == (1, 0)
    assert (newest["comment"], newest["status"]) == ("", "on_the_truck")
    timeline = (await client.get(f"/v1/orders/{order.id}/timeline")).json()["data"]
    kept = [each["detail"]["comment"] for each in timeline if each["what"] == "commerce_comment"]
    assert kept == ["Picked up.", ""]
    # The status of the order follows Walmart.
    assert (await client.get(f"{ORDERS}/7/statuses")).json() == "open"


async def test_a_comment_that_says_nothing_is_refused(
    world: World, client: httpx.AsyncClient
) -> None:
    await linked(world, client)
    bodies: list[dict[str, object]] = [{"statusHistory": {}}, {}]
    for body in (*bodies, {"statusHistory": {"comment": "x" * 5001}}):
        answer = await client.post(COMMENTS, json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, 400), body
    assert (await client.get(COMMENTS)).json()["items"] == []
    unknown = await client.get(f"{ORDERS}/8/comments")
    assert (unknown.status_code, unknown.json()["error_code"]) == (404, "order_not_found")


async def test_an_item_is_read_with_the_units_of_all_its_lines(
    world: World, client: httpx.AsyncClient
) -> None:
    order = await linked(world, client, 3, 2)
    item = (await client.get(f"{ORDERS}/7")).json()["items"][0]
    assert (await client.get(f"{ORDERS}/items/70")).json() == item
    lines = [{"line_number": "2", "commerce_item_id": 70}]
    assert (await client.patch(f"/v1/orders/{order.id}", json={"lines": lines})).is_success
    both = (await client.get(f"{ORDERS}/items/70")).json()
    assert (both["item_id"], both["order_id"], both["qty_ordered"]) == (70, 7, 5)
    assert both["ext_order_item_id"] == "1,2"
    missing = await client.get(f"{ORDERS}/items/71")
    assert (missing.status_code, missing.json()["error_code"]) == (404, "order_item_not_found")
