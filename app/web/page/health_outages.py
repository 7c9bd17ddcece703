"""Finds the times in which deliveries went badly, so that a chart can name them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.storage.queries.views import DeliveriesView, DeliveryPointView

# A step with fewer updates says nothing.
_FEWEST = 3
# Share of updates that needed another try or failed, and seconds of the slowest 1 %.
_BAD_SHARE, _SLOW_SECONDS = 0.2, 60.0
_MOST = 3


@dataclass(frozen=True, slots=True)
class Outage:
    """Steps in a row in which deliveries went badly."""

    since: datetime
    until: datetime
    updates: int
    not_at_first: int
    """Updates that needed another try, or failed."""
    failed: int

    @property
    def refused(self) -> bool:
        """Whether calls failed; otherwise they were only late."""
        return self.not_at_first >= self.updates * _BAD_SHARE

    @property
    def share(self) -> float:
        """Share of the updates that needed another try, or failed."""
        return self.not_at_first / self.updates


def outages(series: Sequence[DeliveryPointView], step: timedelta) -> list[Outage]:
    """The times in which deliveries went worst, at most three, in their order."""
    found: list[Outage] = []
    for point in series:
        one = point.deliveries
        if not _is_bad(one):
            continue
        since, until = point.starts_at, point.starts_at + step
        updates, bad = one.confirmed + one.failed, one.after_retry + one.failed
        if found and found[-1].until == since:
            last = found.pop()
            since, updates = last.since, updates + last.updates
            found.append(
                Outage(since, until, updates, bad + last.not_at_first, one.failed + last.failed)
            )
        else:
            found.append(Outage(since, until, updates, bad, one.failed))
    worst = sorted(found, key=lambda outage: outage.updates, reverse=True)[:_MOST]
    return sorted(worst, key=lambda outage: outage.since)


def _is_bad(one: DeliveriesView) -> bool:
    updates = one.confirmed + one.failed
    if updates < _FEWEST:
        return False
    bad = one.after_retry + one.failed
    return bad >= updates * _BAD_SHARE or (one.p99_seconds or 0.0) > _SLOW_SECONDS
