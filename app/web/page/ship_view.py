"""What the form that ships an order shows: each package with its problems, and the outcome."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.domain.errors import Problem
from app.domain.orders import carrier_of_number
from app.domain.orders.tracking_key import tracking_key
from app.storage.queries.views import OrderLineView, OrderView
from app.usecases.orders.preview_shipment import Preview
from app.usecases.orders.shipment_advice import AdviceView
from app.web.page.carrier_choices import OTHER, CarrierChoices
from app.web.page.ship_form import ShipForm, TypedPackage

_FIELDS: Mapping[str, str] = {
    "/carrier_code": "carrier",
    "/tracking_number": "number",
    "/tracking_url": "url",
    "/shipped_at": "shipped_at",
    "/method_code": "method",
    "/items": "units",
}
# What is only missing is no problem while a person still types.
_MISSING = frozenset({
    "required", "tracking_number_required", "tracking_url_required", "invalid_quantity",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class PackageView:
    """One package of the form."""

    place: int
    number: int
    """Its number among the packages of the order."""
    typed: TypedPackage
    preview: Preview
    problems: Mapping[str, Problem]
    """The first of each field that is shown: a name of `_FIELDS`, or `units.<line>`."""
    carrier: str
    """The name of the carrier."""
    needs_page: bool
    """Whether the address of a tracking page is asked for."""

    @property
    def advice(self) -> Sequence[AdviceView]:
        """The warnings of its dry run."""
        return self.preview.warnings if self.typed.number else ()

    @property
    def sent_as(self) -> str:
        """The number as Walmart gets it, where that differs from what was typed."""
        key = tracking_key(self.typed.number)
        return key if key and key != self.typed.number else ""

    @property
    def request(self) -> str:
        """The exact request; empty if there is none."""
        return json.dumps(self.preview.body, indent=2) if self.preview.body else ""


@dataclass(slots=True)
class ShipView:
    """The form, with the dry run of what was typed."""

    order: OrderView
    lines: Sequence[OrderLineView]
    form: ShipForm
    choices: CarrierChoices
    previews: Sequence[Preview]
    refused: Sequence[Problem] = ()
    """Why the act was refused although its dry run was not."""
    strict: bool = False
    """Whether missing values are shown as problems."""

    @property
    def problems(self) -> list[Problem]:
        """All problems, also of missing values."""
        return [*self.refused, *(each for one in self.previews for each in one.problems)]

    @property
    def next_number(self) -> int:
        """The number of the first package among those of the order."""
        return len(self.order.shipments) + 1

    @property
    def packages(self) -> list[PackageView]:
        """Each package."""
        rows = enumerate(zip(self.form.packages, self.previews, strict=True))
        return [self._package(place, *each) for place, each in rows]

    @property
    def general(self) -> list[Problem]:
        """Problems of no field, each code once."""
        found = {
            each.code: each for each in self.problems if _field(each) is None and self._shows(each)
        }
        return list(found.values())

    @property
    def shown(self) -> int:
        """How many things are to be corrected."""
        fields = sum(len(each.problems) for each in self.packages)
        return fields + len(self.general)

    @property
    def units(self) -> int:
        """How many units leave."""
        return sum(each.total for each in self.form.packages)

    @property
    def left(self) -> int:
        """Units that are still to ship afterwards."""
        return max(sum(line.quantity.remaining for line in self.lines) - self.units, 0)

    @property
    def asked_to_cancel(self) -> list[OrderLineView]:
        """Lines that the buyer asked to cancel."""
        asked = self.order.cancel_requested.lines if self.order.cancel_requested else ()
        return [line for line in self.lines if line.line_number in asked]

    def issuer(self, package: PackageView) -> str:
        """The carrier that issued the number of a package."""
        return carrier_of_number.owner(package.typed.number, certain=False) or ""

    def contents(self, package: PackageView) -> list[tuple[OrderLineView, int]]:
        """The lines of a package with their units."""
        counts = ((line, package.typed.count(line.line_number)) for line in self.lines)
        return [each for each in counts if each[1]]

    def _package(self, place: int, typed: TypedPackage, preview: Preview) -> PackageView:
        found = dict[str, Problem]()
        for field, problem in self._of(place, typed):
            found.setdefault(field, problem)
        other = typed.carrier == OTHER
        return PackageView(
            place=place,
            number=self.next_number + place,
            typed=typed,
            preview=preview,
            problems=found,
            carrier=typed.other if other else self.choices.name(typed.carrier),
            needs_page=other
            or typed.carrier in self.choices.without_page
            or bool(typed.url)
            or "url" in found,
        )

    def _of(self, place: int, typed: TypedPackage) -> Iterator[tuple[str, Problem]]:
        requested = [line for line in typed.units if typed.count(line)]
        prefix = f"/packages/{place}"
        for problem in self.problems:
            field = _field(problem)
            if field is None or not problem.pointer.startswith(f"{prefix}/"):
                continue
            if not self._shows(problem):
                continue
            if field == "units":
                item = problem.pointer.removeprefix(f"{prefix}/items").strip("/").split("/")[0]
                at = int(item) if item.isdigit() else len(requested)
                field = f"units.{requested[at]}" if at < len(requested) else "units"
            yield field, problem

    def _shows(self, problem: Problem) -> bool:
        return self.strict or problem.code not in _MISSING


def _field(problem: Problem) -> str | None:
    """The field of a problem in the form; None if it is about the whole package or order."""
    pointer = "/" + "/".join(problem.pointer.split("/")[3:])
    for start, name in _FIELDS.items():
        if pointer == start or pointer.startswith(f"{start}/"):
            return name
    return None
