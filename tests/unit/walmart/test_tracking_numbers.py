"""Recognising the carrier of a tracking number, where that is certain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.walmart.carriers import CARRIERS
from app.walmart.tracking_numbers import belongs_elsewhere, owner


@pytest.mark.parametrize(
    ("number", "carrier"),
    [
        ("1Z999AA10123456784", "UPS"),
        ("1z 999 aa1 01 2345 6784", "UPS"),
        ("1Z999AA10123456785", None),
        ("9400111899223197428497", "USPS"),
        ("420941079400111899223197428497", "USPS"),
        ("9400111899223197428498", None),
        ("EA123456785US", "USPS"),
        ("EA123456784US", None),
        ("EA123456785CN", None),
        ("986578788855", None),
        ("", None),
    ],
)
def test_a_carrier_is_recognised_only_by_a_valid_check_digit(
    number: str, carrier: str | None
) -> None:
    assert owner(number) == carrier


def test_a_usps_number_under_ups_is_recognised() -> None:
    assert belongs_elsewhere("9400111899223197428497", "UPS") == "USPS"
    assert belongs_elsewhere("1Z999AA10123456784", "FedEx") == "UPS"


@pytest.mark.parametrize("carrier", ["UPSMI", "FEDEXSP", "USPS"])
def test_carriers_that_hand_parcels_to_usps_may_use_its_numbers(carrier: str) -> None:
    assert belongs_elsewhere("9400111899223197428497", carrier) is None


@given(st.text("0123456789AZUS -", max_size=34), st.sampled_from(CARRIERS))
def test_the_given_carrier_is_never_suggested(number: str, carrier: str) -> None:
    assert belongs_elsewhere(number, carrier) != carrier
