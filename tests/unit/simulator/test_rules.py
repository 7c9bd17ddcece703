"""Walmart's rules for acknowledging, shipping, correcting and canceling."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from app.simulator.names import CANCELLATION_REASONS
from tests.unit.simulator.seller import HOUR, PO, Clock, Seller, canceled, line, refused

REQUESTED = "CUSTOMER_REQUESTED_SELLER_TO_CANCEL"


async def test_an_order_has_walmarts_shape(seller: Seller) -> None:
    await seller.place(3, ship_method="Express", lines=[{"sku": "A", "unit_price": "9.99"}])
    order = (await seller.get(f"/v3/orders/{PO}")).json()["order"]
    assert order["purchaseOrderId"] == PO
    assert order["orderDate"] == seller.now - 60_000
    assert order["shippingInfo"]["methodCode"] == "Express"
    (shown,) = order["orderLines"]["orderLine"]
    assert shown["charges"]["charge"][0]["chargeAmount"] == {"currency": "USD", "amount": 9.99}
    assert shown["orderLineStatuses"]["orderLineStatus"] == [
        {"status": "Created", "statusQuantity": {"unitOfMeasurement": "EACH", "amount": "1"}}
    ]
    assert "intentToCancel" not in shown


async def test_acknowledging_covers_every_line_and_is_repeatable(seller: Seller) -> None:
    await seller.place(2, 1)
    assert (await seller.post("acknowledge")).status_code == 200
    assert (await seller.post("acknowledge")).status_code == 200
    assert await seller.believed() == [[("Acknowledged", 2, None)], [("Acknowledged", 1, None)]]
    assert [e["operation"] for e in await seller.ledger()] == ["acknowledge", "acknowledge"]


async def test_a_partly_shipped_or_canceled_order_cannot_be_acknowledged(
    seller: Seller,
) -> None:
    await seller.ready(2)
    await seller.ship(line("1", seller.package("1ZA")))
    assert "higher status" in refused(await seller.post("acknowledge"))
    await seller.ready(2, purchase_order_id="2")
    await seller.cancel(line("1", canceled(1)), po="2")
    assert "higher status" in refused(await seller.post("acknowledge", po="2"))


async def test_parts_of_several_lines_ship_in_one_request(seller: Seller) -> None:
    await seller.ready(3, 2)
    answer = await seller.ship(
        line("1", seller.package("1ZA", 2)), line("2", seller.package("1ZA"))
    )
    lines = answer.json()["order"]["orderLines"]["orderLine"]
    shown = lines[0]["orderLineStatuses"]["orderLineStatus"]
    assert [(s["status"], s["statusQuantity"]["amount"]) for s in shown] == [
        ("Shipped", "2"),
        ("Acknowledged", "1"),
    ]
    assert shown[0]["trackingInfo"] == seller.package("1ZA")["trackingInfo"]
    assert await seller.believed() == [
        [("Acknowledged", 1, None), ("Shipped", 2, "1ZA")],
        [("Acknowledged", 1, None), ("Shipped", 1, "1ZA")],
    ]


async def test_two_packages_of_a_line_ship_in_one_request(seller: Seller) -> None:
    await seller.ready(3)
    two = line("1", seller.package("1ZA", 2), seller.package("1ZB"))
    assert (await seller.ship(two)).status_code == 200
    assert await seller.believed() == [[("Shipped", 1, "1ZB"), ("Shipped", 2, "1ZA")]]


async def test_a_repeated_part_is_shipped_again_while_units_remain(seller: Seller) -> None:
    await seller.ready(2)
    one = line("1", seller.package("1ZA"))
    for _ in range(2):
        assert (await seller.ship(one)).status_code == 200
    assert "SHIPPED status" in refused(await seller.ship(one))
    assert sum(entry["quantity"] for entry in await seller.ledger()) == 2


async def test_an_unacknowledged_order_is_neither_shipped_nor_canceled(seller: Seller) -> None:
    await seller.place(1)
    assert "not acknowledged" in refused(await seller.ship(line("1", seller.package("1ZA"))))
    assert "not acknowledged" in refused(await seller.cancel(line("1", canceled(1))))
    assert await seller.believed() == [[("Created", 1, None)]]


async def test_more_than_the_remaining_units_is_refused_with_their_number(seller: Seller) -> None:
    await seller.ready(3)
    await seller.ship(line("1", seller.package("1ZA")))
    text = refused(await seller.ship(line("1", seller.package("1ZB", 3))))
    assert f"Line: 1 of PO: {PO}" in text
    assert "doesn't have enough quantity to ship requested quantity" in text
    assert "qtyAvailableToShip :: 2" in text
    assert "qtyAvailableToCancel :: 2" in refused(await seller.cancel(line("1", canceled(3))))


async def test_units_of_a_line_named_twice_are_added_up(seller: Seller) -> None:
    await seller.ready(3)
    twice = (line("1", seller.package("1ZA", 2)), line("1", seller.package("1ZB", 2)))
    refused(await seller.ship(*twice))
    refused(await seller.cancel(line("1", canceled(2), canceled(2))))
    assert await seller.believed() == [[("Acknowledged", 3, None)]]


async def test_one_invalid_line_refuses_the_whole_request(seller: Seller) -> None:
    await seller.ready(1, 1)
    good, bad = line("1", seller.package("1ZA")), line("2", seller.package("1ZA", 9))
    refused(await seller.ship(good, bad))
    refused(await seller.cancel(line("1", canceled(1)), line("2", canceled(9))))
    assert await seller.believed() == [[("Acknowledged", 1, None)], [("Acknowledged", 1, None)]]
    assert await seller.ledger() == []


async def test_shipped_or_canceled_units_cannot_change_again(seller: Seller) -> None:
    await seller.ready(1, 1)
    await seller.ship(line("1", seller.package("1ZA")))
    await seller.cancel(line("2", canceled(1)))
    for number, status in (("1", "SHIPPED"), ("2", "CANCELLED")):
        text = f"The Line: {number} of PO: {PO} is in {status} status"
        assert text in refused(await seller.ship(line(number, seller.package("1ZB"))))
        assert text in refused(await seller.cancel(line(number, canceled(1))))


async def test_a_line_with_a_cancellation_request_ships_only_by_override(seller: Seller) -> None:
    await seller.ready(1)
    await seller.admin("POST", f"/orders/{PO}/intent-to-cancel")
    package = seller.package("1ZA")
    refused(await seller.ship(line("1", package)), "intentToCancelOverride")
    declined = line("1", package, intentToCancelOverride=False)
    refused(await seller.ship(declined), "intentToCancelOverride")
    order = (await seller.get(f"/v3/orders/{PO}")).json()["order"]
    assert order["orderLines"]["orderLine"][0]["intentToCancel"]
    overridden = line("1", package, intentToCancelOverride=True)
    assert (await seller.ship(overridden)).status_code == 200


async def correct(seller: Seller, *statuses: Mapping[str, Any]) -> httpx.Response:
    return await seller.ship(line("1", *statuses), processMode="PARTIAL_UPDATE")


async def test_tracking_is_corrected_within_four_hours_and_ships_nothing(
    seller: Seller, clock: Clock
) -> None:
    await seller.ready(2)
    await seller.ship(line("1", seller.package("1ZOLD")))
    clock.ns += 4 * HOUR
    await seller.sign_in()
    for number in ("1ZNEW", "1ZNEWER"):
        assert (await correct(seller, seller.package(number))).status_code == 200
    assert await seller.believed() == [[("Acknowledged", 1, None), ("Shipped", 1, "1ZNEWER")]]
    entries = await seller.ledger()
    assert [e["operation"] for e in entries] == ["shipping", "tracking", "tracking"]
    clock.ns += 1_000_000
    assert "4 hours" in refused(await correct(seller, seller.package("1ZLATE")))


async def test_a_correction_names_one_of_several_packages(seller: Seller) -> None:
    await seller.ready(3)
    await seller.ship(line("1", seller.package("1ZA"), seller.package("1ZB", 2)))
    refused(await correct(seller, seller.package("1ZC")), "currentTrackingInfo")
    refused(await correct(seller, seller.package("1ZC", current="1ZX")), "currentTrackingInfo")
    refused(await correct(seller, seller.package("1ZC", 2, current="1ZA")), "currentTrackingInfo")
    assert (await correct(seller, seller.package("1ZC", 2, current="1ZB"))).status_code == 200
    assert await seller.believed() == [[("Shipped", 1, "1ZA"), ("Shipped", 2, "1ZC")]]


async def test_a_correction_is_applied_whole_or_not_at_all(seller: Seller) -> None:
    await seller.ready(1, 1)
    await seller.ship(line("1", seller.package("1ZA")))
    both = (line("1", seller.package("1ZB")), line("2", seller.package("1ZB")))
    refused(await seller.ship(*both, processMode="PARTIAL_UPDATE"))
    assert (await seller.believed())[0] == [("Shipped", 1, "1ZA")]


async def test_an_unknown_mode_is_refused(seller: Seller) -> None:
    await seller.ready(1)
    answer = await seller.ship(line("1", seller.package("1ZA")), processMode="FULL")
    refused(answer, "processMode")


async def test_a_partial_cancellation_leaves_the_rest_to_ship(seller: Seller) -> None:
    await seller.ready(3)
    answer = await seller.cancel(line("1", canceled(1)))
    shown = answer.json()["order"]["orderLines"]["orderLine"][0]["orderLineStatuses"]
    assert shown["orderLineStatus"][0]["cancellationReason"] == "SELLER_CANCEL_OUT_OF_STOCK"
    assert (await seller.ship(line("1", seller.package("1ZA", 2)))).status_code == 200
    assert await seller.believed() == [
        [("Cancelled", 1, "SELLER_CANCEL_OUT_OF_STOCK"), ("Shipped", 2, "1ZA")]
    ]


async def test_one_call_cancels_at_most_a_hundred_lines(seller: Seller) -> None:
    await seller.ready(*[1] * 101)
    lines = [line(str(number), canceled(1)) for number in range(1, 102)]
    assert "100 lines" in refused(await seller.cancel(*lines), "orderLine")
    assert await seller.ledger() == []
    assert (await seller.cancel(*lines[:100])).status_code == 200
    assert (await seller.cancel(lines[100])).status_code == 200
    assert {entry["operation"] for entry in await seller.ledger()} == {"cancel"}
    assert len(await seller.ledger()) == 101


async def test_every_seller_reason_cancels(seller: Seller) -> None:
    reasons = CANCELLATION_REASONS["us"] - {REQUESTED}
    await seller.ready(len(reasons))
    answer = await seller.cancel(line("1", *(canceled(1, reason) for reason in reasons)))
    assert answer.status_code == 200
    assert {e["reason"] for e in await seller.ledger()} == reasons


async def test_the_buyer_reason_needs_a_request_of_the_buyer(seller: Seller) -> None:
    await seller.ready(1, 1)
    await seller.admin("POST", f"/orders/{PO}/intent-to-cancel", lines=["2"])
    refused(await seller.cancel(line("1", canceled(1, REQUESTED))), "cancellationReason")
    assert (await seller.cancel(line("2", canceled(1, REQUESTED)))).status_code == 200


@pytest.mark.parametrize("reason", ["", "CUSTOMER_CHANGED_MIND", None, ["x"]])
async def test_an_unknown_reason_is_refused(seller: Seller, reason: Any) -> None:
    await seller.ready(1)
    refused(await seller.cancel(line("1", canceled(1, reason))), "cancellationReason")
