"""Walmart's rate-limit headers: calls left in the bucket, and when it refills.

Walmart's pages spell the header for the time in two ways and do not name its unit; integrators
see milliseconds since 1970. Retry-After is documented for none of the order endpoints, and is
honoured if it is sent.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# A bucket of many calls a second refills soon.
SHORTEST = timedelta(milliseconds=50)
LONGEST = timedelta(minutes=5)
# Larger numbers cannot be seconds since 1970 (that would be the year 5138): they are milliseconds.
_MILLISECONDS_ABOVE = 1e11
# Walmart's Date header has whole seconds; with a larger difference one of the clocks is wrong.
_CLOCKS_AGREE = timedelta(seconds=2)
_COUNT = "x-current-token-count"
_REPLENISHED_AT = ("x-next-replenish-time", "x-next-replenishment-time")


def tokens_left(headers: Mapping[str, str]) -> int | None:
    """Return the calls left in the endpoint's bucket. None means that Walmart does not say."""
    value = _lower(headers).get(_COUNT)
    try:
        return None if value is None else max(int(float(value)), 0)
    except (ValueError, OverflowError):
        return None


def replenish_in(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Return the time until the next token, between SHORTEST and LONGEST. None means not given.

    now is an aware time of this host's clock. If Walmart's Date header disagrees with it, Walmart's
    clock counts, because the header's time is of that clock. Header names may have any case.
    """
    given = _lower(headers)
    now = _walmarts(given.get("date"), now)
    wait = _after(given.get("retry-after"), now)
    for name in _REPLENISHED_AT:
        if wait is None and name in given:
            moment = instant(given[name])
            wait = moment - now if moment else None
    return None if wait is None else min(max(wait, SHORTEST), LONGEST)


def instant(value: object) -> datetime | None:
    """Read a time as Walmart writes it: milliseconds or seconds since 1970, or ISO 8601.

    Numbers may come as text; a naive time is taken as UTC. None for anything else.
    """
    if value is None or isinstance(value, bool):
        return None
    text = str(value).strip()
    try:
        number = float(text)
    except ValueError:
        return _iso(text)
    try:
        return datetime.fromtimestamp(
            number / 1000 if abs(number) > _MILLISECONDS_ABOVE else number, UTC
        )
    except (ValueError, OverflowError, OSError):
        return None


def _iso(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _after(value: str | None, now: datetime) -> timedelta | None:
    if value is None:
        return None
    try:
        return timedelta(seconds=float(value))
    except (ValueError, OverflowError):
        pass
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now


def _walmarts(date: str | None, now: datetime) -> datetime:
    # mutation: invalid-date-header
    try:
        theirs = parsedate_to_datetime(date) if date else now
    except (ValueError, OverflowError):
        return now
    theirs = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
    return now if abs(theirs - now) <= _CLOCKS_AGREE else theirs


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
