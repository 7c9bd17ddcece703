"""The carriers that a form offers, and which of them a tracking number belongs to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.orders import carrier_of_number
from app.storage.stores.stores import ShippingRules
from app.usecases.orders import shipment_advice
from app.walmart.carriers import CARRIERS

OTHER = "*other"
"""The choice of a carrier that is named by hand. No carrier code begins with a star."""

# They carry most packages, so a list begins with them.
_USUAL = frozenset({"UPS", "USPS", "FedEx"})


@dataclass(frozen=True, slots=True)
class CarrierChoices:
    """Carrier codes with their names, for a list."""

    own: Mapping[str, str]
    """Codes that the store maps."""
    walmart: Mapping[str, str]
    """The other carriers that Walmart knows."""
    by_carrier: Mapping[str, str]
    """The code for each of Walmart's carriers that can be sent."""
    without_page: frozenset[str]
    """Codes that need the address of a tracking page with each package."""

    def name(self, code: str) -> str:
        """The name of a code; the code itself if the list does not have it."""
        return self.own.get(code) or self.walmart.get(code) or code

    def of_number(self, number: str) -> str:
        """The code of the carrier that issued a number; empty if no carrier is recognised."""
        issuer = carrier_of_number.owner(number, certain=False)
        return self.by_carrier.get(issuer or "", "")


def choices(rules: ShippingRules) -> CarrierChoices:
    """The carriers of a store: the usual ones, then the others by name."""
    own, without_page = dict[str, str](), set[str]()
    for code, entry in rules.carriers.items():
        if isinstance(entry, str):
            own[code] = entry
            continue
        own[code] = str(entry["other"])
        if not entry.get("tracking_url"):
            without_page.add(code)
    by_carrier = {name: shipment_advice.carrier_code(rules, name) for name in CARRIERS}
    sendable = {name: code for name, code in by_carrier.items() if code}
    walmart = {code: name for name, code in sendable.items() if code not in own}
    return CarrierChoices(_by_name(own), _by_name(walmart), sendable, frozenset(without_page))


def _by_name(names: Mapping[str, str]) -> dict[str, str]:
    found: Sequence[tuple[str, str]] = sorted(
        names.items(), key=lambda each: (each[1] not in _USUAL, each[1].casefold())
    )
    return dict(found)
