"""How long updates took, from accepted to confirmed, as counts in buckets and their quantiles."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

# Upper bounds of the buckets, in seconds. One bucket more holds what took longer.
BOUNDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600)
BUCKETS = len(BOUNDS) + 1
# Counts older than this are final: the longest time that a poller takes to record a result, and a
# margin for clocks.
SETTLING = timedelta(minutes=2)
# Counts are summed up for each such span, and added to longer steps.
SPAN = timedelta(minutes=5)
STEPS = (timedelta(minutes=30), timedelta(hours=2), timedelta(days=1))
# The sums are kept so long.
KEPT = timedelta(days=90)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def quantile(counts: Sequence[int], share: float) -> float | None:
    """Return the seconds within which that share (0 to 1) of the updates was confirmed.

    counts: updates by bucket. The result is interpolated within its bucket, as Prometheus does;
    beyond the last bound it is that bound. None means that there was no update.
    """
    total = sum(counts)
    if not total:
        return None
    rank, below = share * total, 0
    for bucket, count in enumerate(counts[: len(BOUNDS)]):
        if count and below + count >= rank:
            lower = BOUNDS[bucket - 1] if bucket else 0.0
            return lower + (BOUNDS[bucket] - lower) * max(rank - below, 0.0) / count
        below += count
    return float(BOUNDS[-1])


def floor(at: datetime, step: timedelta = SPAN) -> datetime:
    """Return the start of the step that contains a moment; steps begin at whole multiples."""
    return at - (at - _EPOCH) % step
