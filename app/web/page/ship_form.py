"""The form that ships an order: what a person typed, package by package.

Fields of package 0 are `0.carrier`, `0.number` and so on, `0.units.<line>` for units.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo

from starlette.datastructures import FormData

from app.domain import db_limits
from app.domain.orders.requests import RequestedItem, ShipRequest
from app.storage.queries.views import OrderLineView
from app.web.page.carrier_choices import OTHER, CarrierChoices
from app.web.v1.package_schemas import MOST_PACKAGES

_LONGEST = 2048


@dataclass(slots=True)
class TypedPackage:
    """One package as it was typed."""

    units: dict[str, str] = field(default_factory=dict)
    """By line."""
    carrier: str = ""
    """A carrier code, `OTHER`, or empty."""
    followed: str = ""
    """The code that the form chose by the number; another one was chosen by hand."""
    number: str = ""
    other: str = ""
    url: str = ""
    shipped_at: str = ""
    """As an input of the type datetime-local writes it, in the person's zone."""
    method: str = ""

    def count(self, line: str) -> int:
        """Units of a line; 0 for what is no number."""
        return db_limits.whole_number(self.units.get(line) or "0", db_limits.INT) or 0

    def follow(self, choices: CarrierChoices) -> None:
        """Choose the carrier of a recognised number, unless it was chosen by hand."""
        found = choices.of_number(self.number)
        if found and self.carrier in {"", self.followed}:
            self.carrier = self.followed = found

    @property
    def total(self) -> int:
        """Units of all lines."""
        return sum(self.count(line) for line in self.units)


@dataclass(slots=True)
class ShipForm:
    """The packages as they were typed."""

    packages: list[TypedPackage]
    anyway: bool = False
    """Ship lines that the buyer asked to cancel, too."""

    def follow(self, choices: CarrierChoices) -> None:
        """Choose the carrier of each recognised number, unless it was chosen by hand."""
        for each in self.packages:
            each.follow(choices)

    def take_from_first(self, lines: Sequence[OrderLineView]) -> bool:
        """Take units that later packages have more from the first. Returns whether any was."""
        first, *others = self.packages
        moved = False
        for line in lines:
            name, left = line.line_number, line.quantity.remaining
            fits = max(left - sum(each.count(name) for each in others), 0)
            if others and first.count(name) > fits:
                first.units[name], moved = str(fits), True
        return moved

    def requests(self, zone: tzinfo) -> list[ShipRequest]:
        """The packages as the rules take them."""
        return [self._request(place, each, zone) for place, each in enumerate(self.packages)]

    def _request(self, place: int, typed: TypedPackage, zone: tzinfo) -> ShipRequest:
        items = [
            RequestedItem(typed.count(line), line) for line in typed.units if typed.count(line)
        ]
        return ShipRequest(
            carrier_code=typed.other if typed.carrier == OTHER else typed.carrier,
            tracking_number=typed.number,
            tracking_url=typed.url or None,
            shipped_at=_time(typed.shipped_at, zone),
            method_code=typed.method or None,
            override_cancel_request=self.anyway,
            items=tuple(items),
            pointer=f"/packages/{place}",
        )


def first(lines: Sequence[OrderLineView]) -> ShipForm:
    """The form as it opens: one package with all units that remain."""
    units = {line.line_number: str(line.quantity.remaining) for line in lines}
    return ShipForm([TypedPackage(units)])


def read(form: FormData, lines: Sequence[OrderLineView]) -> ShipForm:
    """The form as it was posted."""
    count = db_limits.whole_number(text_of(form, "packages"), MOST_PACKAGES) or 1
    return ShipForm([read_package(form, place, lines) for place in range(count)], "anyway" in form)


def change(form: ShipForm, how: str, lines: Sequence[OrderLineView]) -> None:
    """Carry out a button of the form: `add`, `remove:1`, `use:0:usps`."""
    verb, _, rest = how.partition(":")
    place, _, value = rest.partition(":")
    at = db_limits.whole_number(place or "0", MOST_PACKAGES) or 0
    if verb == "add" and len(form.packages) < MOST_PACKAGES:
        form.packages.append(TypedPackage({line.line_number: "0" for line in lines}))
    elif verb == "remove" and 0 < at < len(form.packages):
        gone, head = form.packages.pop(at), form.packages[0]
        for line in gone.units:
            head.units[line] = str(head.count(line) + gone.count(line))
    elif verb == "use" and at < len(form.packages):
        form.packages[at] = replace(form.packages[at], carrier=value[:_LONGEST])


def read_package(form: FormData, place: int, lines: Sequence[OrderLineView]) -> TypedPackage:
    """One package as it was posted."""

    def text(name: str) -> str:
        return text_of(form, f"{place}.{name}")

    return TypedPackage(
        {line.line_number: text(f"units.{line.line_number}") for line in lines},
        *map(text, ("carrier", "followed", "number", "other", "url", "shipped_at", "method")),
    )


def text_of(form: FormData, name: str) -> str:
    """A field of the form; empty if it is missing or cannot be kept."""
    given = form.get(name)
    if not isinstance(given, str) or not db_limits.is_storable(given):
        return ""
    return given.strip()[:_LONGEST]


def _time(text: str, zone: tzinfo) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone) if text else None
    except ValueError:
        return None
