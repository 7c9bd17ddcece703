"""What a person is told when Walmart says no: a stable code, a plain sentence, a next step.

The codes are listed in docs/errors.md; a test compares both.
"""

from dataclasses import replace

from app.domain.outbox.outcome import Failure
from app.walmart import carriers, errors, tracking_numbers
from app.walmart.carriers import METHOD_CODES
from app.walmart.shipment_payload import Package

# The field Walmart names, the code that goes with it, and advice where nothing closer is known.
_BY_FIELD = {
    "methodCode": (
        "method_code_not_supported",
        "Ship with another method_code; the one the order came with is the safest.",
    ),
    "carrierName": (
        "carrier_not_supported",
        "Map the carrier in the store's carriers, or send a tracking_url with it.",
    ),
    "carrier": (
        "carrier_not_supported",
        "Map the carrier in the store's carriers, or send a tracking_url with it.",
    ),
    "otherCarrier": (
        "carrier_not_supported",
        "Map the carrier in the store's carriers, or send a tracking_url with it.",
    ),
    "trackingURL": ("tracking_url_required", "Correct the shipment with a tracking_url."),
    "trackingNumber": (
        "tracking_number_refused",
        "Correct the tracking number; it must be in its carrier's own form.",
    ),
    "shipDateTime": ("shipped_at_refused", "Send the time at which the package really left."),
}
FIELD_CODES = frozenset(code for code, _ in _BY_FIELD.values())

_BY_CLASS: dict[type[errors.WalmartError], str] = {
    errors.NotSent: "walmart_unreachable",
    errors.Throttled: "walmart_throttled",
    errors.Unavailable: "walmart_unavailable",
    errors.CredentialsRejected: "credentials_rejected",
    errors.Misconfigured: "walmart_access_denied",
    errors.NotFound: "order_not_at_walmart",
    errors.CallUnclear: "walmart_unclear",
    errors.CallRefused: "refused_by_walmart",
}
CLASS_CODES = frozenset(_BY_CLASS.values())


def of(error: errors.WalmartError, package: Package | None = None) -> Failure:
    """Tell what an error of Walmart's means for the update that met it.

    package: what was sent, where it was a shipment; with it the advice can be closer.
    """
    known = _BY_FIELD.get(error.field or "") if isinstance(error, errors.CallRefused) else None
    if known is None:
        return _plain(error)
    code, general = known
    failure = replace(_plain(error), code=code, origin="commerce", suggestion=general)
    return failure if package is None else _closer(failure, package)


def _plain(error: errors.WalmartError) -> Failure:
    return Failure(
        code=_BY_CLASS[type(error)],
        message=error.description or str(error),
        origin=_origin(error),
        field=error.field,
        suggestion=_suggestion(error),
        retryable=not isinstance(error, errors.CallRefused | errors.NotFound),
        sent_as=error.codes,
    )


def _closer(failure: Failure, package: Package) -> Failure:
    """Better advice, where what was sent tells what is wrong with it."""
    if failure.code == "method_code_not_supported":
        others = ", ".join(code for code in METHOD_CODES if code != package.method_code)
        known = f"{package.method_code} was sent. Walmart knows {others}. {failure.suggestion}"
        return replace(failure, suggestion=known)
    if failure.code == "shipped_at_refused":
        return failure
    advice = _of_number(package) or _of_carrier(package)
    return replace(failure, suggestion=advice) if advice else failure


def _of_number(package: Package) -> str | None:
    name = package.carrier.carrier or package.carrier.other or ""
    owner = tracking_numbers.belongs_elsewhere(package.tracking_number, name)
    if owner is None:
        return None
    return (
        f"{package.tracking_number} is a tracking number of {owner}, but the carrier is {name}: "
        "correct the one or the other."
    )


def _of_carrier(package: Package) -> str | None:
    other = package.carrier.other
    if other is None:
        return None
    closest = carriers.known(other) or carriers.closest(other)
    if closest is not None:
        return f"Walmart knows a carrier {closest}; map {other} to it in the store's carriers."
    if package.tracking_url is None:
        return f"Walmart does not know {other}: correct the shipment with a tracking_url."
    return None


def _origin(error: errors.WalmartError) -> str:
    ours = isinstance(error, errors.CredentialsRejected | errors.Misconfigured)
    return "waybill" if ours else "walmart"


def _suggestion(error: errors.WalmartError) -> str | None:
    match error:
        case errors.CredentialsRejected():
            return "Correct the store's Walmart client id and secret; everything waits for them."
        case errors.Misconfigured():
            return "Check the key's permissions in Walmart's Developer Portal; run waybill doctor."
        case errors.NotFound():
            return "Check that the order belongs to this store's seller account."
        case errors.CallRefused():
            return "Compare the order in Seller Center, then correct, retry or dismiss the update."
        case _:
            return None
