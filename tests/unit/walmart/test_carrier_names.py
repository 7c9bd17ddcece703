"""Codes and titles of Commerce that name a carrier of Walmart's, by a closed table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.walmart import carrier_services
from app.walmart.carrier_names import find, plain
from app.walmart.carriers import CARRIERS


@pytest.mark.parametrize(
    ("text", "carrier"),
    [
        # Titles that Commerce makes of a carrier and its method, as in
        # Magento\Quote\Model\Quote\Address\Rate: "<carrier title> - <method title>".
        ("United Parcel Service - Ground", "UPS"),
        ("United States Postal Service - Priority Mail Medium Flat Rate Box", "USPS"),
        ("Federal Express - Home Delivery", "FedEx"),
        ("Federal Express - Smart Post", "FEDEXSP"),
        ("DHL - Express worldwide", "DHL"),
        # Codes as Magento\Sales\Model\Order::getShippingMethod has them: "<carrier>_<method>".
        ("ups_GND", "UPS"),
        ("ups_03", "UPS"),
        ("usps_0_FCP", "USPS"),
        ("usps_1", "USPS"),
        ("fedex_FEDEX_2_DAY_AM", "FedEx"),
        ("fedex_SMART_POST", "FEDEXSP"),
        ("ups_ground", "UPS"),
        ("usps_priority_mail", "USPS"),
        ("fedex-home-delivery", "FedEx"),
        ("stamps_com", "USPS"),
        # What people write.
        ("UPS", "UPS"),
        ("UPS Ground", "UPS"),
        ("UPS® Next Day Air® Early A.M.", "UPS"),
        ("UPS&reg; 2nd Day Air", "UPS"),
        ("  ups   ground  shipping ", "UPS"),
        ("UPS SurePost", "UPS"),
        ("UPS Mail Innovations", "UPSMI"),
        ("UPS Expedited Mail Innovations", "UPSMI"),
        ("USPS Priority Mail", "USPS"),
        ("USPS Priority Mail 2-Day™", "USPS"),
        ("USPS Ground Advantage", "USPS"),
        ("Priority Mail Express", "USPS"),
        ("U.S. Postal Service", "USPS"),
        ("FedEx 2Day®", "FedEx"),
        ("Fed-Ex Ground", "FedEx"),
        ("FedEx SmartPost", "FEDEXSP"),
        ("FedEx Smart Post®", "FEDEXSP"),
        ("FedEx Ground Economy", "FEDEXSP"),
        ("SmartPost", "FEDEXSP"),
        ("DHL Express", "DHL"),
        ("DHL eCommerce", "DHL Ecommerce - US"),
        ("DHL SmartMail Parcel Plus Ground", "DHL Ecommerce - US"),
        ("OnTrac Ground", "OnTrac"),
        ("LaserShip", "LS"),
        ("United Delivery Service", "UDS"),
        ("R+L Carriers", "RL Carriers"),
        ("Estes Express", "Estes Express"),
        ("Metropolitan Warehouse and Delivery", "Metropolitan Warehouse & Delivery"),
    ],
)
def test_a_service_names_its_carrier(text: str, carrier: str) -> None:
    assert find(text) == carrier
    assert find(text.upper()) == carrier


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "custom", "Custom Title", "Ground", "Express", "Shipping", "Home Delivery"),
        *("Acme Freight", "UPS Store Courier", "FedEx Office Courier", "USPS-like", "DHL Paket"),
        *("Ups and Downs Logistics", "UPS or FedEx", "UPS/USPS", "not UPS", "UPSGround2Go"),
        *("flatrate_flatrate", "tablerate_bestway", "freeshipping", "United", "Federal", "Post"),
        *("express saver " * 15, "ups " * 70),
    ],
)
def test_a_first_word_or_a_service_alone_names_no_carrier(text: str) -> None:
    assert find(text) is None


def test_each_of_walmarts_names_names_itself() -> None:
    assert [name for name in CARRIERS if find(name) != name] == []


def test_each_name_and_each_service_of_the_table_has_one_meaning_and_a_source() -> None:
    longer = {
        plain(name): entry.carrier for entry in carrier_services.table() for name in entry.names
    }
    for entry in carrier_services.table():
        assert entry.source
        assert entry.carrier in CARRIERS
        for name in entry.names:
            assert find(name) == entry.carrier
            for service in entry.services:
                found = find(f"{name} {service}")
                assert found == longer.get(f"{plain(name)} {service}", entry.carrier) or (
                    found in {"UPSMI", "FEDEXSP", "DHL Ecommerce - US"}
                ), (name, service)


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    assert find(text) in {None, *CARRIERS}
