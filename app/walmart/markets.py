"""Differences between Walmart's markets, as far as its pages document them.

CA and MX have only Walmart's Global APIs: the same host and paths as in the US, with the market in
a header (Walmart, "Choose an orders API"). A call without the header would reach the US account, so
every call sends it. Everything else is assumed to be as in the US; CA and MX were not tried.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

GLOBAL_VERSION = "3.1"


class Market(StrEnum):
    """The market of a seller account."""

    US = "US"
    CA = "CA"
    MX = "MX"


# Commerce's reason to Walmart's code (contract, Cancel; Walmart, "Cancel order lines", by market).
_US = {
    "pricing_error": "SELLER_CANCEL_PRICING_ERROR",
    "out_of_stock": "SELLER_CANCEL_OUT_OF_STOCK",
    "address_not_serviceable": "SELLER_CANCEL_ADDRESS_NOT_SERVICEABLE",
    "fraud": "SELLER_CANCEL_FRAUD_STOP_SHIPMENT",
    "customer_request": "CUSTOMER_REQUESTED_SELLER_TO_CANCEL",
}
_CA = dict.fromkeys(_US, "CANCEL_BY_SELLER") | {
    "customer_request": "CUSTOMER_REQUESTED_SELLER_TO_CANCEL"
}
_MX = dict.fromkeys(_US, "SELLER_REJECTION") | {
    "pricing_error": "MIRAKL_REFUND_45",
    "out_of_stock": "MIRAKL_REFUND_15",
}
CANCELLATION_CODES: Mapping[Market, Mapping[str, str]] = MappingProxyType(
    {Market.US: _US, Market.CA: _CA, Market.MX: _MX}
)
CODES = frozenset(code for codes in CANCELLATION_CODES.values() for code in codes.values())


def headers(market: str) -> Mapping[str, str]:
    """Return the headers that name the market of a call."""
    if Market(market) is Market.US:
        return {}
    return {"WM_MARKET": market.lower(), "WM_GLOBAL_VERSION": GLOBAL_VERSION}


def shipping(body: Mapping[str, Any], market: str) -> dict[str, Any]:
    """Adapt a body of `shipping_body` or `tracking_body` to a market.

    CA requires the country that each line was shipped from.
    """
    if Market(market) is not Market.CA:
        return dict(body)
    shipment = body["orderShipment"]
    lines = [
        {**line, "shipFromCountry": Market.CA.value} for line in shipment["orderLines"]["orderLine"]
    ]
    return {"orderShipment": {**shipment, "orderLines": {"orderLine": lines}}}
