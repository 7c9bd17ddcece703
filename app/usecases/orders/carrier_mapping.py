"""Which of Walmart's carriers does a shipment travel with?

The first of these that names a carrier of Walmart's decides: the store's own map, the carrier code,
the carrier title, the check digit of the tracking number. What none of them names goes out as
Walmart's other carrier under its title, and then needs a URL where the buyer can follow the
package.
"""

from dataclasses import dataclass
from enum import StrEnum

from app.domain.errors import Problem
from app.domain.orders import carrier_of_number
from app.domain.orders.tracking_key import visible
from app.storage.stores.stores import ShippingRules
from app.walmart import carrier_names
from app.walmart import carriers as walmart_carriers
from app.walmart.carriers import WalmartCarrier

_OTHER_MAX = 100
# Commerce's code of a carrier that a person typed.
_UNNAMED = "custom"
_NO_CODE = Problem("required", "A carrier_code is needed.", "/carrier_code")


class FoundBy(StrEnum):
    """What named the carrier."""

    STORE_CARRIERS = "store_carriers"
    CARRIER_CODE = "carrier_code"
    CARRIER_TITLE = "carrier_title"
    TRACKING_NUMBER = "tracking_number"


@dataclass(frozen=True, slots=True)
class ResolvedCarrier:
    """Walmart's carrier and the tracking URL to send with it."""

    carrier: WalmartCarrier
    tracking_url: str | None
    found_by: FoundBy | None = None
    """None means that nothing named a carrier of Walmart's: it goes out as other."""
    problems: tuple[Problem, ...] = ()

    def stored(self) -> dict[str, str]:
        """The carrier as a shipment keeps it, with what named it."""
        kept = {"carrier": self.carrier.carrier, "other": self.carrier.other}
        kept["found_by"] = self.found_by
        return {name: str(value) for name, value in kept.items() if value is not None}


def resolve(
    rules: ShippingRules, code: str, title: str | None, tracking_number: str, url: str | None
) -> ResolvedCarrier:
    """Find the carrier. problems says what is missing for it; then nothing may be sent."""
    mapped = _mapped(rules, code, title)
    if isinstance(mapped, str):
        return ResolvedCarrier(WalmartCarrier(carrier=mapped), url, FoundBy.STORE_CARRIERS)
    if mapped is not None:
        name, template = mapped
        return _other(name, url or filled(template, tracking_number), FoundBy.STORE_CARRIERS)
    known = _known(code, title, tracking_number, url)
    if known is not None:
        carrier, found_by = known
        return ResolvedCarrier(WalmartCarrier(carrier=carrier), url, found_by)
    called = (title or "").strip() or code.strip()
    return _other(called[:_OTHER_MAX], url or filled(rules.default_tracking_url, tracking_number))


def key(code: str, title: str | None) -> str:
    """The key of a carrier in a store's own carriers.

    Commerce's code of each carrier that it does not know is the same; then its title is the key.
    """
    named = (title or "").strip()
    return named if named and code.strip().casefold() == _UNNAMED else code.strip()


def _mapped(
    rules: ShippingRules, code: str, title: str | None
) -> str | tuple[str, str | None] | None:
    entries = {each.casefold(): entry for each, entry in rules.carriers.items()}
    # mutation: carrier-by-its-title
    entry = entries.get(code.strip().casefold()) or entries.get(key(code, title).casefold())
    if entry is None or isinstance(entry, str):
        return entry
    return str(entry["other"]), entry.get("tracking_url")


def _known(
    code: str, title: str | None, tracking_number: str, url: str | None
) -> tuple[str, FoundBy] | None:
    if by_code := carrier_names.find(code):
        return by_code, FoundBy.CARRIER_CODE
    if by_title := carrier_names.find(title or ""):
        return by_title, FoundBy.CARRIER_TITLE
    # A sender that gives an address of its own names another carrier; then chance decides nothing.
    # mutation: check-digit-by-chance
    by_number = carrier_of_number.owner(tracking_number, certain=url is not None)
    return (by_number, FoundBy.TRACKING_NUMBER) if by_number else None


def _other(name: str, url: str | None, found_by: FoundBy | None = None) -> ResolvedCarrier:
    problem = None if url is not None else _needs_url(name)
    if not name:
        name, problem = "?", _NO_CODE
    problems = (problem,) if problem else ()
    return ResolvedCarrier(WalmartCarrier(other=name), url, found_by, problems)


def filled(template: str | None, tracking_number: str) -> str | None:
    """The address of a package. None for a carrier without an address."""
    if not template:
        return None
    return template.replace("{tracking_number}", visible(tracking_number))


def _needs_url(name: str) -> Problem:
    closest = walmart_carriers.closest(name)
    hint = f" Did you mean {closest}?" if closest else ""
    return Problem(
        "tracking_url_required",
        f"Walmart does not know the carrier {name!r}, so the buyer needs a tracking_url.{hint} "
        "Or map its carrier_code in the store's carriers. "
        f"No URL is needed for: {', '.join(walmart_carriers.CARRIERS)}.",
        "/tracking_url",
    )
