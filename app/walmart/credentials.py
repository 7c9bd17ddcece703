"""Credentials of a store at Walmart."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SellerCredentials:
    """The seller account a store is connected to. The secret never shows in a repr."""

    store_id: int
    client_id: str
    client_secret: str = field(repr=False)
    market: str = "US"
