"""For whom a page is rendered: language, time zone, and the present time.

Templates, filters and macros read it from a context variable, which `render` sets for the time of
one rendering.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from starlette.requests import Request

from app.web.page import i18n

ZONE_COOKIE = "waybill-zone"


@dataclass(frozen=True, slots=True)
class Viewer:
    """For whom a page is rendered."""

    locale: str
    zone: tzinfo
    zone_name: str
    """IANA name of the zone; UTC until the browser's script has set its own."""
    now: datetime

    @property
    def babel(self) -> Locale:
        """The locale with its forms of dates and numbers."""
        return babel(self.locale)

    def raw(self, text: str) -> str:
        """Translate a text, and leave `%(name)s` in it."""
        return i18n.translations(self.locale).gettext(text)

    def raw_plural(self, one: str, many: str, count: int) -> str:
        """Translate a text by a number, and leave `%(name)s` in it."""
        return i18n.translations(self.locale).ngettext(one, many, count)

    def gettext(self, text: str, **values: object) -> str:
        """Translate a text, and put values in place of `%(name)s`."""
        return self.raw(text) % values

    def ngettext(self, one: str, many: str, count: int, **values: object) -> str:
        """Translate a text by a number, which is also the value `%(num)s`."""
        return self.raw_plural(one, many, count) % {"num": count, **values}


@cache
def babel(locale: str) -> Locale:
    """One of our locales, with its forms of dates and numbers."""
    return Locale.parse(locale)


CURRENT: ContextVar[Viewer] = ContextVar("waybill_viewer")


@contextmanager
def viewing(viewer: Viewer) -> Iterator[None]:
    """Let filters of formats.py write for a viewer outside of a template."""
    before = CURRENT.set(viewer)
    try:
        yield
    finally:
        CURRENT.reset(before)


def viewer_of(request: Request, now: datetime) -> Viewer:
    """For whom the page of a request is rendered."""
    zone, name = _zone(request.cookies.get(ZONE_COOKIE, ""))
    return Viewer(i18n.locale_of(request), zone, name, now)


def _zone(name: str) -> tuple[tzinfo, str]:
    try:
        return (ZoneInfo(name), name) if name else (UTC, "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC, "UTC"
