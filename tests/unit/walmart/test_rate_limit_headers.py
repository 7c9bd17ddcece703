from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from app.walmart.rate_limit_headers import LONGEST, SHORTEST, instant, replenish_in, tokens_left
from tests.unit.walmart.builders import NOW

IN_20_S = NOW + timedelta(seconds=20)
MS = int(IN_20_S.timestamp() * 1000)


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "20"},
        {"retry-after": format_datetime(IN_20_S, usegmt=True)},
        {"x-next-replenish-time": str(MS)},
        {"X-Next-Replenish-Time": str(MS // 1000)},
        {"X-Next-Replenishment-Time": str(MS)},
        {"x-next-replenishment-time": IN_20_S.isoformat()},
        {"X-NEXT-REPLENISH-TIME": "2026-11-23T12:00:20Z"},
        {"Retry-After": "soon", "x-next-replenish-time": str(MS)},
        {"x-next-replenish-time": "soon", "x-next-replenishment-time": str(MS)},
    ],
)
def test_every_format_of_retry_after_is_read(headers: dict[str, str]) -> None:
    assert replenish_in(headers, NOW) == timedelta(seconds=20)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry-After": "0"}, SHORTEST),
        ({"x-next-replenish-time": "1000000000000"}, SHORTEST),
        ({"Retry-After": "86400"}, LONGEST),
        ({"x-next-replenish-time": "9999999999999"}, LONGEST),
    ],
)
def test_the_wait_is_between_a_second_and_five_minutes(
    headers: dict[str, str], expected: timedelta
) -> None:
    assert replenish_in(headers, NOW) == expected


@pytest.mark.parametrize(
    "value",
    ["", "soon", "nan", "inf", "1e400", "-", f"Mon, 01 Jan {'9' * 20} 00:00:00 GMT"],
)
def test_an_unreadable_wait_is_none(value: str) -> None:
    assert replenish_in({"x-next-replenish-time": value, "Retry-After": value}, NOW) is None
    assert replenish_in({"Date": value, "Retry-After": value}, NOW) is None
    assert replenish_in({}, NOW) is None


@pytest.mark.parametrize(
    ("value", "expected"), [("57", 57), ("0", 0), ("-1", 0), ("3.0", 3), ("many", None)]
)
def test_the_remaining_calls_are_read_in_any_case(value: str, expected: int | None) -> None:
    assert tokens_left({"X-Current-Token-Count": value}) == expected
    assert tokens_left({"x-current-token-count": value}) == expected


def test_a_missing_count_is_none() -> None:
    assert tokens_left({}) is None


@pytest.mark.parametrize("value", [None, True, "", "tomorrow", 1e400, "9" * 400, -1e20])
def test_an_unreadable_time_is_none(value: object) -> None:
    assert instant(value) is None


def test_a_time_without_zone_is_utc() -> None:
    assert instant("2026-11-23T12:00:00") == datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert instant("2026-11-23T13:00:00+01:00") == NOW
