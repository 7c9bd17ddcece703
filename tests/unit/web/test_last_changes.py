"""The times of the last shipped and canceled orders, kept for a few seconds."""

from datetime import UTC, datetime, timedelta

from app.web.last_changes import KEPT_FOR, LastChanges

FIRST = datetime(2026, 11, 30, 7, tzinfo=UTC)


def test_times_are_kept_for_five_seconds_and_an_unknown_one_is_not() -> None:
    now = [100.0]
    last = LastChanges(lambda: now[0])
    last.keep({"shipped": FIRST, "canceled": None})
    now[0] += KEPT_FOR - 0.1
    assert last.known() == {"shipped": FIRST}
    last.keep({"shipped": FIRST, "canceled": FIRST})
    now[0] += 0.1
    assert last.known() == {}, "asking again kept them for longer"
    later = FIRST + timedelta(minutes=1)
    last.keep({"shipped": later, "canceled": later})
    assert last.known() == {"shipped": later, "canceled": later}
