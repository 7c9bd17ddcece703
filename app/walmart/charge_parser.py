"""Parser of the charges of an order line.

Walmart's OpenAPI document of orders (`charges.charge`) names the types PRODUCT and SHIPPING and the
names ItemPrice, SubscriptionDiscount and Shipping. It says neither which sign a discount has nor
whether `chargeAmount` is for a unit or for the line.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from app.domain.orders.charges import ChargeAmountIs, Charges, per_unit
from app.walmart.json_values import decimal, elements, mapping, text

_DISCOUNTS = ("discount", "promo", "coupon", "rebate")


def read_charges(
    entry: Mapping[str, object], ordered: int, amount_is: ChargeAmountIs
) -> tuple[Charges, Decimal, str | None] | None:
    """Return what a line costs, the price of a unit, and the currency.

    None means that the line has no item price.
    """
    charges = elements(entry.get("charges"), "charge")
    price = _item_price(charges)
    if price is None:
        return None
    others = [each for each in charges if each is not price]
    discounts = [each for each in others if _is_discount(each) or _amount(each) < 0]
    rest = [each for each in others if each not in discounts]
    # mutation: charge-amount-basis
    times = ordered if amount_is is ChargeAmountIs.UNIT else 1
    found = Charges(
        items=_amount(price) * times,
        discount=sum((abs(_amount(each)) for each in discounts), Decimal(0)) * times,
        shipping=_sum(each for each in rest if _kind(each) == "SHIPPING") * times,
        fees=_sum(each for each in rest if _kind(each) != "SHIPPING") * times,
        tax=sum((_tax(each) for each in charges), Decimal(0)) * times,
    )
    unit = _amount(price) if times == ordered else per_unit(found.items, ordered)
    return found, unit, text(mapping(price.get("chargeAmount")).get("currency"))


def _item_price(charges: Sequence[Mapping[str, object]]) -> Mapping[str, object] | None:
    """Return the charge that is the price, the one with its name before any other product."""
    products = [
        each
        for each in charges
        if _kind(each) == "PRODUCT"
        and not _is_discount(each)
        and decimal(mapping(each.get("chargeAmount")).get("amount")) is not None
    ]
    named = [each for each in products if _name(each).replace(" ", "") == "itemprice"]
    return next(iter([*named, *products]), None)


def _is_discount(charge: Mapping[str, object]) -> bool:
    words = f"{_kind(charge)} {_name(charge)}".casefold()
    return any(word in words for word in _DISCOUNTS)


def _kind(charge: Mapping[str, object]) -> str:
    return str(charge.get("chargeType")).upper()


def _name(charge: Mapping[str, object]) -> str:
    return str(charge.get("chargeName")).casefold()


def _sum(charges: Iterator[Mapping[str, object]]) -> Decimal:
    return sum((_amount(each) for each in charges), Decimal(0))


def _amount(charge: Mapping[str, object]) -> Decimal:
    return decimal(mapping(charge.get("chargeAmount")).get("amount")) or Decimal(0)


def _tax(charge: Mapping[str, object]) -> Decimal:
    amount = mapping(mapping(charge.get("tax")).get("taxAmount"))
    return decimal(amount.get("amount")) or Decimal(0)
