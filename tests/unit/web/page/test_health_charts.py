"""Charts of sync health: what is drawn where, and which times are named as bad."""

import re
from datetime import UTC, datetime, timedelta

from app.storage.queries.views import DeliveriesView, DeliveryPointView
from app.web.page.health_charts import SIZES, TimeScale, bars, lags
from app.web.page.health_outages import outages

SINCE = datetime(2026, 11, 29, 16, tzinfo=UTC)
STEP = timedelta(minutes=30)
SCALE = TimeScale(SINCE, SINCE + 48 * STEP, lambda at: f"{at:%H}", timedelta(hours=1))
WIDE, SMALL = SIZES[0], SIZES[2]


def point(
    number: int, first: int, retry: int = 0, failed: int = 0, slow: float | None = 1.0
) -> DeliveryPointView:
    typical = None if slow is None else slow / 4
    counted = DeliveriesView(first + retry, first, retry, failed, typical, slow)
    return DeliveryPointView(SINCE + number * STEP, counted)


def heights(path: str) -> list[float]:
    return [float(found) for found in re.findall(r"v-([\d.]+)", path)]


def test_a_bar_is_as_high_as_its_share_of_the_axis() -> None:
    chart = bars([point(0, 100), point(1, 50), point(2, 0)], SCALE, [])[0]
    assert [label.text for label in chart.grid] == ["0", "50", "100"]
    tall, half = heights(chart.paths["first"])
    assert tall == chart.grid[0].at - chart.grid[2].at
    assert half == tall / 2


def test_a_single_failure_among_thousands_is_still_seen() -> None:
    chart = bars([point(0, 3999, failed=1)], SCALE, [])[0]
    assert heights(chart.paths["failed"])[0] >= 1.5


def test_a_phone_has_hourly_bars() -> None:
    series = [point(number, 10) for number in range(48)]
    wide, _, small = bars(series, SCALE, [])
    assert (wide.size, small.size) == (WIDE, SMALL)
    assert len(heights(wide.paths["first"])) == 48
    assert len(heights(small.paths["first"])) == 24
    assert small.grid[-1].text == "20"


def test_a_gap_without_deliveries_breaks_the_line() -> None:
    series = [point(0, 1), point(1, 1), point(2, 0, slow=None), point(3, 1)]
    chart = lags(series, SCALE, [])[0]
    assert re.findall("[ML]", chart.paths["typical"]) == ["M", "L", "M"]


def test_the_five_minutes_lie_above_100_seconds() -> None:
    chart = lags([point(0, 1)], SCALE, [])[0]
    at = {label.text: label.at for label in chart.grid}
    assert chart.limit is not None
    assert chart.limit < at["100"] < at["10"] < at["1"]


def test_labels_are_few_enough_for_the_width() -> None:
    for chart in bars([point(0, 1)], SCALE, []):
        assert 2 <= len(chart.times) <= chart.size.ticks


def test_neighbouring_bad_steps_are_one_outage() -> None:
    series = [point(0, 10), point(1, 4, 6), point(2, 3, 5, 2), point(3, 10), point(4, 9, slow=90.0)]
    first, second = outages(series, STEP)
    assert (first.since, first.until) == (SINCE + STEP, SINCE + 3 * STEP)
    assert (first.refused, first.failed) == (True, 2)
    assert first.share == 13 / 20
    assert (second.since, second.refused) == (SINCE + 4 * STEP, False)


def test_a_retry_at_night_is_no_outage() -> None:
    assert outages([point(0, 1, 1), point(1, 0, slow=None)], STEP) == []
