"""Quantiles from counts in buckets, and the spans for which deliveries are summed up."""

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.outbox import lag


def counts(**buckets: int) -> list[int]:
    found = [0] * lag.BUCKETS
    for name, count in buckets.items():
        found[int(name[1:])] = count
    return found


def test_without_an_update_there_is_no_quantile() -> None:
    assert lag.quantile(counts(), 0.5) is None


def test_a_quantile_lies_within_its_bucket() -> None:
    # 99 updates within 0.25 to 0.5 s, one within 30 to 60 s.
    found = counts(b3=99, b9=1)
    assert lag.quantile(found, 0.5) == pytest.approx(0.376, abs=0.001)
    assert lag.quantile(found, 0.99) == 0.5
    assert lag.quantile(found, 1) == 60


def test_beyond_the_last_bound_a_quantile_is_that_bound() -> None:
    assert lag.quantile(counts(b14=3), 0.5) == 3600


def test_spans_begin_at_whole_multiples() -> None:
    at = datetime(2026, 11, 30, 14, 37, 12, tzinfo=UTC)
    assert lag.floor(at) == datetime(2026, 11, 30, 14, 35, tzinfo=UTC)
    assert lag.floor(at, timedelta(minutes=30)) == datetime(2026, 11, 30, 14, 30, tzinfo=UTC)
    assert lag.floor(lag.floor(at)) == lag.floor(at)
