"""The admin routes: acting as the buyer and in Seller Center, and the ledger of effects."""

from typing import Any

import pytest

from app.simulator import ledger as ledgers
from app.simulator import world as worlds
from app.simulator.app import create_app
from tests.unit.simulator.seller import PO, SECOND, Clock, Seller, canceled, in_memory, line


async def test_a_placed_order_gets_default_numbers_times_and_lines(seller: Seller) -> None:
    answer = await seller.admin("POST", "/orders", client_id="seller-1", lines=[{"sku": "A"}])
    assert answer.status_code == 201
    order = answer.json()
    assert order["purchase_order_id"].isdecimal()
    assert order["customer_order_id"].isdecimal()
    assert order["purchase_order_id"] != order["customer_order_id"]
    (only,) = order["lines"]
    assert (only["line_number"], only["quantity"]) == ("1", 1)
    assert only["units"][0]["status"] == "Created"
    assert order["ordered_at"] < order["ship_by"] < order["deliver_by"]


async def test_a_placed_order_keeps_the_given_values(seller: Seller) -> None:
    lines = [{"line_number": 7, "sku": "A", "name": "A thing", "quantity": 2, "unit_price": 3}]
    times = {"ordered_at": 1_790_000_000_000, "ship_by": 1, "deliver_by": 2}
    await seller.place(lines=lines, customer_order_id="c", status="Acknowledged", **times)
    order = (await seller.get(f"/v3/orders/{PO}")).json()["order"]
    assert order["customerOrderId"] == "c"
    assert order["orderDate"] == 1_790_000_000_000
    assert order["shippingInfo"]["estimatedShipDate"] == 1
    (shown,) = order["orderLines"]["orderLine"]
    assert shown["lineNumber"] == "7"
    assert shown["item"] == {"productName": "A thing", "sku": "A", "condition": "New"}


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": None},
        {"lines": []},
        {"lines": {}},
        {"lines": ["A"]},
        {"lines": [{}]},
        {"lines": [{"sku": "A", "quantity": 0}]},
        {"lines": [{"sku": "A", "quantity": "2"}]},
        {"lines": [{"sku": "A", "unit_price": "cheap"}]},
        {"lines": [{"sku": "A", "unit_price": "nan"}]},
        {"lines": [{"sku": "A", "line_number": 1}, {"sku": "B", "line_number": "1"}]},
        {"status": "Shipped"},
        {"ship_method": "Overnight"},
        {"ordered_at": "today"},
    ],
)
async def test_an_invalid_order_is_refused(seller: Seller, changes: dict[str, Any]) -> None:
    wanted = {"client_id": "seller-1", "lines": [{"sku": "A"}], **changes}
    answer = await seller.admin("POST", "/orders", **wanted)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert (await seller.http.get("/simulator/orders")).json() == {"orders": []}


async def test_several_orders_are_placed_together_or_not_at_all(seller: Seller) -> None:
    good = {"client_id": "seller-1", "lines": [{"sku": "A"}]}
    answer = await seller.admin("POST", "/orders", orders=[good, {**good, "lines": []}])
    assert answer.status_code == 400
    answer = await seller.admin("POST", "/orders", orders=[good, {**good, "client_id": "b"}])
    assert [o["client_id"] for o in answer.json()["orders"]] == ["seller-1", "b"]
    listed = await seller.http.get("/simulator/orders", params={"client_id": "b"})
    assert len(listed.json()["orders"]) == 1
    assert (await seller.admin("POST", "/orders", orders="x")).status_code == 400


async def test_an_order_number_is_unique_for_a_seller(seller: Seller) -> None:
    await seller.place(1)
    wanted = {"client_id": "seller-1", "purchase_order_id": PO, "lines": [{"sku": "A"}]}
    assert (await seller.admin("POST", "/orders", **wanted)).status_code == 409
    assert (await seller.admin("POST", "/orders", **{**wanted, "client_id": "b"})).is_success
    theirs = await seller.http.get(f"/simulator/orders/{PO}", params={"client_id": "b"})
    assert theirs.json()["client_id"] == "b"


async def test_the_number_of_orders_is_limited_until_a_reset(
    seller: Seller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worlds, "MOST_ORDERS", 2)
    order = {"client_id": "seller-1", "lines": [{"sku": "A"}]}
    assert (await seller.admin("POST", "/orders", orders=[order] * 3)).status_code == 507
    assert (await seller.admin("POST", "/orders", orders=[order] * 2)).status_code == 201
    assert (await seller.admin("POST", "/orders", **order)).status_code == 507
    assert (await seller.http.delete("/simulator/orders")).status_code == 204
    assert (await seller.admin("POST", "/orders", **order)).status_code == 201


async def test_a_person_ships_and_cancels_in_seller_center(seller: Seller) -> None:
    await seller.place(2, 3)
    by_hand = [{"line_number": "2", "quantity": 1, "tracking_number": "1ZH"}]
    await seller.admin("POST", f"/orders/{PO}/ship", lines=by_hand)
    answer = await seller.admin("POST", f"/orders/{PO}/cancel")
    assert answer.status_code == 200
    reason = "SELLER_CANCEL_OUT_OF_STOCK"
    assert await seller.believed() == [
        [("Cancelled", 2, reason)],
        [("Cancelled", 2, reason), ("Shipped", 1, "1ZH")],
    ]
    entries = [(e["operation"], e["line"], e["quantity"]) for e in await seller.ledger()]
    assert entries == [
        ("shipped_by_hand", "2", 1),
        ("cancelled_by_hand", "1", 2),
        ("cancelled_by_hand", "2", 2),
    ]


@pytest.mark.parametrize(
    "lines", [[{"line_number": "9"}], ["1"], "1", [{"line_number": "1", "quantity": "x"}]]
)
@pytest.mark.parametrize("what", ["ship", "cancel"])
async def test_an_invalid_manual_change_changes_nothing(
    seller: Seller, what: str, lines: object
) -> None:
    await seller.place(1)
    answer = await seller.admin("POST", f"/orders/{PO}/{what}", lines=lines)
    assert answer.status_code == 400
    assert await seller.believed() == [[("Created", 1, None)]]


async def test_an_unknown_order_is_a_404(seller: Seller) -> None:
    for method, path in [("GET", "9"), ("POST", "9/ship"), ("POST", "9/intent-to-cancel")]:
        assert (await seller.admin(method, f"/orders/{path}")).status_code == 404


async def test_a_buyer_requests_cancellation_of_all_or_some_lines(seller: Seller) -> None:
    await seller.place(1, 1)
    some = await seller.admin("POST", f"/orders/{PO}/intent-to-cancel", lines=["2"])
    assert [each["intent_to_cancel"] for each in some.json()["lines"]] == [False, True]
    every = await seller.admin("POST", f"/orders/{PO}/intent-to-cancel")
    assert [each["intent_to_cancel"] for each in every.json()["lines"]] == [True, True]
    unknown = await seller.admin("POST", f"/orders/{PO}/intent-to-cancel", lines=["3"])
    assert unknown.status_code == 400


async def test_the_ledger_names_each_effect_its_time_and_its_call(
    seller: Seller, clock: Clock
) -> None:
    await seller.ready(3)
    clock.ns += 5 * SECOND
    await seller.ship(line("1", seller.package("1ZA", 2)))
    await seller.cancel(line("1", canceled(1, "SELLER_CANCEL_PRICING_ERROR")))
    shipped, dropped = await seller.ledger()
    assert shipped == {
        "sequence": 0,
        "received_at": clock.ns,
        "applied_at": clock.ns,
        "applied_monotonic": clock.ns,
        "client_id": "seller-1",
        "purchase_order_id": PO,
        "operation": "shipping",
        "line": "1",
        "quantity": 2,
        "tracking_number": "1ZA",
        "reason": None,
        "correlation_id": "0b4f3d0e-0000-4000-8000-000000000001",
        "reference": None,
        "reference_line": None,
    }
    assert (dropped["sequence"], dropped["reason"]) == (1, "SELLER_CANCEL_PRICING_ERROR")


async def test_the_ledger_and_the_calls_are_filtered_by_any_field_and_position(
    seller: Seller,
) -> None:
    await seller.ready(2)
    await seller.ready(1, purchase_order_id="2")
    await seller.ship(line("1", seller.package("1ZA")))
    await seller.ship(line("1", seller.package("1ZB")))
    await seller.ship(line("1", seller.package("1ZC")), po="2")
    assert len(await seller.ledger(client_id="seller-1")) == 3
    assert len(await seller.ledger(client_id="seller-2")) == 0
    assert len(await seller.ledger(purchase_order_id=PO)) == 2
    assert [e["tracking_number"] for e in await seller.ledger(after="1")] == ["1ZC"]
    assert len(await seller.calls(operation="shipping", purchase_order_id="2")) == 1
    for query in ({"colour": "red"}, {"after": "x"}):
        answer = await seller.http.get("/simulator/ledger", params=query)
        assert answer.status_code == 400


async def test_every_call_is_recorded_with_its_answer(seller: Seller, clock: Clock) -> None:
    await seller.get(f"/v3/orders/{PO}")
    await Seller(seller.http, clock.ms).get("/v3/orders")
    token, read, listed = await seller.calls()
    assert (token["operation"], token["client_id"], token["status"]) == ("token", "seller-1", 200)
    assert read == {
        "sequence": 1,
        "received_at": clock.ns,
        "operation": "read",
        "client_id": "seller-1",
        "purchase_order_id": PO,
        "correlation_id": "0b4f3d0e-0000-4000-8000-000000000001",
        "status": 404,
        "fault": None,
    }
    assert (listed["client_id"], listed["status"]) == ("", 401)


async def test_the_ledger_keeps_the_newest_entries_and_counts_the_dropped_ones(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setattr(ledgers, "MOST_ENTRIES", 2)
    async with in_memory(create_app(now=clock)) as http:
        seller = Seller(http, clock.ms)
        await seller.sign_in()
        await seller.ready(3)
        for number in ("1ZA", "1ZB", "1ZC"):
            await seller.ship(line("1", seller.package(number)))
        answer = (await http.get("/simulator/ledger")).json()
        assert [e["tracking_number"] for e in answer["entries"]] == ["1ZB", "1ZC"]
        assert answer["dropped"] == 1
        assert (await http.get("/simulator/calls")).json()["dropped"] == 2


async def test_a_reset_keeps_only_connections(seller: Seller, clock: Clock) -> None:
    await seller.ready(1)
    await seller.ship(line("1", seller.package("1ZA")))
    await seller.fault("*", "error", times=None)
    await seller.admin("POST", "/rates", operation="*", capacity=0, refill_per_second=1)
    await seller.admin("POST", "/clock", advance_seconds=60)
    assert (await seller.admin("POST", "/reset")).status_code == 204
    assert await seller.ledger() == []
    assert await seller.calls() == []
    answer = await seller.get("/v3/orders", createdStartDate="2020-01-01")
    assert answer.status_code == 404
    assert (await seller.admin("POST", "/clock", advance_seconds=0)).json()["now"] == clock.ms


@pytest.mark.parametrize("seconds", [-1, "x", None, True, 1e30])
async def test_walmarts_clock_only_moves_forward(seller: Seller, seconds: object) -> None:
    answer = await seller.admin("POST", "/clock", advance_seconds=seconds)
    assert answer.status_code == 400


@pytest.mark.parametrize("path", ["orders", "faults", "rates", "clock", "accounts"])
@pytest.mark.parametrize("content", [b"{", b"[]", b"3", b"\xff", b"[" * 100_000])
async def test_a_body_that_is_not_a_json_object_is_refused_with_a_message(
    seller: Seller, path: str, content: bytes
) -> None:
    answer = await seller.http.post(f"/simulator/{path}", content=content)
    assert answer.status_code == 400
    assert "JSON" in answer.json()["error"]
