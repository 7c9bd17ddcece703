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
# When a read began that nobody timed: it ends no doubt.
UNTIMED = datetime(1970, 1, 1, tzinfo=UTC)
# A write of these overwrites what the one before it wrote, whichever of them arrives last.
OVERWRITING = frozenset({Kind.INVENTORY, Kind.TRACKING})
# No read can show that such a write will not arrive any more: its doubt ends by the moment alone.
ENDED_BY_TIME = frozenset({Kind.INVENTORY})
# A read of the order shows what became of these.
SHOWN_BY_ORDER = frozenset({Kind.ACKNOWLEDGEMENT, Kind.SHIPMENT, Kind.TRACKING, Kind.CANCELLATION})


class Doubt(StrEnum):
    """What a delivery does to the doubt of its update."""

    KEEP = "keep"
    BEGIN = "begin"
    END = "end"


def open_for(in_doubt_until: datetime | None, read_at: datetime) -> bool:
    """Whether a read that began at read_at is too early to show that a write had no effect.

    Both are aware times of the database's clock.
    """
    return in_doubt_until is not None and read_at < in_doubt_until


def sentence(update_id: UUID, until: datetime) -> str:
    """What a person is told who wants what an update in doubt holds."""
    return f"Update {update_id} may still take effect; what became of it is read at {_at(until)}."


def lagging(update_id: UUID, until: datetime) -> str:
    """The sentence for a read that shows less of an update than Walmart has just confirmed."""
    return (
        f"Update {update_id} was confirmed a moment ago, and Walmart does not show all of it yet: "
        f"a read may lag behind until {_at(until)}."
    )


def _at(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def latest(moments: Iterable[datetime | None]) -> datetime | None:
    """The moment at which the last of several doubts may end; None where there is none."""
    return max((each for each in moments if each is not None), default=None)
