"""Find Walmart's carrier in a code or title of Commerce, such as `ups_ground` or `FedEx 2Day®`.

Every word of the text must belong to the carrier: its names, its services, and a few words that say
nothing. A first word alone proves nothing: "UPS Store Courier" is not UPS. Of several carriers the
one with the longest name in the text wins: "FedEx Ground Economy" is FEDEXSP, not FedEx.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from html import unescape
from unicodedata import normalize

from app.walmart import carrier_services

_MARKS = re.compile("[®™℠.'\u2019]")
_NOT_A_WORD = re.compile("[^a-z0-9]+")
# Words that name neither a carrier nor a service.
_SAY_NOTHING = ("shipping", "delivery", "service", "services", "via", "by", "carrier", "r", "tm")
_LONGEST = 200
# Words of the longest name of a service, with its carrier and other words.
_MOST_WORDS = 20


def plain(text: str) -> str:
    """Return a text in the form that is compared: lower case, one space between words."""
    marked = _MARKS.sub("", unescape(text[:_LONGEST])).replace("&", " and ").replace("+", " and ")
    return " ".join(_NOT_A_WORD.sub(" ", normalize("NFKC", marked).casefold()).split())


@lru_cache(maxsize=4096)
def find(text: str) -> str | None:
    """Return Walmart's name of the carrier that a text names. None means that it names none."""
    words = plain(text).split()
    if len(words) > _MOST_WORDS:
        return None
    named = {
        " ".join(words[start:end])
        for start in range(len(words))
        for end in range(start + 1, len(words) + 1)
    }
    found = [
        (len(name), carrier)
        for name in named & _CARRIERS.keys()
        for carrier in _CARRIERS[name]
        if _consists_of(words, _PHRASES[carrier])
    ]
    return max(found)[1] if found else None


def _consists_of(words: list[str], phrases: frozenset[str]) -> bool:
    reached = {0}
    for start in range(len(words)):
        if start in reached:
            ends = range(start + 1, len(words) + 1)
            reached.update(end for end in ends if " ".join(words[start:end]) in phrases)
    # mutation: carrier-by-whole-title
    return len(words) in reached


def _by_name() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entry in carrier_services.table():
        for name in map(plain, entry.names):
            carriers = found.setdefault(name, [])
            if entry.carrier not in carriers:
                carriers.append(entry.carrier)
    return found


def _by_carrier() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for entry in carrier_services.table():
        phrases: Iterable[str] = (*map(plain, entry.names), *entry.services, *_SAY_NOTHING)
        found.setdefault(entry.carrier, set()).update(phrases)
    return {carrier: frozenset(phrases) for carrier, phrases in found.items()}


_CARRIERS = _by_name()
_PHRASES = _by_carrier()
