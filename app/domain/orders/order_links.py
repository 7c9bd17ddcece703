"""Addresses outside of Waybill that belong to an order: Seller Center, Commerce, the carrier.

The carriers publish their tracking pages; Walmart documents no address of an order in Seller
Center, so its search by purchase order number is linked, in the market where it is known.
"""

from collections.abc import Mapping
from urllib.parse import quote

from app.domain.orders.tracking_key import tracking_key

ENTITY_ID = "{entity_id}"
"""Stands for the id of the order in the address of Commerce's Admin."""
_SELLER_CENTER = {
    "US": "https://seller.walmart.com/orders/manage-orders?orderGroups=All&poNumber={number}",
}
_FEDEX = "https://www.fedex.com/fedextrack/?trknbr={number}"
_ONTRAC = "https://www.ontrac.com/tracking/?number={number}"
# By Walmart's name of the carrier. LaserShip (LS) became OnTrac in 2023.
_TRACKING_PAGES = {
    "UPS": "https://www.ups.com/track?tracknum={number}",
    "USPS": "https://tools.usps.com/go/TrackConfirmAction?tLabels={number}",
    "FedEx": _FEDEX,
    "FDX": _FEDEX,
    "FEDEXSP": _FEDEX,
    "OnTrac": _ONTRAC,
    "LS": _ONTRAC,
    "DHL": "https://www.dhl.com/en/express/tracking.html?AWB={number}",
    "Canada Post": "https://www.canadapost-postescanada.ca/track-reperage/en#/search?searchFor="
    "{number}",
    "Royal Mail": "https://www.royalmail.com/track-your-item#/tracking-results/{number}",
}


def seller_center(market: str, purchase_order_id: str) -> str | None:
    """The order in Seller Center. None means that the market's address is not known."""
    page = _SELLER_CENTER.get(market)
    return page and page.format(number=quote(purchase_order_id, safe=""))


def commerce_order(template: str | None, commerce_order_id: int | None) -> str | None:
    """The order in Commerce's Admin. template: the store's setting, with `{entity_id}`."""
    if template is None or commerce_order_id is None:
        return None
    return template.replace(ENTITY_ID, str(commerce_order_id))


def tracking_page(
    carrier: Mapping[str, str], tracking_number: str, tracking_url: str | None
) -> str | None:
    """Where a package can be followed. None means that the carrier's page is not known.

    carrier: Walmart's carrier of the shipment, by the key `carrier` or `other`.
    """
    if tracking_url is not None:
        return tracking_url
    page = _TRACKING_PAGES.get(carrier.get("carrier", ""))
    return page and page.format(number=quote(tracking_key(tracking_number), safe=""))
