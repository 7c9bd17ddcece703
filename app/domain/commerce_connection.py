"""The connection to a store's Commerce."""

from dataclasses import dataclass, field

# Every Commerce has this payment method; a merchant may configure another one.
PAYMENT_METHOD = "checkmo"


@dataclass(frozen=True, slots=True)
class CommerceConnection:
    """A store view of a Commerce, and the access token of an integration in it."""

    store_id: int
    code: str
    """The code of the store view."""
    base_url: str
    access_token: str = field(repr=False)
    payment_method: str = PAYMENT_METHOD
    stock_id: int | None = None
    """The stock (Inventory Management) with the salable quantities for Walmart. None: none."""
