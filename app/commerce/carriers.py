"""Default carrier mapping: Commerce's codes and titles to Walmart's carriers.

The codes are those of Commerce's own shipping modules. Merchants often type the name of the carrier
as the title of a `custom` carrier.
"""

_BY_CODE = {"ups": "UPS", "usps": "USPS", "fedex": "FedEx", "dhl": "DHL", "ontrac": "OnTrac"}
_BY_TITLE = {
    "united parcel service": "UPS",
    "united states postal service": "USPS",
    "us postal service": "USPS",
    "federal express": "FedEx",
    "fed ex": "FedEx",
    "dhl express": "DHL",
    "lasership": "LS",
    "laser ship": "LS",
    "united delivery service": "UDS",
    "ups mail innovations": "UPSMI",
    "firstmile": "FIRST MILE",
}


def walmart_name(code: str, title: str | None) -> str | None:
    """Return Walmart's name of a Commerce carrier. None means that the default map has none."""
    known = _BY_CODE.get(code.strip().casefold())
    if known is not None or title is None:
        return known
    return _BY_TITLE.get(title.strip().casefold())
