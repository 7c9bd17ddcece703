"""The carriers that a form offers: the usual ones first, and which code is sent for each."""

from app.domain.orders.requests import CarrierMap
from app.storage.stores.stores import ShippingRules
from app.web.page.carrier_choices import choices

_USUAL = ["FedEx", "UPS", "USPS"]


def test_the_usual_carriers_come_first_and_the_others_by_name() -> None:
    offered = choices(ShippingRules({}, None, "US"))
    names = list(offered.walmart.values())
    assert (names[:3], dict(offered.own)) == (_USUAL, {})
    assert names[3:] == sorted(names[3:], key=str.casefold)
    assert len(names) == len(set(names))
    assert len(names) > 50


def test_a_stores_own_codes_are_a_list_of_their_own_and_are_not_offered_twice() -> None:
    own: CarrierMap = {
        "zebra": {"other": "Zebra", "tracking_url": None},
        "parcels": "UPS",
        "acme": {"other": "Acme", "tracking_url": "https://acme.example/{tracking_number}"},
    }
    offered = choices(ShippingRules(own, None, "US"))
    assert list(offered.own.items()) == [("parcels", "UPS"), ("acme", "Acme"), ("zebra", "Zebra")]
    assert list(offered.walmart.values())[:2] == ["FedEx", "USPS"]
    assert offered.of_number("1Z999AA10123456784") == "parcels"
    assert offered.without_page == {"zebra"}
