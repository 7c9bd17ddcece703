"""The buyer's name and address: read from Walmart when Commerce needs them, and never stored."""

from dataclasses import dataclass, field

# Before and after the purchase order number in the e-mail address that stands for the buyer's. No
# mail arrives below a reserved domain (RFC 2606, section 3).
RESERVED_EMAIL = ("order-", "@walmart.example.com")


@dataclass(frozen=True, slots=True)
class Buyer:
    """A buyer. A repr shows nothing of the person."""

    name: str = field(repr=False)
    email: str = field(repr=False)
    """Walmart's relay address."""
    phone: str = field(repr=False)
    street: tuple[str, ...] = field(repr=False)
    city: str = field(repr=False)
    region: str = field(repr=False)
    postcode: str = field(repr=False)
    country: str = field(repr=False)
    """ISO 3166-1 alpha-2."""
    private: frozenset[str] = field(default=frozenset(), repr=False)
    """Words that no evidence and no message may contain."""
