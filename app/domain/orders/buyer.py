"""Who bought, and where it goes: read from Walmart when it is needed, and never kept."""

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Buyer:
    """A buyer as Walmart names one; nothing of it shows in a repr.

    email is Walmart's relay address. country is ISO 3166-1 alpha-2. shipping is what the buyer
    paid for it, tax what Walmart collected and remits, both of the whole order. private: the
    words that no evidence and no message may show.
    """

    name: str = field(repr=False)
    email: str = field(repr=False)
    phone: str = field(repr=False)
    street: tuple[str, ...] = field(repr=False)
    city: str = field(repr=False)
    region: str = field(repr=False)
    postcode: str = field(repr=False)
    country: str = field(repr=False)
    shipping: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)
    private: frozenset[str] = field(default=frozenset(), repr=False)
