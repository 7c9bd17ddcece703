"""Times without a zone, as files have them: the zone of a store, and days in it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

from app.domain import db_limits

# The zone of a store without one: where most people of its market live.
OF_MARKET = {"US": "America/New_York", "CA": "America/Toronto", "MX": "America/Mexico_City"}
# The first zone in which a day begins.
_EARLIEST = timezone(timedelta(hours=14))


@dataclass(frozen=True, slots=True)
class WrittenTime:
    """A time as a file has it."""

    at: datetime
    """Of a date alone, the start of that day. Aware."""
    ends: datetime | None = None
    """The end of the day of a date alone. None means that the time of day is known."""
    begun_at: datetime | None = None
    """When the day of a date alone begins anywhere. None as `ends`."""

    def shipped_at(self, ordered_at: datetime | None, now: datetime) -> datetime:
        """The time of a shipment of an order.

        Of a date alone it is the later of the day's start and the order's time, never after now.
        Another day than the order's is not moved: the rules of a shipment refuse it.
        """
        if self.ends is None or self.begun_at is None or self.begun_at > now:
            return self.at
        if ordered_at is not None and self.ends <= ordered_at:
            return self.at
        # mutation: date-without-time
        return min(max(self.at, ordered_at or self.at), now)


def exists(name: str) -> bool:
    """Whether a name is one of the IANA time zone database."""
    return _zone(name) is not None


def read(text: str, zone: str | None, market: str) -> WrittenTime | None:
    """Read a date, or a time with or without a zone. None means that it is neither."""
    place = _zone(zone or OF_MARKET[market]) or UTC
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return _time_of_day(text, place)
    try:
        start, end = (_midnight(day + timedelta(days=days), place) for days in (0, 1))
        begun = datetime.combine(day, time(), _EARLIEST)
    except OverflowError:
        return None
    at = db_limits.utc_time(start)
    return WrittenTime(at, end.astimezone(UTC), begun.astimezone(UTC)) if at else None


def _midnight(day: date, place: ZoneInfo | timezone) -> datetime:
    return datetime.combine(day, time(), place)


def _time_of_day(text: str, place: ZoneInfo | timezone) -> WrittenTime | None:
    try:
        written = datetime.fromisoformat(text)
        at = db_limits.utc_time(written if written.tzinfo else written.replace(tzinfo=place))
    except (ValueError, OverflowError):
        return None
    return WrittenTime(at) if at else None


def _zone(name: str) -> ZoneInfo | None:
    # The database is in files, and not every file is a zone.
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return None
