"""Where a store's Commerce is, and how it is reached."""

from dataclasses import dataclass, field

# Of every Commerce; a merchant who sells otherwise names the method the order shall bear.
PAYMENT_METHOD = "checkmo"


@dataclass(frozen=True, slots=True)
class CommerceConnection:
    """A store view of a Commerce, and the access token of an integration of it.

    stock_id: the stock (of Inventory Management) whose salable quantity is told to Walmart, None
    where none is. The token never shows in a repr.
    """

    store_id: int
    code: str
    base_url: str
    access_token: str = field(repr=False)
    payment_method: str = PAYMENT_METHOD
    stock_id: int | None = None
