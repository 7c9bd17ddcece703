"""Filters of templates: times in the viewer's zone, money and numbers in the viewer's language."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from babel import dates, numbers
from markupsafe import Markup

from app.web.page.viewer import CURRENT, Viewer

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
    locale = CURRENT.get().babel
    return numbers.format_currency(Decimal(str(amount)), currency or "USD", locale=locale)


def number(value: float | Decimal | None) -> str:
    """A number with the separators of the language. None is an empty text."""
    return "" if value is None else numbers.format_decimal(value, locale=CURRENT.get().babel)


def percent(share: float | None) -> str:
    """A share of 1 as a percentage with at most one decimal. None is an empty text."""
    if share is None:
        return ""
    locale = CURRENT.get().babel
    pattern = locale.percent_formats["percent"].pattern if False else "#,##0.#%"
    return numbers.format_percent(share, format=pattern, locale=locale)


FILTERS: Mapping[str, Callable[..., str]] = {
    each.__name__: each for each in (when, ago, left, day, clock, duration, money, number, percent)
}


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
    exact = time.astimezone(UTC)
    full = dates.format_datetime(time, "full", tzinfo=viewer.zone, locale=viewer.babel)
    ticking = Markup(' data-clock="{}"').format(clock) if clock else ""
    shown = text(viewer, time)
    near = _day(viewer, time)
    if inside and _is_near(viewer, time) and shown.startswith(near):
        shown = near[:1].lower() + shown[1:]
    return Markup('<time datetime="{}" title="{}"{}>{}</time>').format(
        f"{exact:%Y-%m-%dT%H:%M:%SZ}", full, ticking, shown
    )


def _clock(viewer: Viewer, time: datetime) -> str:
    return dates.format_time(time, "short", tzinfo=viewer.zone, locale=viewer.babel)


def _day(viewer: Viewer, time: datetime) -> str:
    own, today = time.astimezone(viewer.zone).date(), viewer.now.astimezone(viewer.zone).date()
    near = {
        today: viewer.gettext("Today"),
        today - timedelta(days=1): viewer.gettext("Yesterday"),
        today + timedelta(days=1): viewer.gettext("Tomorrow"),
    }
    if own in near:
        return near[own]
    if own.year == today.year:
        return dates.format_skeleton("MMMd", own, locale=viewer.babel)
    return dates.format_date(own, "medium", locale=viewer.babel)


def _is_near(viewer: Viewer, time: datetime) -> bool:
    own, today = time.astimezone(viewer.zone).date(), viewer.now.astimezone(viewer.zone).date()
    return abs(own - today) <= timedelta(days=1)


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
