"""The times of the last shipped, last canceled and oldest failed order, kept for a few seconds."""

from datetime import UTC, datetime, timedelta

from app.web.last_changes import KEPT_FOR, LastChanges

FIRST = datetime(2026, 11, 30, 7, tzinfo=UTC)
LATER = FIRST + timedelta(minutes=1)
COUNTS = {"shipped": 5, "canceled": 2, "error": 3}


def test_times_are_kept_for_five_seconds_and_an_unknown_one_is_not() -> None:
    now = [100.0]
    last = LastChanges(lambda: now[0])
    last.keep({"shipped": FIRST, "canceled": None}, COUNTS)
    now[0] += KEPT_FOR - 0.1
    assert last.known(COUNTS) == {"shipped": FIRST}
    last.keep({"shipped": FIRST, "canceled": FIRST}, COUNTS)
    now[0] += 0.1
    assert last.known(COUNTS) == {"canceled": FIRST}, "asking again kept it for longer"
    last.keep({"shipped": LATER, "canceled": LATER}, COUNTS)
    assert last.known(COUNTS) == {"shipped": LATER, "canceled": FIRST}


def test_the_time_of_the_oldest_error_is_read_again_once_an_error_comes_or_goes() -> None:
    last = LastChanges(lambda: 100.0)
    last.keep({"shipped": FIRST, "error": FIRST}, COUNTS)
    assert last.known(COUNTS) == {"shipped": FIRST, "error": FIRST}
    fewer = COUNTS | {"shipped": 6, "error": 2}
    assert last.known(fewer) == {"shipped": FIRST}
    last.keep({"error": LATER}, fewer)
    assert last.known(fewer) == {"shipped": FIRST, "error": LATER}
