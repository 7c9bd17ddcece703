"""What a line costs, read from charges as Walmart's OpenAPI document of orders has them."""

from decimal import Decimal

import pytest

from app.domain.orders.charges import ChargeAmountIs, Charges
from app.walmart.order_parser import read_order_body
from tests.unit.walmart.builders import a_line, an_order


def charge(kind: str, name: str, amount: object, tax: object = None) -> dict[str, object]:
    money = {"currency": "USD", "amount": amount}
    found: dict[str, object] = {"chargeType": kind, "chargeName": name, "chargeAmount": money}
    return found | ({"tax": {"taxAmount": {"currency": "USD", "amount": tax}}} if tax else {})


PRICE = charge("PRODUCT", "ItemPrice", "10.00", "0.80")


def read(
    *charges: dict[str, object],
    quantity: str = "1",
    amount_is: ChargeAmountIs = ChargeAmountIs.UNIT,
) -> Charges:
    entry = {**a_line("1", quantity), "charges": {"charge": list(charges)}}
    found = read_order_body(an_order(entry), amount_is).lines["1"].charges
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (charge("PRODUCT", "SubscriptionDiscount", "-1.50"), Charges(discount=Decimal("1.50"))),
        (charge("PRODUCT", "Subscription Discount", "1.50"), Charges(discount=Decimal("1.50"))),
        (charge("DISCOUNT", "Promotion", 1.5), Charges(discount=Decimal("1.5"))),
        (charge("SHIPPING", "ShippingDiscount", "2.00"), Charges(discount=Decimal("2.00"))),
        (charge("OTHER", "Credit", "-2.00"), Charges(discount=Decimal("2.00"))),
        (charge("SHIPPING", "Shipping", "5.00"), Charges(shipping=Decimal("5.00"))),
        (charge("FEE", "Recycling", "0.50"), Charges(fees=Decimal("0.50"))),
        (charge("PRODUCT", "Gift wrap", "3.00"), Charges(fees=Decimal("3.00"))),
    ],
)
def test_every_charge_counts_in_the_total(other: dict[str, object], expected: Charges) -> None:
    for charges in ((PRICE, other), (other, PRICE)):
        found = read(*charges)
        assert found.items == Decimal("10.00")
        assert found.total == Decimal("10.00") + expected.total
        rest = (found.discount, found.shipping, found.fees)
        assert rest == (expected.discount, expected.shipping, expected.fees)
        assert found.tax == Decimal("0.80")


ALL = (
    PRICE,
    charge("PRODUCT", "SubscriptionDiscount", "-1.00"),
    charge("SHIPPING", "Shipping", "2.00"),
    charge("FEE", "Recycling", "0.25"),
)


def test_amounts_are_for_each_of_three_units_or_for_the_line() -> None:
    unit = read(*ALL, quantity="3")
    assert unit == Charges(*map(Decimal, ("30", "3", "6", "0.75", "2.40")))
    line = read(*ALL, quantity="3", amount_is=ChargeAmountIs.LINE)
    assert line == Charges(*map(Decimal, ("10", "1", "2", "0.25", "0.80")))
    assert (unit.total, line.total) == (Decimal("33.75"), Decimal("11.25"))
    assert unit.share(2, 3) == Charges(*map(Decimal, ("20", "2", "4", "0.5", "1.6")))
