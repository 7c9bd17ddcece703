"""Recognise the carrier of a tracking number by its check digit.

Forms: UPS 1Z numbers (UPS, "Tracking number formats"), USPS Intelligent Mail package barcodes
(USPS Publication 199) and S10 items from the United States (UPU standard S10). Numbers of other
carriers are plain digits that several carriers could have issued, so they are not recognised.
"""

import re

from app.domain.orders.tracking_key import tracking_key

_UPS = re.compile(r"1Z[0-9A-Z]{15}[0-9]")
_USPS = re.compile(r"(?:420(?:\d{5}|\d{9}))?(9[1-5]\d{18}|9[1-5]\d{20})")
_S10 = re.compile(r"[A-Z]{2}(\d{8})(\d)US")
_S10_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)

# Carriers that hand parcels to USPS for the last mile, with USPS numbers.
_WITH_USPS_NUMBERS = frozenset(
    {
        *("USPS", "UPSMI", "FEDEXSP", "FedEx", "FDX", "DHL Ecommerce - US", "OSM Worldwide"),
        *("FIRST MILE", "Asendia", "ePost Global", "Sendle", "Landmark Global", "Better Trucks"),
    }
)


def owner(number: str) -> str | None:
    """Return the carrier that issued a number, in Walmart's spelling. None means not certain."""
    key = tracking_key(number)
    if _UPS.fullmatch(key) and _ups_check(key):
        return "UPS"
    usps, s10 = _USPS.fullmatch(key), _S10.fullmatch(key)
    if (usps and _mod_10(usps[1])) or (s10 and _mod_11(s10[1], s10[2])):
        return "USPS"
    return None


def belongs_elsewhere(number: str, carrier: str) -> str | None:
    """Return the carrier that issued a number. None means that it may be of the carrier given."""
    sure = owner(number)
    if sure is None or sure == carrier or (sure == "USPS" and carrier in _WITH_USPS_NUMBERS):
        return None
    return sure


def _ups_check(key: str) -> bool:
    """Check a UPS number: a letter counts (code - 63) mod 10, every second character twice."""
    values = [int(c) if c.isdigit() else (ord(c) - 63) % 10 for c in key[2:]]
    total = sum(values[:15:2]) + 2 * sum(values[1:15:2])
    return -total % 10 == values[15]


def _mod_10(digits: str) -> bool:
    """Check a USPS number: from the right, digits count three times and once alternately."""
    values = [int(c) for c in digits[-2::-1]]
    return -(3 * sum(values[::2]) + sum(values[1::2])) % 10 == int(digits[-1])


def _mod_11(digits: str, check: str) -> bool:
    rest = 11 - sum(w * int(c) for w, c in zip(_S10_WEIGHTS, digits, strict=True)) % 11
    return {10: 0, 11: 5}.get(rest, rest) == int(check)
