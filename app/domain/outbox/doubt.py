"""Doubt: whether a write may still take effect at Walmart or Commerce (contract, promise 3).

A write is in doubt from the moment its bytes may have left without a proper answer. The column
`in_doubt_until` of its update (the database's clock) is the moment from which a read may end the
doubt; None means that there is none. A read that began before that moment may only confirm. The
doubt stays while the update is dismissed, superseded or confirmed by a later try.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from app.domain.update import Kind

# Seconds: the default of WAYBILL_QUIET_PERIOD.
QUIET_PERIOD = 120.0
# The start of a read that was not timed: such a read ends no doubt.
UNTIMED = datetime(1970, 1, 1, tzinfo=UTC)
# No read can show that such a write will not arrive any more: its doubt ends by time alone.
ENDED_BY_TIME = frozenset({Kind.INVENTORY})
# A read of the order shows whether these took effect.
SHOWN_BY_ORDER = frozenset({Kind.ACKNOWLEDGEMENT, Kind.SHIPMENT, Kind.TRACKING, Kind.CANCELLATION})


class Doubt(StrEnum):
    """What a delivery does to the doubt of its update."""

    KEEP = "keep"
    BEGIN = "begin"
    END = "end"


def in_doubt_at(in_doubt_until: datetime | None, read_at: datetime) -> bool:
    """Whether a read that began at read_at is too early to show that a write had no effect.

    Both are aware times of the database's clock.
    """
    # mutation: absence-after-quiet-period
    return in_doubt_until is not None and read_at < in_doubt_until


def in_doubt_message(update_id: UUID, until: datetime) -> str:
    """Say that an update in doubt blocks a request, and when a read may end the doubt."""
    return f"Update {update_id} may still take effect; a read at {_at(until)} shows whether it did."


def read_lag_message(update_id: UUID, until: datetime) -> str:
    """Say that a read shows less of an update than Walmart has just confirmed."""
    return (
        f"Update {update_id} was confirmed a moment ago, and Walmart does not show all of it yet: "
        f"a read may lag behind until {_at(until)}."
    )


def _at(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def latest(moments: Iterable[datetime | None]) -> datetime | None:
    """Return when the last of several doubts may end. None means that there is none."""
    return max((each for each in moments if each is not None), default=None)
