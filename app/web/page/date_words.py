"""Babel's words of days, times of day and time zones, kept for the next time that they are shown.

Days and minutes return on every page, so that each is put into words once for each language. The
words are those of `babel.dates`: `full` is its format_datetime in the format "full".
"""

from datetime import date, datetime, time, timedelta
from functools import lru_cache

from babel import dates

from app.web.page.viewer import Viewer, babel

# Stand for the seconds and the zone in the words of a minute.
_SECONDS, _ZONE = "\ue000", "\ue001"
_zones: dict[tuple[str, timedelta | None, bool, str], str] = {}


def full(own: datetime, viewer: Viewer) -> str:
    """A time in the viewer's zone, to the second: `Monday, November 30, 2026, 7:02:05 AM …`."""
    locale = viewer.locale
    minute = _minute(own.hour, own.minute, "full", locale)
    said = minute.replace(_SECONDS, f"{own.second:02}").replace(_ZONE, _zone(own, viewer))
    return _joint(locale).replace("{0}", said).replace("{1}", _date(own.date(), "full", locale))


def clock(own: datetime, locale: str) -> str:
    """The time of day of a local time: `7:02 AM`."""
    return _minute(own.hour, own.minute, "short", locale)


def day(own: date, locale: str, *, year: bool) -> str:
    """A day: `Nov 27`, or with its year `Nov 27, 2025`."""
    return _date(own, "medium" if year else "", locale)


@lru_cache(maxsize=4096)
def _date(own: date, form: str, locale: str) -> str:
    if not form:
        return dates.format_skeleton("MMMd", own, locale=babel(locale))
    return dates.format_date(own, form, locale=babel(locale))


@lru_cache(maxsize=3 * 2 * 24 * 60)
def _minute(hour: int, minute: int, form: str, locale: str) -> str:
    pattern = babel(locale).time_formats[form].pattern
    pattern = pattern.replace("ss", f"'{_SECONDS}'").replace("zzzz", f"'{_ZONE}'")
    return dates.format_time(time(hour, minute), pattern, locale=babel(locale))


@lru_cache
def _joint(locale: str) -> str:
    """How a date {1} and a time {0} are put together."""
    return str(dates.get_datetime_format("full", locale=babel(locale))).replace("'", "")


def _zone(own: datetime, viewer: Viewer) -> str:
    key = (viewer.zone_name, own.utcoffset(), bool(own.dst()), viewer.locale)
    if key not in _zones:
        _zones[key] = dates.get_timezone_name(own, locale=babel(viewer.locale))
    return _zones[key]
