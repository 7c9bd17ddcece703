"""Lists of orders: requests, opaque cursors, and pages of every shape."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
import respx

from app.domain.orders.snapshot import OrderSnapshot
from app.walmart import errors
from app.walmart.client import ChangeWindow, OrderPage, WalmartClient
from tests.unit.walmart.builders import ACCOUNT, NOW, PO, a_line, an_error, an_order

WINDOW = ChangeWindow.up_to(NOW, NOW - timedelta(hours=24, microseconds=5))
# Cursors as Walmart makes them: partly encoded.
CURSOR = "?limit=50&hasMoreElements=true&soIndex=31&sellerId=1%2B2&from=2026-01-01T00:00:00Z&z=%7e"


def a_list(*orders: Any, cursor: str | None = None, total: object = None) -> dict[str, Any]:
    meta = {"totalCount": total or len(orders), "limit": 50, "nextCursor": cursor}
    return {"list": {"meta": meta, "elements": {"order": list(orders)}}}


def listed(po: str = PO) -> dict[str, Any]:
    order: dict[str, Any] = an_order(a_line(), po=po)["order"]
    return order


async def page(client: WalmartClient, cursor: str | None = None) -> OrderPage:
    return await client.list_orders(ACCOUNT, WINDOW, cursor)


def numbers(found: OrderPage) -> list[str]:
    return [order.purchase_order_id for order in found.orders]


async def test_the_first_page_is_requested_with_both_start_dates_and_without_milliseconds(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    route = walmart.get("/v3/orders").respond(json=a_list(listed()))
    found = await page(client)
    assert dict(route.calls.last.request.url.params) == {
        "createdStartDate": "2026-05-28T12:00:00Z",
        "lastModifiedStartDate": "2026-11-22T11:59:59Z",
        "lastModifiedEndDate": "2026-11-23T12:00:01Z",
        "limit": "200",
    }
    assert isinstance(found.orders[0], OrderSnapshot)
    assert (found.cursor, found.total, found.call.path) == (None, 1, "/v3/orders")


async def test_a_cursor_is_sent_unchanged_and_with_nothing_else(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    route = walmart.get(path="/v3/orders").mock(
        side_effect=[
            httpx.Response(200, json=a_list(listed("1"), cursor=CURSOR)),
            httpx.Response(200, json=a_list(listed("2"))),
        ]
    )
    first = await page(client)
    assert first.cursor == CURSOR
    second = await page(client, first.cursor)
    assert route.calls.last.request.url.raw_path == f"/v3/orders{CURSOR}".encode()
    assert (numbers(second), second.cursor) == (["2"], None)


@pytest.mark.parametrize("none", [None, "", 0])
async def test_a_list_without_a_cursor_has_no_more_pages(
    client: WalmartClient, walmart: respx.MockRouter, none: object
) -> None:
    answer = a_list(listed())
    answer["list"]["meta"]["nextCursor"] = none
    walmart.get("/v3/orders").respond(json=answer)
    if none == 0:
        with pytest.raises(errors.CallUnclear):
            await page(client)
    else:
        assert (await page(client)).cursor is None


@pytest.mark.parametrize("cursor", [CURSOR, "?a b", "?a#b", "?ä", "?a\n", "?" + "x" * 5000])
async def test_an_invalid_or_repeated_cursor_is_not_followed(
    client: WalmartClient, walmart: respx.MockRouter, cursor: str
) -> None:
    walmart.get(path="/v3/orders").respond(json=a_list(listed(), cursor=cursor))
    with pytest.raises(errors.CallUnclear, match="cursor"):
        await page(client, CURSOR)


async def test_an_empty_page_is_the_last(client: WalmartClient, walmart: respx.MockRouter) -> None:
    walmart.get("/v3/orders").respond(json=a_list(cursor=CURSOR))
    found = await page(client)
    assert (found.orders, found.cursor) == ((), None)


async def test_both_empty_answers_of_walmart_are_an_empty_page(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    nothing = an_error("CONTENT_NOT_FOUND.GMP_ORDER_API")
    walmart.get("/v3/orders").mock(
        side_effect=[
            httpx.Response(404, json=nothing),
            httpx.Response(200, json={"list": nothing}),
        ]
    )
    for _ in range(2):
        found = await page(client)
        assert (found.orders, found.cursor) == ((), None)


async def test_a_404_for_a_wrong_address_is_not_an_empty_list(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    walmart.get("/v3/orders").respond(404, json=an_error("URI_NOT_FOUND.GMP_ORDER_API"))
    with pytest.raises(errors.Misconfigured):
        await page(client)


async def test_a_200_with_errors_is_an_error(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    answer = a_list(listed())
    answer["list"]["errors"] = an_error("SYSTEM_ERROR.GMP_ORDER_API")["errors"]
    walmart.get("/v3/orders").respond(json=answer)
    with pytest.raises(errors.CallUnclear):
        await page(client)


@pytest.mark.parametrize(
    "elements",
    [{"order": listed()}, {"order": [listed()]}, [listed()]],
    ids=["one alone", "one of a list", "no wrapper"],
)
async def test_a_single_order_may_come_without_its_array(
    client: WalmartClient, walmart: respx.MockRouter, elements: object
) -> None:
    walmart.get("/v3/orders").respond(json={"list": {"elements": elements}})
    assert numbers(await page(client)) == [PO]


@pytest.mark.parametrize("payload", [{}, {"list": None}, {"list": []}, [], "text"])
async def test_an_answer_that_is_not_a_list_is_unclear(
    client: WalmartClient, walmart: respx.MockRouter, payload: object
) -> None:
    walmart.get("/v3/orders").respond(json=payload)
    with pytest.raises(errors.CallUnclear):
        await page(client)


@pytest.mark.parametrize("elements", [None, {}, {"order": None}, {"order": []}])
async def test_a_list_without_elements_is_empty(
    client: WalmartClient, walmart: respx.MockRouter, elements: object
) -> None:
    walmart.get("/v3/orders").respond(json={"list": {"elements": elements}})
    assert (await page(client)).orders == ()


async def test_an_unreadable_order_is_named_and_hides_no_other(
    client: WalmartClient, walmart: respx.MockRouter
) -> None:
    broken = listed("2") | {"orderLines": None}
    walmart.get("/v3/orders").respond(json=a_list(listed("1"), broken, "text", {}, listed("3")))
    found = await page(client)
    assert numbers(found) == ["1", "3"]
    assert found.unreadable == ("2", "", "")


@pytest.mark.parametrize(
    ("statuses", "over"),
    [
        (["Shipped", "Cancelled"], True),
        (["Refund"], True),
        (["Delivered", "Acknowledged"], False),
        (["Shipped", "OnHold"], False),
        ([], False),
    ],
)
async def test_an_unreadable_order_is_over_only_if_all_that_it_shows_is(
    client: WalmartClient, walmart: respx.MockRouter, statuses: list[str], over: bool
) -> None:
    units = [{"status": each, "statusQuantity": {"amount": "a few"}} for each in statuses]
    line = {"lineNumber": "1", "orderLineStatuses": {"orderLineStatus": units}}
    date = {"orderDate": 1_700_000_000_000}
    broken = listed("2") | date | {"orderLines": {"orderLine": [line, line]}}
    undated = broken | {"purchaseOrderId": "3", "orderDate": "long ago"}
    walmart.get("/v3/orders").respond(json=a_list(broken, undated))
    found = await page(client)
    assert found.unreadable == ("2", "3")
    assert {number: at.timestamp() for number, at in found.ended.items()} == (
        {"2": 1_700_000_000} if over else {}
    )


async def test_a_throttled_list_says_how_long_to_wait(
    client: WalmartClient, walmart: respx.MockRouter, clock: Any
) -> None:
    replenish = str(int((clock() + timedelta(seconds=7)).timestamp() * 1000))
    walmart.get("/v3/orders").respond(429, headers={"x-next-replenish-time": replenish})
    with pytest.raises(errors.Throttled) as caught:
        await page(client)
    assert caught.value.retry_after == timedelta(seconds=7)


def test_a_window_is_halved_without_a_gap_until_it_is_short() -> None:
    first, second = WINDOW.halves() or (WINDOW, WINDOW)
    assert (first.since, second.until) == (WINDOW.since, WINDOW.until)
    assert first.until == second.since
    assert first.ordered_since == second.ordered_since == WINDOW.ordered_since
    assert ChangeWindow.up_to(NOW, NOW - timedelta(seconds=3)).halves() is None
