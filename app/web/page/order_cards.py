"""The cards above the list of orders: links with a count and the time that matters most."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from app.storage.queries.views import OrderCardsView, OrderCardView
from app.web.page.i18n import deferred
from app.web.page.order_list import Filters, OrdersAddress

_UNDONE: Final = ("open", "partially_shipped", "error")


@dataclass(frozen=True, slots=True)
class CardWords:
    """A card: its label, the filters that it stands for, how its time is said."""

    label: str
    filters: Filters
    note: str
    """A sentence with `%(time)s`."""
    tone: str = ""
    clock: str = "ago"
    """The filter of its time: ago or left."""


STATUS: Final[Mapping[str, CardWords]] = {
    "open": CardWords(
        deferred("Open"), {"status": ("open",)}, deferred("next: %(time)s"), "", "left"
    ),
    "partially_shipped": CardWords(
        deferred("Partially shipped"),
        {"status": ("partially_shipped",)},
        deferred("next: %(time)s"),
        clock="left",
    ),
    "shipped": CardWords(deferred("Shipped"), {"status": ("shipped",)}, deferred("last: %(time)s")),
    "canceled": CardWords(
        deferred("Canceled"), {"status": ("canceled",)}, deferred("last: %(time)s")
    ),
    "error": CardWords(
        deferred("Errors"), {"status": ("error",)}, deferred("oldest: %(time)s"), "bad"
    ),
}
ACTION: Final[Mapping[str, CardWords]] = {
    "ship_soon": CardWords(
        deferred("Ship soon"), {"ship_soon": ("true",)}, deferred("next: %(time)s"), "warn", "left"
    ),
    "late": CardWords(deferred("Late"), {"late": ("true",)}, deferred("first: %(time)s"), "bad"),
    "cancel_requested": CardWords(
        deferred("Cancel requests"),
        {"cancel_requested": ("true",)},
        deferred("oldest: %(time)s"),
        "warn",
    ),
    "return_requested": CardWords(
        deferred("Returns"), {"return_requested": ("true",)}, deferred("oldest: %(time)s"), "warn"
    ),
    "sending": CardWords(
        deferred("Sending"), {"sync": ("pending", "retrying")}, deferred("oldest: %(time)s"), "busy"
    ),
    "without_commerce_order": CardWords(
        deferred("Not in Commerce"),
        {"status": _UNDONE, "without_commerce_order": ("true",)},
        deferred("oldest: %(time)s"),
    ),
}


@dataclass(frozen=True, slots=True)
class Card:
    """A card with its count."""

    words: CardWords
    card: OrderCardView
    current: bool


def groups(cards: OrderCardsView, shown: OrdersAddress) -> list[tuple[str, list[Card]]]:
    """The cards in their two groups. current: the list shows just that."""
    return [
        (title, [_card(cards, name, words, shown) for name, words in some.items()])
        for title, some in ((deferred("Status"), STATUS), (deferred("Needs action"), ACTION))
    ]


def is_well(groups: Iterable[tuple[str, Iterable[Card]]]) -> bool:
    """Whether no card counts what is in trouble or asks for an act."""
    cards = [card for _, some in groups for card in some]
    return not any(each.card.count for each in cards if each.words.tone in {"bad", "warn"})


def _card(cards: OrderCardsView, name: str, words: CardWords, shown: OrdersAddress) -> Card:
    same = {key: set(value) for key, value in shown.filters.items()} == {
        key: set(value) for key, value in words.filters.items()
    }
    return Card(words, getattr(cards, name), same)
