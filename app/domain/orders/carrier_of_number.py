"""Recognise the carrier that issued a tracking number, by the number's form and check digit.

Each form is published by its carrier. All of them are also in jkeen/tracking_number_data, which has
numbers to test with. A form with letters or a fixed prefix is `certain`: hardly any number of
another carrier has it. One of eleven or ten numbers of 12 or 15 plain digits has the check digit of
a FedEx number by chance.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from app.domain.orders.tracking_key import tracking_key


@dataclass(frozen=True, slots=True)
class NumberForm:
    """A form of tracking number with its check digit."""

    carrier: str
    """The carrier in Walmart's spelling."""
    pattern: re.Pattern[str]
    """The groups are what the check is made of: the digits, then the check digit."""
    check: Callable[[str], int]
    """The check digit that belongs to the digits."""
    certain: bool = True


def _mod_10(last: int, last_but_one: int) -> Callable[[str], int]:
    """Two weights alternate from the right, and the sum ends at a multiple of ten."""

    def check(digits: str) -> int:
        values = [_value(each) for each in reversed(digits)]
        return -(last * sum(values[::2]) + last_but_one * sum(values[1::2])) % 10

    return check


def _value(character: str) -> int:
    """A letter counts as its place in the alphabet plus 1, modulo 10."""
    return int(character) if character.isdigit() else (ord(character) - 63) % 10


def _weighted(weights: str, modulus: int, remainders: dict[int, int]) -> Callable[[str], int]:
    def check(digits: str) -> int:
        total = sum(int(w) * int(d) for w, d in zip(weights, digits, strict=True))
        rest = total % modulus
        return remainders.get(rest, rest)

    return check


# UPU standard S10: 11 minus the rest; 10 is written 0, and 11 is written 5.
_S10 = {rest: {1: 0, 0: 5}.get(rest, 11 - rest) for rest in range(11)}
FORMS = (
    # UPS, "Tracking number formats".
    NumberForm("UPS", re.compile(r"1Z([0-9A-Z]{15})([0-9])"), _mod_10(1, 2)),
    # USPS Publication 199, Intelligent Mail package barcode, with or without the routing code.
    NumberForm(
        "USPS",
        re.compile(r"(?:420(?:\d{5}|\d{9}))?(9[1-5](?:\d{17}|\d{19}|\d{23}))(\d)"),
        _mod_10(3, 1),
    ),
    NumberForm("USPS", re.compile(r"[A-Z]{2}(\d{8})(\d)US"), _weighted("86423597", 11, _S10)),
    # OnTrac, "C" or "D" and 14 digits.
    NumberForm("OnTrac", re.compile(r"([CD]\d{13})(\d)"), _mod_10(2, 1)),
    # FedEx Ground label layout specification, barcode "96", and its 15 digits.
    NumberForm("FedEx", re.compile(r"96\d{5}(\d{14})(\d)"), _mod_10(3, 1)),
    NumberForm("FedEx", re.compile(r"(\d{14})(\d)"), _mod_10(3, 1), certain=False),
    # FedEx Express: the rest modulo 11, and 10 is written 0.
    NumberForm(
        "FedEx", re.compile(r"(\d{11})(\d)"), _weighted("31731731731", 11, {10: 0}), certain=False
    ),
)
# Carriers with these numbers besides their issuer: those that hand parcels over to it, and brands.
_SHARED = {
    "USPS": frozenset(
        {
            *("UPSMI", "FEDEXSP", "FedEx", "FDX", "DHL Ecommerce - US", "OSM Worldwide"),
            *("FIRST MILE", "Asendia", "ePost Global", "Sendle", "Landmark Global"),
            "Better Trucks",
        }
    ),
    "FedEx": frozenset({"FDX", "FEDEXSP"}),
}
# Carriers that never write a number as 12 or 15 plain digits.
_NOT_PLAIN = frozenset({"UPS", "USPS"})


def owner(number: str, *, certain: bool = True) -> str | None:
    """Return the carrier that issued a number, in Walmart's spelling. None means not known.

    certain: leave out forms that numbers of other carriers have by chance.
    """
    key = tracking_key(number)
    for form in FORMS:
        found = form.pattern.fullmatch(key) if key.isascii() else None
        if found and form.check(found[1]) == int(found[2]) and (form.certain or not certain):
            return form.carrier
    return None


def belongs_elsewhere(number: str, carrier: str) -> str | None:
    """Return the carrier that issued a number. None means that it may be of the carrier given."""
    sure = owner(number, certain=carrier not in _NOT_PLAIN)
    if sure is None or sure == carrier or carrier in _SHARED.get(sure, ()):
        return None
    return sure
