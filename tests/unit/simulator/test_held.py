"""Held effects, which are applied later when a test releases them."""

from typing import Any

from tests.unit.simulator.seller import PO, Seller, canceled, error, line
from tests.unit.simulator.test_lag import a_return, refund

SHOP = "/rest/demo/V1"
BEARER = {"authorization": "Bearer demo"}


async def land(seller: Seller) -> tuple[int, int]:
    answer = (await seller.admin("POST", "/held")).raise_for_status().json()
    return answer["landed"], answer["refused"]


async def held(seller: Seller) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = (await seller.http.get("/simulator/held")).json()["held"]
    return listed


async def test_a_held_effect_answers_an_error_and_is_applied_on_release(
    seller: Seller,
) -> None:
    await seller.ready(2)
    await seller.fault("shipping", "held", status=503)
    answer = await seller.ship(line("1", seller.package("1ZA")))
    assert (answer.status_code, error(answer)["code"]) == (503, "SYSTEM_ERROR.GMP_ORDER_API")
    assert await seller.believed() == [[("Acknowledged", 2, None)]]
    (waiting,) = await held(seller)
    assert (waiting["operation"], waiting["purchase_order_id"]) == ("shipping", PO)
    assert "Effects held back" in (await seller.http.get("/")).text
    assert await land(seller) == (1, 0)
    assert await seller.believed() == [[("Acknowledged", 1, None), ("Shipped", 1, "1ZA")]]
    assert await held(seller) == []
    assert await land(seller) == (0, 0)
    (entry,) = await seller.ledger()
    assert entry["received_at"] == waiting["received_at"]


async def test_held_effects_are_applied_in_order_and_refused_if_they_no_longer_fit(
    seller: Seller,
) -> None:
    await seller.ready(1)
    await seller.fault("*", "held", times=4)
    await seller.ship(line("1", seller.package("1ZA")))
    await seller.cancel(line("1", canceled(1)))
    await seller.stock("A", 50)
    assert (await seller.get(f"/v3/orders/{PO}")).status_code == 500
    await seller.stock("A", 2)
    assert [each["operation"] for each in await held(seller)] == ["shipping", "cancel", "inventory"]
    assert await land(seller) == (2, 1)
    assert await seller.believed() == [[("Shipped", 1, "1ZA")]]
    shown = [(entry["line"], entry["quantity"]) for entry in await seller.ledger()]
    assert shown == [("A", 2), ("1", 1), ("A", 50)]


async def test_acknowledgements_and_refunds_can_be_held(seller: Seller) -> None:
    number = await a_return(seller)
    await seller.place(1, purchase_order_id="2")
    await seller.fault("acknowledge", "held")
    await seller.fault("refund", "held")
    assert (await seller.post("acknowledge", po="2")).status_code == 500
    assert await refund(seller, number, 1) == 500
    assert await refund(seller, number, 2) == 200
    assert await land(seller) == (1, 1)
    assert await seller.believed("2") == [[("Acknowledged", 1, None)]]
    (entry,) = await seller.ledger(operation="refund")
    assert (entry["quantity"], entry["line"]) == (2, "1")
    assert (entry["reference"], entry["reference_line"]) == (number, 1)


async def test_commerce_orders_and_comments_can_be_held(seller: Seller) -> None:
    entity = {
        "ext_order_id": PO,
        "base_grand_total": 1,
        "grand_total": 1,
        "customer_email": "sam@example.com",
        "items": [{"sku": "A"}],
        "payment": {"method": "offline"},
    }
    order, note = {"entity": entity}, {"statusHistory": {"comment": "Shipped"}}
    await seller.fault("commerce_orders", "held")
    for path, body in ((f"{SHOP}/orders", order), (f"{SHOP}/orders/1/comments", note)):
        answer = await seller.http.post(path, json=body, headers=BEARER)
        assert answer.status_code == (500 if body is order else 404)
    await seller.fault("commerce_comments", "held")
    answer = await seller.http.post(f"{SHOP}/orders/1/comments", json=note, headers=BEARER)
    assert answer.status_code == 500
    assert await land(seller) == (2, 0)
    shop = (await seller.http.get("/simulator/shops/demo")).json()
    (made,) = shop["orders"]
    assert [each["comment"] for each in made["status_histories"]] == ["Shipped"]
    (entry,) = await seller.ledger(operation="commerce_comment")
    assert entry["reference"] == "Shipped"


async def test_held_effects_can_be_dropped(seller: Seller) -> None:
    await seller.ready(1)
    await seller.fault("shipping", "held", times=2)
    for forget in (("DELETE", "/held"), ("POST", "/reset")):
        await seller.ship(line("1", seller.package("1ZA")))
        assert len(await held(seller)) == 1
        await seller.admin(*forget)
        assert await land(seller) == (0, 0)
    assert await seller.ledger() == []


async def test_a_correction_names_the_number_that_it_replaced(seller: Seller) -> None:
    await seller.ready(1)
    await seller.ship(line("1", seller.package("1ZA")))
    await seller.ship(line("1", seller.package("1ZB")), processMode="PARTIAL_UPDATE")
    (entry,) = await seller.ledger(operation="tracking")
    assert (entry["tracking_number"], entry["reference"]) == ("1ZB", "1ZA")
