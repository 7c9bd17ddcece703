"""The chips above the list of orders: each filter of the address in words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from app.web.page import words
from app.web.page.i18n import deferred
from app.web.page.order_list import OrdersAddress
from app.web.page.order_rows import STATUSES
from app.web.page.viewer import Viewer

_FIXED: Final[Mapping[tuple[str, str], str]] = {
    ("late", "true"): deferred("Late"),
    ("ship_soon", "true"): deferred("Ship soon"),
    ("cancel_requested", "true"): deferred("The buyer asks to cancel"),
    ("return_requested", "true"): deferred("Has an open return"),
    ("without_commerce_order", "true"): deferred("Not in Commerce"),
    ("sync", "pending"): deferred("Sending"),
    ("sync", "retrying"): deferred("Trying again"),
    ("sync", "error"): deferred("Did not arrive"),
    ("fulfilled_by", "seller"): deferred("Shipped by you"),
    ("fulfilled_by", "walmart"): deferred("Shipped by Walmart"),
}
_WITH_VALUE: Final[Mapping[str, str]] = {
    "q": deferred("Search: %(value)s"),
    "ship_method": deferred("Method: %(value)s"),
    "from": deferred("Ordered from %(value)s"),
    "to": deferred("Ordered until %(value)s"),
}


@dataclass(frozen=True, slots=True)
class FilterChip:
    """One value of a filter, in words."""

    name: str
    value: str
    text: str


def chips(shown: OrdersAddress, viewer: Viewer) -> list[FilterChip]:
    """The chips of a list."""
    return list(_chips(shown, viewer))


def _chips(shown: OrdersAddress, viewer: Viewer) -> Iterator[FilterChip]:
    for name, values in shown.filters.items():
        for value in values:
            yield FilterChip(name, value, _text(name, value, viewer))


def _text(name: str, value: str, viewer: Viewer) -> str:
    if name in _WITH_VALUE:
        return viewer.gettext(_WITH_VALUE[name], value=value)
    if name == "status":
        return viewer.gettext(STATUSES[value].text)
    if name == "code":
        return viewer.gettext(words.code_words(value).sentence)
    fixed = _FIXED.get((name, value))
    return viewer.gettext(fixed) if fixed else value
