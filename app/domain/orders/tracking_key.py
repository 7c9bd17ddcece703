"""Tracking numbers as they are sent and compared, without what a person cannot see in them.

A number that was copied from a page or scanned often brings no-break spaces, zero-width characters,
a byte order mark or a typographic hyphen. `str.isspace` and the general categories of Unicode
(Unicode Standard Annex #44, table 12) say what they are: Zs, Zl and Zp are white space, Cf are
format characters, Pd are dashes.
"""

import functools
import re
from unicodedata import category

# Hyphens that Unicode does not count among the dashes: HYPHEN BULLET and MINUS SIGN.
_HYPHENS = frozenset("\u2043\u2212")
# A tab, or a line break by Unicode Standard Annex #14 (classes BK, CR, LF and NL).
_BREAK = re.compile("[\t\n\v\f\r\x85\u2028\u2029]")
# Characters of the shortest number that a person may have put beside another.
_SHORTEST = 8


def visible(number: str) -> str:
    """Return a number without white space and format characters, each hyphen as `-`."""
    if number.isascii():  # the common case: no other hyphen, no format character
        return "".join(number.split())
    return "".join("-" if _is_hyphen(each) else each for each in number if not _is_invisible(each))


# A read-back asks for the same few numbers again for each pair of an order's shipments.
@functools.lru_cache(maxsize=1024)
def tracking_key(number: str) -> str:
    """Normalise a tracking number for sending and comparison: `visible`, no hyphens, upper case."""
    return visible(number).replace("-", "").upper()


def looks_like_two(number: str) -> bool:
    """Whether a line break or tab separates parts that are each long enough for a number."""
    parts = [part for part in _BREAK.split(number) if len(tracking_key(part)) >= _SHORTEST]
    # mutation: two-tracking-numbers
    return len(parts) > 1


def _is_invisible(character: str) -> bool:
    # mutation: invisible-characters
    return character.isspace() or category(character) == "Cf"


def _is_hyphen(character: str) -> bool:
    return character in _HYPHENS or category(character) == "Pd"
