"""What differs between Walmart's markets, as far as its pages say so.

CA and MX are served by Walmart's Global APIs only: the same host and paths as in the US, with
the market in a header (Walmart, "Choose an orders API"). A call without it would reach the US
account, so every call says it. What this module does not name is taken to be as in the US;
nothing of CA and MX was tried at Walmart.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

GLOBAL_VERSION = "3.1"


class Market(StrEnum):
    """Where a seller account sells."""

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
    """What a call says of its market."""
    if Market(market) is Market.US:
        return {}
    return {"WM_MARKET": market.lower(), "WM_GLOBAL_VERSION": GLOBAL_VERSION}


def shipping(body: Mapping[str, Any], market: str) -> dict[str, Any]:
    """A body of `messages.shipping_body` or `tracking_body` as the market wants it.

    CA asks of each line from which country it was shipped.
    """
    if Market(market) is not Market.CA:
        return dict(body)
    shipment = body["orderShipment"]
    lines = [
        {**line, "shipFromCountry": Market.CA.value} for line in shipment["orderLines"]["orderLine"]
    ]
    return {"orderShipment": {**shipment, "orderLines": {"orderLine": lines}}}
