"""Read the buyer from Walmart's order: for Commerce's order, and to redact the evidence."""

from collections.abc import Iterable, Mapping

from app.domain.orders.buyer import Buyer
from app.http_client import redaction
from app.walmart.json_values import elements, mapping, text

# Walmart's three-letter country codes to the two-letter codes that Commerce takes.
_COUNTRIES = {"USA": "US", "CAN": "CA", "MEX": "MX", "PRI": "PR"}


class NoAddress(ValueError):
    """The order has no complete address; the message names what is missing."""


def private_words(payload: object) -> frozenset[str]:
    """Return the buyer's name, address, phone and e-mail in an order, given as decoded JSON.

    Each word of a name is included, because Commerce stores a first and a last name. State and
    country are not: they are common words of messages.
    """
    order = next(iter(elements(mapping(payload), "order")), mapping(payload))
    shipping = mapping(order.get("shippingInfo"))
    address = mapping(shipping.get("postalAddress"))
    name = text(address.get("name")) or ""
    values = (
        *redaction.parts_of(name),
        text(order.get("customerEmailId")),
        text(shipping.get("phone")),
        *(text(address.get(each)) for each in ("address1", "address2", "city", "postalCode")),
    )
    never = (text(address.get("state")), text(address.get("country")))
    return redaction.words(values, never=never)


def private_words_of_returns(entries: Iterable[object]) -> frozenset[str]:
    """Return the buyers' names and relay e-mail addresses in returns."""
    values: list[str | None] = []
    for entry in map(mapping, entries):
        name = mapping(entry.get("customerName"))
        names = [text(name.get(each)) for each in ("firstName", "lastName")]
        values += [*names, " ".join(filter(None, names)), text(entry.get("customerEmailId"))]
    return redaction.words(values)


def read_buyer(payload: object) -> Buyer:
    """Read the buyer of an order, given as decoded JSON. Raises NoAddress."""
    body = mapping(payload)
    order = mapping(body.get("order")) or body
    shipping = mapping(order.get("shippingInfo"))
    address = mapping(shipping.get("postalAddress"))
    country = (text(address.get("country")) or "").upper()
    lines = (text(address.get("address1")), text(address.get("address2")))
    return Buyer(
        private=private_words(payload),
        name=_needed(address, "name"),
        email=_needed(order, "customerEmailId"),
        phone=text(shipping.get("phone")) or "",
        street=tuple(line for line in lines if line) or (_needed(address, "address1"),),
        city=_needed(address, "city"),
        region=text(address.get("state")) or "",
        postcode=text(address.get("postalCode")) or "",
        country=_COUNTRIES.get(country, country[:2]) or _needed(address, "country"),
    )


def _needed(entry: Mapping[str, object], name: str) -> str:
    found = text(entry.get(name))
    if found is None:
        raise NoAddress(f"{name} is missing")
    return found
