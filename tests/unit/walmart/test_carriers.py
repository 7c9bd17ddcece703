import pytest

from app.walmart.carriers import CARRIERS, closest, known


def test_walmarts_eighty_five_carriers_are_known() -> None:
    assert len(CARRIERS) == len(set(CARRIERS)) == 57 + 18 + 10


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("ups", "UPS"),
        ("FEDEX", "FedEx"),
        ("  dhl ecommerce  - us ", "DHL Ecommerce - US"),
        ("win.it america", "WIN.IT America"),
        ("speedx", "SpeedX"),
        ("Acme Freight", None),
        ("", None),
    ],
)
def test_a_carrier_is_known_in_any_casing(typed: str, expected: str | None) -> None:
    assert known(typed) == expected


def test_no_two_carriers_differ_only_in_casing() -> None:
    assert all(known(name.swapcase()) == name for name in CARRIERS)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("Fed-Ex", "FedEx"),
        ("Canada Pots", "Canada Post"),
        ("Roadruner Freight", "Roadrunner Freight"),
        ("XPO Logistic", "XPO Logistics"),
        ("Zzyzx Couriers", None),
        ("", None),
    ],
)
def test_a_mistyped_carrier_is_suggested(typed: str, expected: str | None) -> None:
    assert closest(typed) == expected
