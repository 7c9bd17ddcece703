"""Read the buyer's words from Commerce's order, to redact the evidence of calls."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.http_client import redaction

# Commerce's order has a billing and a shipping address, of up to four lines each.
_MOST_ADDRESSES, _MOST_LINES = 20, 20


def private_words(order: Mapping[str, Any]) -> frozenset[str]:
    """Return the buyer's name, address, phone and e-mail in an order, given as decoded JSON.

    State and country are left out, as for Walmart's orders.
    """
    addresses = list(_addresses(order))
    people = [(each.get("firstname"), each.get("lastname")) for each in addresses]
    people += [(order.get("customer_firstname"), order.get("customer_lastname"))]
    values = [order.get("customer_email")]
    for person in people:
        first, last = map(_text, person)
        for name in (first, last, f"{first} {last}"):
            values += redaction.parts_of(name)
    for address in addresses:
        values += [address.get(name) for name in ("email", "city", "postcode", "telephone")]
        street = address.get("street")
        values += street[:_MOST_LINES] if isinstance(street, list) else [street]
    states = [address.get(name) for address in addresses for name in ("region", "region_code")]
    return redaction.words(map(_text, values), never=map(_text, states))


def _addresses(order: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    shown = [order.get("billing_address")]
    extension = order.get("extension_attributes")
    given = extension.get("shipping_assignments") if isinstance(extension, Mapping) else None
    # mutation: address-parsing-limit
    for each in given[:_MOST_ADDRESSES] if isinstance(given, list) else ():
        shipping = each.get("shipping") if isinstance(each, Mapping) else None
        shown.append(shipping.get("address") if isinstance(shipping, Mapping) else None)
    yield from (address for address in shown if isinstance(address, Mapping))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
