"""Lists of orders: filters, pages, and 404 for an empty result."""

from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from tests.unit.simulator.seller import HOUR, PO, SECOND, Clock, Seller, error, line

DAY = 24 * HOUR


def numbers(answer: httpx.Response) -> list[str]:
    return [o["purchaseOrderId"] for o in answer.json()["list"]["elements"]["order"]]


@pytest.mark.parametrize("path", ["/v3/orders", "/v3/orders/released", f"/v3/orders/{PO}"])
async def test_an_empty_result_is_a_404_with_its_own_code(seller: Seller, path: str) -> None:
    answer = await seller.get(path)
    assert answer.status_code == 404
    assert error(answer)["code"] == "CONTENT_NOT_FOUND.GMP_ORDER_API"
    assert error(answer)["severity"] == "INFO"


async def test_the_released_list_has_the_orders_that_await_acknowledgement(seller: Seller) -> None:
    await seller.place(1, purchase_order_id="1")
    await seller.place(1, purchase_order_id="2", status="Acknowledged")
    assert numbers(await seller.get("/v3/orders/released")) == ["1"]
    await seller.post("acknowledge", po="1")
    assert (await seller.get("/v3/orders/released")).status_code == 404


async def test_filters_find_orders_by_status_sku_and_numbers(seller: Seller) -> None:
    await seller.place(1, purchase_order_id="1", customer_order_id="c1")
    await seller.place(1, 1, purchase_order_id="2", customer_order_id="c2", status="Acknowledged")
    await seller.ship(line("1", seller.package("1ZA")), po="2")
    for query, expected in [
        ({}, ["1", "2"]),
        ({"status": "Created"}, ["1"]),
        ({"status": "Acknowledged"}, ["2"]),
        ({"status": "Shipped"}, ["2"]),
        ({"sku": "SKU-2"}, ["2"]),
        ({"purchaseOrderId": "1"}, ["1"]),
        ({"customerOrderId": "c2"}, ["2"]),
        ({"shipNodeType": "SellerFulfilled"}, ["1", "2"]),
    ]:
        assert numbers(await seller.get("/v3/orders", **query)) == expected, query
    for none in (
        {"status": "Delivered"},
        {"purchaseOrderId": "3"},
        {"purchaseOrderId": "1", "status": "Shipped"},
        {"shipNodeType": "WFSFulfilled"},
    ):
        assert (await seller.get("/v3/orders", **none)).status_code == 404


async def test_a_list_without_a_start_omits_orders_older_than_a_week(
    seller: Seller, clock: Clock
) -> None:
    await seller.place(1, ordered_at=clock.ms - 8 * DAY // 1_000_000)
    assert (await seller.get("/v3/orders")).status_code == 404
    assert numbers(await seller.get("/v3/orders", createdStartDate="2026-01-01")) == [PO]


async def test_the_modified_filter_uses_the_time_of_the_last_change(
    seller: Seller, clock: Clock
) -> None:
    await seller.ready(1, purchase_order_id="1")
    await seller.ready(1, purchase_order_id="2")
    clock.ns += HOUR
    await seller.sign_in()
    await seller.ship(line("1", seller.package("1ZA")), po="2")
    # The clock began at 2027-01-15T08:00:00Z.
    since = {"lastModifiedStartDate": "2027-01-15T08:30:00Z"}
    assert numbers(await seller.get("/v3/orders", **since)) == ["2"]
    until = {"lastModifiedEndDate": "2027-01-15T08:30:00Z"}
    assert numbers(await seller.get("/v3/orders", **until)) == ["1"]


@pytest.mark.parametrize(
    "query",
    [
        {"createdStartDate": "2027-01-15T08:00:00.000Z"},
        {"createdEndDate": "yesterday"},
        {"lastModifiedStartDate": "1800000000000"},
        {"limit": "0"},
        {"limit": "many"},
        {"limit": "9" * 30},
        {"soIndex": "-1"},
        {"status": "shipped"},
    ],
)
async def test_an_unreadable_filter_is_refused_by_name(
    seller: Seller, query: dict[str, str]
) -> None:
    await seller.ready(1)
    answer = await seller.get("/v3/orders", **query)
    assert answer.status_code == 400
    assert error(answer)["field"] in query


async def test_the_unix_epoch_is_a_valid_date(seller: Seller) -> None:
    await seller.ready(1)
    assert (await seller.get("/v3/orders", createdStartDate="1970-01-01")).status_code == 200


async def pages(seller: Seller, path: str, limit: str) -> list[list[str]]:
    """Follow the cursors to the end and append each one unchanged."""
    answer = await seller.get(path, limit=limit)
    found = [numbers(answer)]
    while cursor := answer.json()["list"]["meta"].get("nextCursor"):
        answer = await seller.http.get(path + cursor, headers=seller.headers)
        found.append(numbers(answer))
    return found


@pytest.mark.parametrize("path", ["/v3/orders", "/v3/orders/released"])
async def test_cursors_lead_through_every_order_once(seller: Seller, path: str) -> None:
    for number in range(5):
        await seller.place(1, purchase_order_id=str(number))
    assert await pages(seller, path, "2") == [["0", "1"], ["2", "3"], ["4"]]
    assert await pages(seller, path, "5") == [["0", "1", "2", "3", "4"]]


async def test_a_cursor_is_a_query_that_keeps_the_filters_and_the_first_pages_window(
    seller: Seller, clock: Clock
) -> None:
    for number in range(3):
        await seller.place(1, purchase_order_id=str(number))
    first = await seller.get("/v3/orders", limit="2", status="Created")
    cursor = first.json()["list"]["meta"]["nextCursor"]
    assert cursor.startswith("?")
    kept = dict(parse_qsl(cursor[1:]))
    assert kept["status"] == "Created"
    assert kept["createdEndDate"] == "2027-01-15T08:00:00Z"
    clock.ns += 100 * SECOND
    await seller.place(1, purchase_order_id="later")
    second = await seller.http.get(f"/v3/orders{cursor}", headers=seller.headers)
    assert numbers(second) == ["2"]


async def test_a_change_between_two_pages_skips_no_order(seller: Seller) -> None:
    for number in range(4):
        await seller.place(1, purchase_order_id=str(number))
    first = await seller.get("/v3/orders/released", limit="2")
    await seller.post("acknowledge", po="0")
    cursor = first.json()["list"]["meta"]["nextCursor"]
    second = await seller.http.get(f"/v3/orders/released{cursor}", headers=seller.headers)
    assert numbers(second) == ["2", "3"]


async def test_a_page_holds_two_hundred_at_most(seller: Seller) -> None:
    line_of_one = [{"sku": "A"}]
    orders = [{"client_id": "seller-1", "lines": line_of_one} for _ in range(201)]
    await seller.admin("POST", "/orders", orders=orders)
    answer = await seller.get("/v3/orders", limit="500")
    assert len(numbers(answer)) == 200
    meta: dict[str, Any] = answer.json()["list"]["meta"]
    assert (meta["totalCount"], meta["limit"]) == (201, 200)
