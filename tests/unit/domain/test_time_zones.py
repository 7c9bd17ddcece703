"""Dates, and times without a zone, as files have them."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain import time_zones

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def utc(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone", "market", "at"),
    [
        ("2026-11-23T10:00:00Z", None, "US", utc(23, 10)),
        ("2026-11-23T10:00:00+02:00", None, "US", utc(23, 8)),
        ("2026-11-23T10:00:00", None, "US", utc(23, 15)),
        ("2026-11-23 10:00", None, "CA", utc(23, 15)),
        ("2026-11-23 10:00", None, "MX", utc(23, 16)),
        ("2026-11-23 10:00", "America/Los_Angeles", "US", utc(23, 18)),
        ("2026-11-23 10:00", "UTC", "US", utc(23, 10)),
        # Summer time.
        ("2026-07-23 10:00", None, "US", utc(23, 14, month=7)),
        ("2026-11-23", None, "US", utc(23, 5)),
        ("2026-11-23", "Asia/Tokyo", "US", utc(22, 15)),
    ],
)
def test_what_has_no_zone_is_in_the_store_s(
    text: str, zone: str | None, market: str, at: datetime
) -> None:
    written = time_zones.read(text, zone, market)
    assert written is not None
    assert written.at == at


@pytest.mark.parametrize("text", ["", "x", "23.11.2026", "2026-02-30", "1960-01-01", "0001-01-01"])
def test_what_is_neither_a_date_nor_a_time_is_nothing(text: str) -> None:
    assert time_zones.read(text, None, "US") is None


@pytest.mark.parametrize("text", ["9999-12-31", "0001-01-01T00:00", "9999-12-31T23:59:59"])
def test_the_ends_of_the_calendar_are_no_times(text: str) -> None:
    assert time_zones.read(text, "Pacific/Kiritimati", "US") is None


@pytest.mark.parametrize(
    ("text", "ordered_at", "shipped_at"),
    [
        # New York's 23rd begins at 5:00 UTC.
        ("2026-11-23", utc(22, 20), utc(23, 5)),
        ("2026-11-23", utc(23, 9, 30), utc(23, 9, 30)),
        ("2026-11-23", None, utc(23, 5)),
        # The order's own day, seen from New York.
        ("2026-11-22", utc(23, 4, 59), utc(23, 4, 59)),
        # The day ended before the order: refused by the rules of a shipment.
        ("2026-11-22", utc(23, 5), utc(22, 5)),
        ("2026-11-20", utc(23, 9), utc(20, 5)),
        # Never after now, where the day has begun somewhere; a later day is refused as future.
        ("2026-11-23", NOW + timedelta(minutes=3), NOW),
        ("2026-11-24", utc(22, 9), NOW),
        ("2026-11-25", utc(22, 9), utc(25, 5)),
        # A time of day is as it is.
        ("2026-11-22T10:00", utc(23, 9), utc(22, 15)),
    ],
)
def test_a_date_alone_is_the_later_of_its_start_and_the_order(
    text: str, ordered_at: datetime | None, shipped_at: datetime
) -> None:
    written = time_zones.read(text, None, "US")
    assert written is not None
    assert written.shipped_at(ordered_at, NOW) == shipped_at


def test_a_zone_is_known_by_its_name_in_the_database() -> None:
    assert all(map(time_zones.exists, ["UTC", *time_zones.OF_MARKET.values()]))
    for name in ("", "Mars/Base", "../etc/passwd", "/etc/passwd", "America", "a\x00b", "EST5EDT4"):
        assert not time_zones.exists(name)
