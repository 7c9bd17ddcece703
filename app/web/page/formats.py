"""Filters of templates: times in the viewer's zone, money and numbers in the viewer's language.

A list shows hundreds of them. `date_words.py` keeps Babel's words of days and minutes, which it
takes a fifth of a millisecond for.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache

from babel import numbers
from markupsafe import Markup, escape

from app.web.page import date_words
from app.web.page.viewer import CURRENT, Viewer, babel

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def when(time: datetime | None, *, inside: bool = False) -> Markup:
    """A time as a person says it: `Today, 7:02 AM`; `today, 7:02 AM` inside a sentence."""
    return _element(time, _when, inside=inside)


def ago(time: datetime | None, *, inside: bool = False) -> Markup:
    """How long ago, up to an hour, which the browser's clock keeps true; then the time."""
    return _element(time, _ago, clock="ago", inside=inside)


def left(time: datetime | None, *, inside: bool = False) -> Markup:
    """The time that is left, within a day, which the browser's clock keeps true; else the time."""
    return _element(time, _left, clock="left", inside=inside)


def day(time: datetime | None, *, inside: bool = False) -> Markup:
    """The day of a time: `Today`, `Nov 27`, `Nov 27, 2025`; `today` inside a sentence."""
    return _element(time, _day, inside=inside)


def clock(time: datetime | None) -> Markup:
    """The time of day alone: `7:02 AM`."""
    return _element(time, _clock)


def duration(seconds: float | None) -> str:
    """A duration as a person says it: `0.4 s`, `38 s`, `12 min`, `3 h 12 min`, `2 d 3 h`."""
    viewer = CURRENT.get()
    if seconds is None:
        return ""
    if seconds < 10:  # noqa: PLR2004 - seconds that are shown with a tenth
        return viewer.gettext("%(count)s s", count=number(round(seconds, 1)))
    if seconds < _MINUTE:
        return viewer.gettext("%(count)s s", count=number(round(seconds)))
    minutes = int(seconds // _MINUTE)
    if seconds < _HOUR:
        return viewer.gettext("%(count)s min", count=minutes)
    if seconds < _DAY:
        return viewer.gettext(
            "%(hours)s h %(minutes)s min", hours=minutes // 60, minutes=minutes % 60
        )
    hours = int(seconds // _HOUR)
    return viewer.gettext("%(days)s d %(hours)s h", days=number(hours // 24), hours=hours % 24)


def money(amount: Decimal | str | float | None, currency: str | None = "USD") -> str:
    """An amount with its currency. None is an empty text."""
    if amount is None:
        return ""
    return _money(Decimal(str(amount)), currency or "USD", CURRENT.get().locale)


def number(value: float | Decimal | None) -> str:
    """A number with the separators of the language. None is an empty text."""
    return "" if value is None else _number(value, CURRENT.get().locale)


def percent(share: float | None) -> str:
    """A share of 1 as a percentage with at most one decimal. None is an empty text."""
    if share is None:
        return ""
    locale = CURRENT.get().babel
    return numbers.format_percent(share, format="#,##0.#%", locale=locale)


FILTERS: Mapping[str, Callable[..., str]] = {
    each.__name__: each for each in (when, ago, left, day, clock, duration, money, number, percent)
}


@lru_cache(maxsize=4096)
def _money(amount: Decimal, currency: str, locale: str) -> str:
    return numbers.format_currency(amount, currency, locale=babel(locale))


@lru_cache(maxsize=4096, typed=True)
def _number(value: float | Decimal, locale: str) -> str:
    return numbers.format_decimal(value, locale=babel(locale))


def _element(
    time: datetime | None,
    text: Callable[[Viewer, datetime], str],
    *,
    clock: str = "",
    inside: bool = False,
) -> Markup:
    if time is None:
        return Markup()
    viewer = CURRENT.get()
    full = date_words.full(time.astimezone(viewer.zone), viewer)
    ticking = f' data-clock="{clock}"' if clock else ""
    shown = text(viewer, time)
    if inside and (near := _near(viewer, time)) and shown.startswith(near):
        shown = near[:1].lower() + shown[1:]
    exact = f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    element = f'<time datetime="{exact}" title="{escape(full)}"{ticking}>{escape(shown)}</time>'
    return Markup(element)  # noqa: S704 - all words in it are escaped


def _clock(viewer: Viewer, time: datetime) -> str:
    return date_words.clock(time.astimezone(viewer.zone), viewer.locale)


def _day(viewer: Viewer, time: datetime) -> str:
    if near := _near(viewer, time):
        return near
    own = time.astimezone(viewer.zone).date()
    return date_words.day(own, viewer.locale, year=own.year != _today(viewer).year)


def _near(viewer: Viewer, time: datetime) -> str:
    """The word of a day beside today; empty for others."""
    away = (time.astimezone(viewer.zone).date() - _today(viewer)).days
    if away == 0:
        return viewer.gettext("Today")
    if away == 1:
        return viewer.gettext("Tomorrow")
    return viewer.gettext("Yesterday") if away == -1 else ""


def _today(viewer: Viewer) -> date:
    return viewer.now.astimezone(viewer.zone).date()


def _when(viewer: Viewer, time: datetime) -> str:
    return viewer.gettext("%(day)s, %(time)s", day=_day(viewer, time), time=_clock(viewer, time))


def _ago(viewer: Viewer, time: datetime) -> str:
    seconds = max(0, int((viewer.now - time).total_seconds()))
    if seconds < _MINUTE:
        return viewer.gettext("%(count)s s ago", count=seconds)
    if seconds < _HOUR:
        return viewer.gettext("%(count)s min ago", count=seconds // _MINUTE)
    return _when(viewer, time)


def _left(viewer: Viewer, time: datetime) -> str:
    seconds = (time - viewer.now).total_seconds()
    if 0 <= seconds < _DAY:
        return duration(max(seconds, _MINUTE))
    return _when(viewer, time)
