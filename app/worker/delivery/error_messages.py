"""The message that explains an error of a call: a stable code, a sentence, a next step.

docs/errors.md lists the codes; a test compares both.
"""

from collections.abc import Mapping
from dataclasses import replace

from app.commerce.errors import CommerceError
from app.domain.orders import carrier_of_number
from app.domain.orders.shipping import DEFAULT_METHOD, METHOD_CODES
from app.domain.outbox.outcome import Failure
from app.http_client.call import ErrorClass
from app.http_client.failure_table import CallError
from app.walmart import carriers
from app.walmart.shipment_payload import Package

# The field that Walmart names, its code, and advice where nothing closer is known.
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

# Codes of Walmart's and of Commerce's errors, each with a suggestion if a person can do something.
_WALMART: Mapping[ErrorClass, tuple[str, str | None]] = {
    ErrorClass.NOT_SENT: ("walmart_unreachable", None),
    ErrorClass.THROTTLED: ("walmart_throttled", None),
    ErrorClass.UNAVAILABLE: ("walmart_unavailable", None),
    ErrorClass.CREDENTIALS_REJECTED: (
        "credentials_rejected",
        "Correct the store's Walmart client id and secret; everything waits for them.",
    ),
    ErrorClass.MISCONFIGURED: (
        "walmart_access_denied",
        "Check the key's permissions in Walmart's Developer Portal; run waybill doctor.",
    ),
    ErrorClass.NOT_FOUND: (
        "order_not_at_walmart",
        "Check that the order belongs to this store's seller account.",
    ),
    ErrorClass.UNCLEAR: ("walmart_unclear", None),
    ErrorClass.REFUSED: (
        "refused_by_walmart",
        "Compare the order in Seller Center, then correct, retry or dismiss the update.",
    ),
}
_COMMERCE: Mapping[ErrorClass, tuple[str, str | None]] = {
    ErrorClass.NOT_SENT: ("commerce_unreachable", None),
    ErrorClass.THROTTLED: ("commerce_throttled", None),
    ErrorClass.UNAVAILABLE: ("commerce_unavailable", None),
    ErrorClass.CREDENTIALS_REJECTED: (
        "commerce_credentials_rejected",
        (
            "Give a new commerce.access_token with PATCH /v1/stores/{store_id}; "
            "docs/commerce.md names what it must allow."
        ),
    ),
    ErrorClass.MISCONFIGURED: (
        "commerce_access_denied",
        "Check commerce.base_url, and what the integration may do.",
    ),
    ErrorClass.NOT_FOUND: (
        "commerce_not_found",
        "Compare the order in Commerce, then retry or dismiss the update.",
    ),
    ErrorClass.UNCLEAR: ("commerce_unclear", None),
    ErrorClass.REFUSED: (
        "commerce_refused",
        "Fix it in Commerce and retry, or make the change there and dismiss the update.",
    ),
}
CLASS_CODES = frozenset(code for table in (_WALMART, _COMMERCE) for code, _ in table.values())
# The store's set-up is wrong, not the order.
_SET_UP = frozenset({ErrorClass.CREDENTIALS_REJECTED, ErrorClass.MISCONFIGURED})


def of(error: CallError, package: Package | None = None, ship_method: str | None = None) -> Failure:
    """Explain an error of a call.

    package: the shipment that was sent, for more precise advice. ship_method: that of the order.
    """
    if isinstance(error, CommerceError):
        return _of_commerce(error)
    known = _BY_FIELD.get(error.field or "") if error.error_class is ErrorClass.REFUSED else None
    if known is None:
        return _of_walmart(error)
    code, general = known
    failure = replace(_of_walmart(error), code=code, origin="commerce", suggestion=general)
    return failure if package is None else _closer(failure, package, ship_method)


def _of_walmart(error: CallError) -> Failure:
    code, suggestion = _WALMART[error.error_class]
    return Failure(
        code=code,
        message=error.description or str(error),
        origin="waybill" if error.error_class in _SET_UP else "walmart",
        field=error.field,
        suggestion=suggestion,
        retryable=not error.refused,
        sent_as=error.codes,
        params=_waits(error),
    )


def _waits(error: CallError) -> Mapping[str, object]:
    """The seconds that the other system asks to wait."""
    return {} if error.retry_after is None else {"seconds": error.retry_after.total_seconds()}


def _of_commerce(error: CommerceError) -> Failure:
    code, suggestion = _COMMERCE[error.error_class]
    return Failure(
        code=code,
        message=str(error)[:1000],
        origin="commerce",
        suggestion=suggestion,
        retryable=not error.refused,
    )


def _closer(failure: Failure, package: Package, ship_method: str | None) -> Failure:
    """Add advice that follows from the shipment that was sent, and the values as evidence."""
    if failure.code == "method_code_not_supported":
        return _of_method(failure, package.method_code, ship_method)
    if failure.code == "shipped_at_refused":
        sent = package.shipped_at.isoformat().replace("+00:00", "Z")
        return replace(failure, params={"change": "shipped_at", "sent": sent})
    advice, params = _of_number(package) or _of_carrier(package) or (None, _sent(failure, package))
    common = {"carrier": _name(package), "tracking_number": package.tracking_number}
    return replace(failure, suggestion=advice or failure.suggestion, params={**common, **params})


def _of_method(failure: Failure, sent: str, ship_method: str | None) -> Failure:
    others = [code for code in METHOD_CODES if code != sent]
    # The method that the order came with is the safest.
    expected = next((code for code in (ship_method, DEFAULT_METHOD) if code in others), None)
    known = f"{sent} was sent. Walmart knows {', '.join(others)}. {failure.suggestion}"
    params = {"change": "method_code", "sent": sent, "expected": expected, "allowed": others}
    return replace(failure, suggestion=known, params=params)


def _name(package: Package) -> str:
    return package.carrier.carrier or package.carrier.other or ""


def _sent(failure: Failure, package: Package) -> dict[str, object]:
    """The refused value where nothing better is known."""
    if failure.code == "tracking_number_refused":
        return {"change": "tracking_number", "sent": package.tracking_number}
    if failure.code == "tracking_url_required":
        return {"change": "tracking_url", "sent": package.tracking_url}
    return {"change": "carrier_code", "sent": _name(package)}


def _of_number(package: Package) -> tuple[str, dict[str, object]] | None:
    name = _name(package)
    owner = carrier_of_number.belongs_elsewhere(package.tracking_number, name)
    if owner is None:
        return None
    advice = (
        f"{package.tracking_number} is a tracking number of {owner}, but the carrier is {name}: "
        "correct the one or the other."
    )
    return advice, {"change": "carrier_code", "sent": name, "expected": owner}


def _of_carrier(package: Package) -> tuple[str, dict[str, object]] | None:
    other = package.carrier.other
    if other is None:
        return None
    closest = carriers.known(other) or carriers.closest(other)
    if closest is not None:
        advice = f"Walmart knows a carrier {closest}; map {other} to it in the store's carriers."
        return advice, {"change": "carrier_code", "sent": other, "expected": closest}
    if package.tracking_url is None:
        advice = f"Walmart does not know {other}: correct the shipment with a tracking_url."
        return advice, {"change": "tracking_url", "sent": None}
    return None
