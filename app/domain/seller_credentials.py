"""Credentials of a store at Walmart."""

from dataclasses import dataclass, field

from app.domain.orders.charges import ChargeAmountIs


@dataclass(frozen=True, slots=True)
class SellerCredentials:
    """The seller account a store is connected to. The secret never shows in a repr."""

    store_id: int
    client_id: str
    client_secret: str = field(repr=False)
    market: str = "US"
    charge_amount_is: ChargeAmountIs = ChargeAmountIs.UNIT
