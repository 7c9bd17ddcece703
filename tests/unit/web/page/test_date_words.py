"""Words of times that are kept are those that Babel says."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from babel import dates

from app.web.page import date_words
from app.web.page.i18n import LANGUAGES
from app.web.page.viewer import Viewer

SUMMER, WINTER = (
    datetime(2026, 7, 1, 11, 5, 9, tzinfo=UTC),
    datetime(2026, 1, 2, 23, 59, 59, tzinfo=UTC),
)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Europe/Istanbul", "Asia/Kolkata"])
@pytest.mark.parametrize("locale", LANGUAGES)
def test_a_time_is_said_as_babel_says_it(locale: str, zone: str) -> None:
    viewer = Viewer(locale, ZoneInfo(zone), zone, SUMMER)
    # Each twice, since the words of the first are kept.
    for time in (SUMMER, WINTER, SUMMER + timedelta(seconds=1), WINTER):
        own = time.astimezone(viewer.zone)
        full = dates.format_datetime(own, "full", tzinfo=viewer.zone, locale=viewer.babel)
        assert date_words.full(own, viewer) == full
        short = dates.format_time(own, "short", tzinfo=viewer.zone, locale=viewer.babel)
        assert date_words.clock(own, locale) == short
        assert date_words.day(own.date(), locale, year=True) == dates.format_date(
            own, "medium", locale=viewer.babel
        )
