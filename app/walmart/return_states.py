"""Statuses and events of a return line.

Walmart's guide to the returns API has the statuses INITIATED, DELIVERED and COMPLETED in the US,
and also CANCELLED elsewhere. COMPLETED may mean refunded or canceled; the line's
`returnCancellationReason` or its events show which, and one of the two may be absent.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from app.walmart import rate_limit_headers
from app.walmart.json_values import decimal, text

CANCELED = frozenset({"CANCELLED", "CANCELED", "RETURN_CANCELLED"})
COMPLETED = frozenset({"COMPLETED"})
_ARRIVED = frozenset({"DELIVERED", "DELIVERED_AT_RETURN_CENTER"})


def statuses(line: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    """Return the statuses of a line, each with its units.

    The line's own status, which Walmart deprecates, counts only where there are no others.
    """
    found = list(_objects(line.get("currentTrackingStatuses")))
    return found or ([line] if line.get("status") else [])


def canceled(line: Mapping[str, object]) -> frozenset[str]:
    """Return the words of the statuses in which a unit of the line is canceled, unless refunded."""
    reason = text(line.get("returnCancellationReason"))
    # mutation: return-canceled-by-reason
    return CANCELED | COMPLETED if reason or was_canceled(line) else CANCELED


def was_canceled(line: Mapping[str, object]) -> bool:
    """Whether the last event of a line is its cancellation."""
    events = [each for each in _objects(line.get("returnTrackingDetail")) if each.get("eventTag")]
    last = max(events, key=_order, default=None)
    return last is not None and last["eventTag"] in CANCELED


def arrived_at(lines: object) -> datetime | None:
    """Return when the first unit of a return was received. None means that none was."""
    found = [at for line in _objects(lines) for at in _arrivals(line)]
    return min(found, default=None)


def _arrivals(line: Mapping[str, object]) -> Iterator[datetime]:
    for event in _objects(line.get("returnTrackingDetail")):
        at = rate_limit_headers.instant(event.get("eventTime"))
        if event.get("eventTag") in _ARRIVED and at is not None:
            yield at
    for status in statuses(line):
        at = rate_limit_headers.instant(status.get("statusTime"))
        if status.get("status") in _ARRIVED and at is not None:
            yield at


def _order(event: Mapping[str, object]) -> tuple[float, float]:
    """Return the sort key of an event: Walmart's count, else its time."""
    number = decimal(event.get("sequenceNo"))
    at = rate_limit_headers.instant(event.get("eventTime"))
    return (float(number) if number is not None else -1.0, at.timestamp() if at else 0.0)


def _objects(found: object) -> Iterator[Mapping[str, object]]:
    return (
        each for each in (found if isinstance(found, list) else ()) if isinstance(each, Mapping)
    )
