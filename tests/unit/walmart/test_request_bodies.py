from datetime import UTC, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.orders.cancellation import Reason
from app.domain.orders.shipping import METHOD_CODES
from app.walmart.carriers import CARRIERS, WalmartCarrier
from app.walmart.markets import CANCELLATION_CODES, Market
from app.walmart.request_bodies import ShipLine, cancellation_body, shipping_body, tracking_body
from tests.unit.walmart.builders import NOW, document, schema

SHIPPING, CANCEL = schema("shipping"), schema("cancel")
UPS = WalmartCarrier(carrier="UPS")
EARLIEST = NOW.replace(year=2020, tzinfo=None)

line_lists = st.lists(
    st.builds(ShipLine, st.text("0123456789", min_size=1, max_size=6), st.integers(1, 10**6)),
    min_size=1,
    max_size=8,
    unique_by=lambda line: line.line_number,
)
packages = st.fixed_dictionaries(
    {
        "lines": line_lists,
        "seller_order_id": st.text(min_size=1, max_size=60),
        "shipped_at": st.datetimes(
            EARLIEST,
            EARLIEST + timedelta(days=30_000),
            timezones=st.just(UTC),
        ),
        "carrier": st.builds(WalmartCarrier, carrier=st.sampled_from(CARRIERS))
        | st.builds(WalmartCarrier, other=st.text(min_size=1, max_size=40)),
        "method_code": st.sampled_from(METHOD_CODES),
        "tracking_number": st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9 -]{0,20})", fullmatch=True),
        "tracking_url": st.just("https://carrier.example/t/1"),
    }
)


def a_shipment(**changes: object) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "lines": [ShipLine("1", 2)],
        "seller_order_id": "000000123",
        "shipped_at": NOW,
        "carrier": UPS,
        "method_code": "Standard",
        "tracking_number": "1z 999-aa1",
        "tracking_url": None,
        "override_cancel_request": False,
    }
    return shipping_body(**{**arguments, **changes})


def line_of(body: dict[str, Any]) -> dict[str, Any]:
    line: dict[str, Any] = body["orderShipment"]["orderLines"]["orderLine"][0]
    return line


def tracking_of(body: dict[str, Any]) -> dict[str, Any]:
    tracking: dict[str, Any] = line_of(body)["orderLineStatuses"]["orderLineStatus"][0][
        "trackingInfo"
    ]
    return tracking


def test_a_shipment_has_units_carrier_number_and_time() -> None:
    assert a_shipment() == {
        "orderShipment": {
            "orderLines": {
                "orderLine": [
                    {
                        "lineNumber": "1",
                        "intentToCancelOverride": False,
                        "sellerOrderId": "000000123",
                        "orderLineStatuses": {
                            "orderLineStatus": [
                                {
                                    "status": "Shipped",
                                    "statusQuantity": {"unitOfMeasurement": "EACH", "amount": "2"},
                                    "trackingInfo": {
                                        "shipDateTime": 1795435200000,
                                        "carrierName": {"carrier": "UPS"},
                                        "methodCode": "Standard",
                                        "trackingNumber": "1Z999AA1",
                                    },
                                }
                            ]
                        },
                    }
                ]
            }
        }
    }


def test_another_carrier_is_sent_by_name_with_its_url() -> None:
    url = "https://acme.example/t/1"
    tracking = tracking_of(a_shipment(carrier=WalmartCarrier(other="Acme"), tracking_url=url))
    assert tracking["carrierName"] == {"otherCarrier": "Acme"}
    assert tracking["trackingURL"] == url


def test_a_given_url_is_sent_for_walmarts_own_carriers_too() -> None:
    assert tracking_of(a_shipment(tracking_url="https://u.example"))["trackingURL"] == (
        "https://u.example"
    )


def test_a_cancellation_request_is_overridden_only_on_demand() -> None:
    assert line_of(a_shipment())["intentToCancelOverride"] is False
    assert line_of(a_shipment(override_cancel_request=True))["intentToCancelOverride"] is True


def test_a_long_seller_order_id_is_cut_at_thirty_characters() -> None:
    assert line_of(a_shipment(seller_order_id="9" * 40))["sellerOrderId"] == "9" * 30


@pytest.mark.parametrize(
    "changes",
    [
        {"lines": []},
        {"lines": [ShipLine("1", 1), ShipLine("1", 2)]},
        {"lines": [ShipLine("1", 0)]},
        {"lines": [ShipLine("1", -1)]},
        {"carrier": WalmartCarrier()},
        {"carrier": WalmartCarrier(carrier="UPS", other="UPS")},
        {"carrier": WalmartCarrier(other="Acme")},
    ],
)
def test_an_invalid_body_is_never_built(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"line|carrier"):
        a_shipment(**changes)


@given(packages, st.booleans())
def test_every_shipment_matches_the_stored_schema(package: dict[str, Any], override: bool) -> None:
    SHIPPING.validate(shipping_body(**package, override_cancel_request=override))


@given(packages)
def test_every_tracking_correction_matches_the_stored_schema(package: dict[str, Any]) -> None:
    SHIPPING.validate(tracking_body(**package, current_tracking_number="old-1"))


def test_a_tracking_correction_names_the_number_it_replaces() -> None:
    body: dict[str, Any] = tracking_body(
        lines=[ShipLine("1", 1)],
        seller_order_id="5",
        shipped_at=NOW,
        carrier=UPS,
        method_code="Standard",
        current_tracking_number="old 1",
        tracking_number="new-2",
        tracking_url=None,
    )
    status = line_of(body)["orderLineStatuses"]["orderLineStatus"][0]
    assert body["orderShipment"]["processMode"] == "PARTIAL_UPDATE"
    assert status["currentTrackingInfo"] == {"trackingNumber": "OLD1"}
    assert status["trackingInfo"]["trackingNumber"] == "NEW2"


@given(line_lists, st.sampled_from(sorted(CANCELLATION_CODES[Market.US].values())))
def test_every_cancellation_matches_the_stored_schema(lines: list[ShipLine], reason: str) -> None:
    body: dict[str, Any] = cancellation_body(lines=lines, reason=reason)
    CANCEL.validate(body)
    sent = body["orderCancellation"]["orderLines"]["orderLine"]
    assert [line["lineNumber"] for line in sent] == [line.line_number for line in lines]


def test_an_unknown_reason_is_not_sent() -> None:
    with pytest.raises(ValueError, match="out_of_stock"):
        cancellation_body(lines=[ShipLine("1", 1)], reason="out_of_stock")


def test_every_reason_of_commerce_has_a_code() -> None:
    for codes in CANCELLATION_CODES.values():
        assert set(codes) == set(Reason)


@pytest.mark.parametrize("name", ["shipping", "cancel", "acknowledge", "order"])
def test_the_examples_of_a_stored_schema_match_it(name: str) -> None:
    examples = document(name)["examples"]
    assert examples
    for example in examples:
        schema(name).validate(example)
