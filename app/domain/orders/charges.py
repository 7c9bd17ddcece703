"""Charges: what the buyer pays for the units of an order line."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from decimal import Decimal
from enum import StrEnum

# As exact as amounts are stored, here and in Commerce.
_EXACT = Decimal("0.0001")


class ChargeAmountIs(StrEnum):
    """What Walmart's `chargeAmount` is for. Walmart does not say."""

    UNIT = "unit"
    LINE = "line"


@dataclass(frozen=True, slots=True)
class Charges:
    """Amounts for all units of a line."""

    items: Decimal = Decimal(0)
    """The price of the units."""
    discount: Decimal = Decimal(0)
    """Subtracted from the total; never negative."""
    shipping: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    """Every other charge."""
    tax: Decimal = Decimal(0)
    """Walmart collects and remits it; the total excludes it."""

    @property
    def total(self) -> Decimal:
        """What the buyer pays, without tax."""
        # mutation: all-charges-in-totals
        return self.items - self.discount + self.shipping + self.fees

    def share(self, units: int, ordered: int) -> "Charges":
        """Return the part for some of the ordered units."""
        if units == ordered or not ordered:
            return self
        return Charges(*((each * units / ordered).quantize(_EXACT) for each in astuple(self)))


def whole(charges: Iterable[Charges]) -> Charges:
    """Return the sums of some charges."""
    amounts = zip(*map(astuple, charges), strict=True)
    return Charges(*(sum(each, Decimal(0)) for each in amounts))


def per_unit(amount: Decimal, ordered: int) -> Decimal:
    """Return the part of an amount that one unit has."""
    return (amount / ordered).quantize(_EXACT) if ordered else amount
