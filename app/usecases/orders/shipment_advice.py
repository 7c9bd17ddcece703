"""What a person should look at in a shipment before it is sent, and the change that mends it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.orders.carrier_of_number import belongs_elsewhere, owner
from app.domain.orders.requests import ShipRequest
from app.domain.orders.tracking_key import tracking_key
from app.storage import queries
from app.storage.queries.views import View
from app.storage.stores.stores import ShippingRules
from app.usecases.orders import carrier_mapping
from app.usecases.orders.plan_shipment import CheckedShipment


@dataclass(frozen=True, slots=True)
class AdviceView(View, schema="AdviceOut"):
    """Something about a request that would be accepted, and that a person should look at."""

    pointer: str
    """The JSON pointer (RFC 6901) of the field."""
    code: str
    """tracking_number_of_another_carrier, commerce_item_passed_over, tracking_number_repeated,
    carrier_sent_as_other or reference_repeated."""
    message: str
    suggestion: str | None
    """What a person can do."""
    fix: dict[str, Any] | None
    """`action` is `change`, and `changes` has the fields of the package with better values."""


def of(
    rules: ShippingRules, request: ShipRequest, checked: CheckedShipment, earlier: Sequence[str]
) -> tuple[AdviceView, ...]:
    """Everything about a package. earlier: tracking numbers of packages before it."""
    return (
        *_other_carrier(rules, request, checked),
        *_sent_as_other(request, checked),
        *_repeated_number(request, earlier),
        *_passed_over(request, checked),
    )


def repeated(request: ShipRequest) -> AdviceView:
    """The package has the reference of an earlier shipment with the same content."""
    message = "A shipment with this reference exists. It is returned, and nothing is sent again."
    return AdviceView(f"{request.pointer}/reference", "reference_repeated", message, None, None)


def carrier_code(rules: ShippingRules, carrier: str) -> str | None:
    """A carrier code that goes out as this carrier of Walmart's. None: the store maps it otherwise.

    One that the store maps comes before Walmart's own name.
    """
    own = sorted(code for code, entry in rules.carriers.items() if entry == carrier)
    for code in (*own, carrier):
        if carrier_mapping.resolve(rules, code, None, "", None).carrier.carrier == carrier:
            return code
    return None


def _other_carrier(
    rules: ShippingRules, request: ShipRequest, checked: CheckedShipment
) -> Iterator[AdviceView]:
    name = checked.package.carrier_json
    issuer = belongs_elsewhere(
        request.tracking_number, name.get("carrier") or name.get("other", "")
    )
    for each in queries.shipment_warnings(request.tracking_number, name):
        fix = _change(rules, issuer)
        suggestion = f"Send it with {issuer}, or correct the number." if fix else None
        pointer = f"{request.pointer}{each.pointer}"
        yield AdviceView(pointer, each.code, each.message, suggestion, fix)


def _sent_as_other(request: ShipRequest, checked: CheckedShipment) -> Iterator[AdviceView]:
    other = checked.package.carrier.other
    if other is None or checked.carrier.problems:
        return
    issuer = owner(request.tracking_number)
    # The warning of the number's own carrier says it all.
    if issuer is not None and belongs_elsewhere(request.tracking_number, other):
        return
    yield AdviceView(
        f"{request.pointer}/carrier_code",
        "carrier_sent_as_other",
        f"Walmart does not know {other}, and does not count the tracking number as valid.",
        "If it is another name of a carrier that Walmart knows, choose that carrier.",
        None,
    )


def _repeated_number(request: ShipRequest, earlier: Sequence[str]) -> Iterator[AdviceView]:
    key = tracking_key(request.tracking_number)
    if key and key in map(tracking_key, earlier):
        yield AdviceView(
            f"{request.pointer}/tracking_number",
            "tracking_number_repeated",
            "Another package has this tracking number.",
            "Give each package its own number, or put the units into one package.",
            None,
        )


def _passed_over(request: ShipRequest, checked: CheckedShipment) -> Iterator[AdviceView]:
    for each in queries.passed_over_warnings(checked.passed_over):
        pointer = f"{request.pointer}{each.pointer}"
        yield AdviceView(pointer, each.code, each.message, None, None)


def _change(rules: ShippingRules, carrier: str | None) -> dict[str, Any] | None:
    code = carrier_code(rules, carrier) if carrier else None
    return {"action": "change", "changes": {"carrier_code": code}} if code else None
