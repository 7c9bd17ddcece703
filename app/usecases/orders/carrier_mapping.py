"""Which of Walmart's carriers does a shipment travel with?

The store's own map comes first, then the default map of Commerce's codes and titles. What
neither knows goes out as Walmart's other carrier under its title, and then needs a URL
where the buyer can follow the package.
"""

from dataclasses import dataclass

from app.commerce import carriers as commerce_carriers
from app.domain.errors import Problem
from app.domain.orders.tracking_key import visible
from app.storage.stores.stores import ShippingRules
from app.walmart import carriers as walmart_carriers
from app.walmart.carriers import WalmartCarrier

_OTHER_MAX = 100
_NO_CODE = Problem("required", "A carrier_code is needed.", "/carrier_code")


@dataclass(frozen=True, slots=True)
class ResolvedCarrier:
    """Walmart's carrier and the tracking URL to send with it."""

    carrier: WalmartCarrier
    tracking_url: str | None
    problems: tuple[Problem, ...] = ()


def resolve(
    rules: ShippingRules, code: str, title: str | None, tracking_number: str, url: str | None
) -> ResolvedCarrier:
    """Find the carrier. problems says what is missing for it; then nothing may be sent."""
    mapped = _mapped(rules, code)
    if isinstance(mapped, str):
        return ResolvedCarrier(WalmartCarrier(carrier=mapped, other=None), url)
    if mapped is None:
        known = _known(code, title)
        if known is not None:
            return ResolvedCarrier(WalmartCarrier(carrier=known, other=None), url)
    called = (title or "").strip() or code.strip()
    name, template = mapped or (called[:_OTHER_MAX], rules.default_tracking_url)
    if not name:
        return ResolvedCarrier(WalmartCarrier(carrier=None, other="?"), url, (_NO_CODE,))
    followed = url or _filled(template, tracking_number)
    carrier = WalmartCarrier(carrier=None, other=name)
    if followed is None:
        return ResolvedCarrier(carrier, None, (_needs_url(name),))
    return ResolvedCarrier(carrier, followed)


def _mapped(rules: ShippingRules, code: str) -> str | tuple[str, str | None] | None:
    entries = {key.casefold(): entry for key, entry in rules.carriers.items()}
    entry = entries.get(code.strip().casefold())
    if entry is None or isinstance(entry, str):
        return entry
    return str(entry["other"]), entry.get("tracking_url")


def _known(code: str, title: str | None) -> str | None:
    suggested = commerce_carriers.walmart_name(code, title)
    for name in (suggested, title, code):
        known = walmart_carriers.known(name) if name else None
        if known is not None:
            return known
    return None


def _filled(template: str | None, tracking_number: str) -> str | None:
    if not template:
        return None
    return template.replace("{tracking_number}", visible(tracking_number))


def _needs_url(name: str) -> Problem:
    closest = walmart_carriers.closest(name)
    hint = f" Did you mean {closest}?" if closest else ""
    return Problem(
        "tracking_url_required",
        f"Walmart does not know the carrier {name!r}, so the buyer needs a tracking_url.{hint} "
        f"None is needed for: {', '.join(walmart_carriers.CARRIERS)}.",
        "/tracking_url",
    )
