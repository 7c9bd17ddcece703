"""Limits of PostgreSQL's types, checked on every value that comes from another system.

PostgreSQL text takes no NUL and no lone surrogate, and its integers end at 2^63 - 1. JSON allows
all of them.
"""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

INT = 1_000_000
BIGINT = 2**63 - 1
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_EARLIEST, _LATEST = 1970, 9000


def is_storable(text: str) -> bool:
    """Return whether PostgreSQL can store a text unchanged."""
    # mutation: unstorable-text
    return storable(text) == text


def storable(text: str) -> str:
    """Replace each character that PostgreSQL cannot store with U+FFFD."""
    return (
        text.replace("\x00", REPLACEMENT)
        .encode("utf-16", "surrogatepass")
        .decode("utf-16", "replace")
    )


def storable_json(value: object) -> object:
    """Apply `storable` to every text and key of a JSON value. Raises RecursionError if too deep."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [storable_json(each) for each in value]
    if isinstance(value, dict):
        return {storable(str(name)): storable_json(each) for name, each in value.items()}
    return value


def decimal(text: str) -> Decimal | None:
    """Parse a number, which may be of any size or infinite. None if the text is none."""
    if "_" in text:
        # Python would read "1_0" as 10.
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def whole_number(value: object, maximum: int = BIGINT) -> int | None:
    """Parse a whole number from 0 to maximum, also from text such as "1.0000"; else None."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    if isinstance(value, int):
        return value if 0 <= value <= maximum else None
    number = decimal(str(value))
    if number is None:
        return None
    # The range is checked before the conversion to int: 1e1000000 has a million digits.
    in_range = number.is_finite() and 0 <= number <= maximum
    return int(number) if in_range and number == number.to_integral_value() else None


def utc_time(at: datetime) -> datetime | None:
    """Convert a time to UTC; a naive time is taken as UTC. None outside the years 1970 to 9000."""
    try:
        in_utc = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        return None
    return in_utc if _EARLIEST <= in_utc.year <= _LATEST else None
