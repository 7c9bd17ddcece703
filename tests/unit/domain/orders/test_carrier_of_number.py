"""Recognising the carrier of a tracking number. Some are of jkeen/tracking_number_data."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.orders.carrier_of_number import FORMS, belongs_elsewhere, owner
from app.walmart.carriers import CARRIERS

USPS = "9400111899223197428497"
# jkeen/tracking_number_data, couriers/fedex.json: Express (12), Ground, Ground 96.
EXPRESS, GROUND, GROUND_96 = "986578788855", "568283610012734", "9611020987654312345672"


@pytest.mark.parametrize(
    ("number", "carrier"),
    [
        ("1Z999AA10123456784", "UPS"),
        ("1z 999 aa1 01 2345 6784", "UPS"),
        # jkeen/tracking_number_data, couriers/ups.json.
        ("1Z879E930346834440", "UPS"),
        ("1Z8V92A70367203024", "UPS"),
        ("1Z999AA10123456785", None),
        (USPS, "USPS"),
        (f"42094107{USPS}", "USPS"),
        (f"42094107\x1d{USPS}", "USPS"),
        (f"420941071234{USPS}", "USPS"),
        ("9400111899223197428498", None),
        ("EA123456785US", "USPS"),
        ("EA123456784US", None),
        ("EA123456785CN", None),
        (GROUND_96, "FedEx"),
        ("9611020987654312345673", None),
        # jkeen/tracking_number_data, couriers/ontrac.json.
        ("C11031500001879", "OnTrac"),
        ("D10011354453707", "OnTrac"),
        ("C10000000000000", None),
        (EXPRESS, None),
        (GROUND, None),
        ("", None),
        ("\uff11" * 12, None),
    ],
)
def test_a_carrier_is_recognised_only_by_a_valid_check_digit(
    number: str, carrier: str | None
) -> None:
    assert owner(number) == carrier


@pytest.mark.parametrize("number", [EXPRESS, "477179081230", "799531274483", GROUND])
def test_plain_digits_are_fedexs_only_where_chance_is_allowed(number: str) -> None:
    assert owner(number) is None
    assert owner(number, certain=False) == "FedEx"
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert owner(wrong, certain=False) is None


@pytest.mark.parametrize(
    ("number", "carrier", "issuer"),
    [
        (USPS, "UPS", "USPS"),
        ("1Z999AA10123456784", "FedEx", "UPS"),
        ("1Z999AA10123456784", "Acme", "UPS"),
        (EXPRESS, "UPS", "FedEx"),
        (GROUND, "USPS", "FedEx"),
        # These write plain digits too.
        (EXPRESS, "LS", None),
        (EXPRESS, "Acme", None),
        (EXPRESS, "FedEx", None),
        (EXPRESS, "FEDEXSP", None),
        (USPS, "USPS", None),
    ],
)
def test_a_number_contradicts_another_carrier(
    number: str, carrier: str, issuer: str | None
) -> None:
    assert belongs_elsewhere(number, carrier) == issuer


@pytest.mark.parametrize("carrier", ["UPSMI", "FEDEXSP", "USPS"])
def test_carriers_that_hand_parcels_to_usps_may_use_its_numbers(carrier: str) -> None:
    assert belongs_elsewhere(USPS, carrier) is None


def test_every_form_is_one_of_walmarts_carriers() -> None:
    assert {form.carrier for form in FORMS} <= set(CARRIERS)


@given(st.text("0123456789AZUS -", max_size=34), st.sampled_from(CARRIERS))
def test_the_given_carrier_is_never_suggested(number: str, carrier: str) -> None:
    assert belongs_elsewhere(number, carrier) != carrier
