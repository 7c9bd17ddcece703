"""What a person is told when Walmart says no: a stable code, a plain sentence, a next step."""

from app.orders.outcome import Failure
from app.walmart import errors

# The field Walmart names, and the code and advice that go with it.
_BY_FIELD = {
    "methodCode": (
        "method_code_not_supported",
        "commerce",
        "Ship with another method_code; the one the order came with is the safest.",
    ),
    "carrierName": (
        "carrier_not_supported",
        "commerce",
        "Map the carrier in the store's carriers, or send a tracking_url with it.",
    ),
    "carrier": (
        "carrier_not_supported",
        "commerce",
        "Map the carrier in the store's carriers, or send a tracking_url with it.",
    ),
    "trackingURL": (
        "tracking_url_required",
        "commerce",
        "Correct the shipment with a tracking_url.",
    ),
    "trackingNumber": (
        "tracking_number_refused",
        "commerce",
        "Correct the tracking number; it must be in its carrier's own form.",
    ),
    "shipDateTime": (
        "shipped_at_refused",
        "commerce",
        "Send the time at which the package really left.",
    ),
}


_BY_CLASS: dict[type[errors.WalmartError], str] = {
    errors.NotSent: "walmart_unreachable",
    errors.Throttled: "walmart_throttled",
    errors.Unavailable: "walmart_unavailable",
    errors.CredentialsRejected: "credentials_rejected",
    errors.Misconfigured: "walmart_access_denied",
    errors.NotFound: "order_not_at_walmart",
    errors.Unclear: "walmart_unclear",
    errors.Refused: "refused_by_walmart",
}


def of(error: errors.WalmartError) -> Failure:
    """Tell what an error of Walmart's means for the update that met it."""
    known = _BY_FIELD.get(error.field or "")
    code, origin, suggestion = known or (_BY_CLASS[type(error)], _origin(error), _suggestion(error))
    return Failure(
        code=code,
        message=error.description or str(error),
        origin=origin,
        field=error.field,
        suggestion=suggestion,
        retryable=not isinstance(error, errors.Refused | errors.NotFound),
        sent_as=error.codes,
    )


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
        case errors.Refused():
            return "Compare the order in Seller Center, then correct, retry or dismiss the update."
        case _:
            return None
