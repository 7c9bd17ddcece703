"""Refunds of an order by amounts, after Walmart's OpenAPI document (POST /v3/orders/{po}/refund)."""

from typing import Any

import pytest

from tests.unit.simulator.seller import PO, Seller, line, refused


def refund_of(number: str, *amounts: float, full: bool = False, **changes: Any) -> dict[str, Any]:
    charges = [
        {
            "refundReason": "DamagedItem",
            "charge": {
                "chargeType": "PRODUCT",
                "chargeName": "Item Price",
                "chargeAmount": {"currency": "USD", "amount": amount},
                "tax": {"taxName": "Tax", "taxAmount": {"currency": "USD", "amount": -0.8}},
            },
            **changes,
        }
        for amount in amounts
    ]
    refunds = [{"refundComments": "memo-1", "refundCharges": {"refundCharge": charges}}]
    return {"lineNumber": number, "isFullRefund": full, "refunds": {"refund": refunds}}


def body(*lines: dict[str, Any], po: str = PO) -> dict[str, Any]:
    return {"orderRefund": {"purchaseOrderId": po, "orderLines": {"orderLine": list(lines)}}}


async def shipped(seller: Seller, units: int = 3) -> None:
    await seller.ready(units)
    await seller.ship(line("1", seller.package("1ZA", units)))


async def test_amounts_add_up_and_units_are_refunded_with_their_price(seller: Seller) -> None:
    await shipped(seller)
    answer = await seller.post("refund", body(refund_of("1", -9.99)))
    assert answer.status_code == 200, answer.text
    (shown,) = answer.json()["order"]["orderLines"]["orderLine"]
    assert shown["refund"]["refundComments"] == "memo-1"
    assert await seller.believed() == [[("Shipped", 3, "1ZA")]]
    # The price of a unit is 14.00.
    await seller.post("refund", body(refund_of("1", -4.01)))
    assert await seller.believed() == [[("Refund", 1, None), ("Shipped", 2, "1ZA")]]
    assert "exceeds" in refused(await seller.post("refund", body(refund_of("1", -28.01))))
    await seller.post("refund", body(refund_of("1", -1, full=True)))
    assert await seller.believed() == [[("Refund", 3, None)]]
    entries = [e for e in await seller.ledger() if e["operation"] == "order_refund"]
    assert [(e["quantity"], e["reference"]) for e in entries] == [
        (0, "9.99"),
        (1, "4.01"),
        (2, "28.00"),
    ]
    assert "no shipped units" in refused(await seller.post("refund", body(refund_of("1", -1))))


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        body(),
        body(refund_of("1", -1), po="2"),
        body(refund_of("9", -1)),
        body(refund_of("1")),
        body(refund_of("1", 1)),
        body(refund_of("1", -1, refundReason="Because")),
        body(refund_of("1", -1), refund_of("1", -1)),
        body(refund_of("1", -1), refund_of("1", -1, full=True)),
    ],
)
async def test_a_refund_that_does_not_fit_changes_nothing(
    seller: Seller, wanted: dict[str, Any]
) -> None:
    await shipped(seller)
    assert (await seller.post("refund", wanted)).status_code == 400
    assert await seller.believed() == [[("Shipped", 3, "1ZA")]]


async def test_units_that_are_not_shipped_are_not_refunded(seller: Seller) -> None:
    await seller.ready(1)
    assert "no shipped units" in refused(await seller.post("refund", body(refund_of("1", -1))))
