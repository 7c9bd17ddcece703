"""Walmart's carriers, in its own spelling.

A carrier that is not in the list is sent as `otherCarrier`, with a tracking URL for the buyer.
Source: Walmart's orders API (June 2026) and its notice of ten more carriers (October 2026).
"""

from dataclasses import dataclass

# The lowest similarity (0 to 100) of a suggestion.
_MIN_SIMILARITY = 80

_UNTIL_2023 = (
    *("UPS", "USPS", "FedEx", "Airborne", "OnTrac", "DHL Ecommerce - US", "DHL", "LS", "UDS"),
    *("UPSMI", "FDX", "PILOT", "ESTES", "SAIA", "FDS Express", "Seko Worldwide", "HIT Delivery"),
    *("FEDEXSP", "RL Carriers", "Metropolitan Warehouse & Delivery", "China Post", "YunExpress"),
    *("Yellow Freight Sys", "AIT Worldwide Logistics", "Chukou1", "Sendle", "Landmark Global"),
    *("Sunyou", "Yanwen", "4PX", "GLS", "OSM Worldwide", "FIRST MILE", "AM Trucking", "CEVA"),
    *("India Post", "SF Express", "CNE", "TForce Freight", "AxleHire", "LSO", "Royal Mail"),
    *("ABF Freight System", "WanB", "Roadrunner Freight", "Meyer Distribution", "AAA Cooper"),
    *("Canada Post", "Southeastern Freight Lines", "Japan Post", "Correos de Mexico"),
    *("XPO Logistics", "JD Logistics", "YDH", "JCEX", "Flyt", "Deutsche Post"),
)
_UNTIL_JUNE_2026 = (
    *("Better Trucks", "Asendia", "SFC", "UBI", "ePost Global", "YF Logistics", "RXO"),
    *("Estes Express", "Shypmax", "WIN.IT America", "PITT OHIO", "PostNord Sweden", "Equick"),
    *("Whistl", "Tusou", "Shiprocket", "DTDC", "PTS"),
)
_OCTOBER_2026 = (
    *("Aramex", "Xindus", "Spreetail", "P2PG", "UniUni", "GOFO", "SwiftX", "Exelot", "DoorDash"),
    "SpeedX",
)
CARRIERS: tuple[str, ...] = _UNTIL_2023 + _UNTIL_JUNE_2026 + _OCTOBER_2026
_SPELLINGS = {name.casefold(): name for name in CARRIERS}


@dataclass(frozen=True, slots=True)
class WalmartCarrier:
    """The carrier of a package; exactly one of the fields is set."""

    carrier: str | None = None
    """A carrier of Walmart's list."""
    other: str | None = None
    """The name of any other carrier."""


def known(name: str) -> str | None:
    """Return Walmart's spelling of a carrier, for any casing. None means not in the list."""
    return _SPELLINGS.get(" ".join(name.split()).casefold())


def closest(name: str) -> str | None:
    """Return Walmart's carrier that a mistyped name most likely means. None means no match."""
    # For a mistake only: most processes never make one.
    from rapidfuzz import fuzz, process, utils  # noqa: PLC0415

    found = process.extractOne(
        name,
        CARRIERS,
        scorer=fuzz.ratio,
        processor=utils.default_process,
        score_cutoff=_MIN_SIMILARITY,
    )
    return found[0] if found else None
