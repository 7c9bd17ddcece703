"""Error messages of an update: a code, the responsible party, and a next step."""

from typing import Any

import pytest

from app.http_client.call import ApiError
from app.walmart import errors
from app.walmart.carriers import WalmartCarrier
from app.walmart.shipment_payload import Package
from app.worker.delivery import error_messages
from tests.builders import NOW
from tests.unit.walmart.builders import a_call

REFUSED = "INVALID_REQUEST_CONTENT.GMP_ORDER_API"
USPS_NUMBER = "9400111899223197428497"


def refused(field: str | None, text: str = "Request content is invalid.") -> errors.CallRefused:
    return errors.CallRefused(text, call=a_call(400, ApiError(REFUSED, field, text)))


def package(**changes: Any) -> Package:
    fields: dict[str, Any] = {
        "carrier": WalmartCarrier("UPS"),
        "tracking_number": "1Z999AA10123456784",
        "tracking_url": None,
        "shipped_at": NOW,
        "method_code": "Value",
        "override_cancel_request": False,
        **changes,
    }
    return Package(**fields)


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("methodCode", "method_code_not_supported"),
        ("carrierName", "carrier_not_supported"),
        ("carrier", "carrier_not_supported"),
        ("otherCarrier", "carrier_not_supported"),
        ("trackingURL", "tracking_url_required"),
        ("trackingNumber", "tracking_number_refused"),
        ("shipDateTime", "shipped_at_refused"),
    ],
)
def test_commerce_is_responsible_for_a_field_that_it_gave(field: str, code: str) -> None:
    failure = error_messages.of(refused(field), package())
    assert (failure.code, failure.origin, failure.field) == (code, "commerce", field)
    assert failure.suggestion
    assert not failure.retryable
    assert failure.sent_as == (REFUSED,)


def test_a_general_refusal_is_reported_in_walmart_s_words() -> None:
    failure = error_messages.of(refused(None, "No."), package())
    assert (failure.code, failure.origin) == ("refused_by_walmart", "walmart")
    assert failure.message == "No."


def test_a_usps_number_under_ups_is_pointed_out() -> None:
    sent = package(tracking_number=USPS_NUMBER)
    advice = error_messages.of(refused("trackingNumber"), sent).suggestion or ""
    assert "USPS" in advice
    assert "UPS:" in advice


def test_a_name_close_to_one_of_walmart_s_carriers_is_suggested() -> None:
    sent = package(carrier=WalmartCarrier(other="Fed-Ex"), tracking_number="986578788855")
    assert "FedEx" in (error_messages.of(refused("carrierName"), sent).suggestion or "")


def test_another_carrier_without_a_url_is_reported_as_such() -> None:
    sent = package(carrier=WalmartCarrier(other="Acme Freight"), tracking_number="AF771")
    assert "tracking_url" in (error_messages.of(refused("carrierName"), sent).suggestion or "")


def test_the_other_methods_are_listed() -> None:
    advice = error_messages.of(refused("methodCode"), package()).suggestion or ""
    assert "Standard" in advice
    assert advice.startswith("Value was sent.")


@pytest.mark.parametrize(
    ("error", "code", "origin", "retryable"),
    [
        (errors.NotSent("x"), "walmart_unreachable", "walmart", True),
        (errors.Throttled("x"), "walmart_throttled", "walmart", True),
        (errors.Unavailable("x"), "walmart_unavailable", "walmart", True),
        (errors.CredentialsRejected("x"), "credentials_rejected", "waybill", True),
        (errors.Misconfigured("x"), "walmart_access_denied", "waybill", True),
        (errors.NotFound("x"), "order_not_at_walmart", "walmart", False),
        (errors.CallUnclear("x"), "walmart_unclear", "walmart", True),
    ],
)
def test_every_class_of_error_names_the_responsible_party_and_whether_a_retry_helps(
    error: errors.WalmartError, code: str, origin: str, retryable: bool
) -> None:
    failure = error_messages.of(error)
    assert (failure.code, failure.origin, failure.retryable) == (code, origin, retryable)
