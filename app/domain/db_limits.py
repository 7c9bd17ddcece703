"""What the database can hold of what others say: text, whole numbers, times.

PostgreSQL takes no NUL in text, and UTF-8 no half of a surrogate pair; its numbers end at 2^63.
JSON has all of them. Whoever reads something of another system's asks here.
"""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

INT = 1_000_000
BIGINT = 2**63 - 1
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_EARLIEST, _LATEST = 1970, 9000


def holds(text: str) -> bool:
    """Whether text can be stored as it is."""
    return mended(text) == text


def mended(text: str) -> str:
    """Text with the replacement character for whatever cannot be stored."""
    return (
        text.replace("\x00", REPLACEMENT)
        .encode("utf-16", "surrogatepass")
        .decode("utf-16", "replace")
    )


def mended_all(value: object) -> object:
    """Any JSON with its text mended, names too. Raises RecursionError where it is too deep."""
    if isinstance(value, str):
        return mended(value)
    if isinstance(value, list):
        return [mended_all(each) for each in value]
    if isinstance(value, dict):
        return {mended(str(name)): mended_all(each) for name, each in value.items()}
    return value


def whole(value: object, most: int = BIGINT) -> int | None:
    """A whole number from 0 to most out of a number or text such as "1.0000"; else None."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    if isinstance(value, int):
        return value if 0 <= value <= most else None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    # Before it is made an int: 1e1000000 has a million digits.
    if not number.is_finite() or not 0 <= number <= most or number != number.to_integral_value():
        return None
    return int(number)


def moment(at: datetime) -> datetime | None:
    """A time in UTC (which one without a zone is taken to be in), None outside 1970 to 9000."""
    try:
        in_utc = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        return None
    return in_utc if _EARLIEST <= in_utc.year <= _LATEST else None
