"""The timeline of an order: accepted, attempted, settled, corrected, dismissed; oldest first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.orders.order_event import OrderEvent
from app.storage.postgres import sql
from app.storage.postgres.query import Reader
from app.storage.postgres.session import Row
from app.storage.postgres.sql import Statement
from app.storage.queries import update_views
from app.storage.queries.pagination import After, cut
from app.storage.queries.views import AttemptView, TimelineEntry, UpdateView

# A page shows the whole timeline; of an order with more attempts or events it shows the newest.
MOST = 500

_ORDER = Statement(
    "SELECT created_at, purchase_order_id FROM orders WHERE store_id = :store_id AND id = :order_id"
)
_EVENTS = sql.load("queries/list_newest_of_order.sql", table="events", at="at")
_ATTEMPTS = sql.load("queries/list_newest_of_order.sql", table="attempts", at="ended_at")
# Entries are in the order of their time and an id.
_Place = tuple[datetime, UUID]
_Placed = tuple[_Place, TimelineEntry]


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """A part of a timeline, oldest first."""

    entries: Sequence[TimelineEntry] = ()
    attempts: Mapping[UUID, Sequence[AttemptView]] = field(default_factory=dict)
    """The attempts of this part by their update, oldest first, with their calls."""
    older: After | None = None
    """Where the older part ends. None: there is none."""


async def timeline(
    reader: Reader, store_id: int, order_id: UUID, before: After | None = None
) -> TimelinePage:
    """The newest part of an order's timeline, or of what is before a place.

    It has at most MOST attempts and MOST events. One without entries: there is no such order, or
    nothing before the place.
    """
    key = {"store_id": store_id, "order_id": order_id}
    found = await _ORDER.fetch(reader, key)
    if not found:
        return TimelinePage()
    end = _place(before) if before else None
    values = {**key, **dict(zip(("before", "before_id"), end or (None, None), strict=True))}
    events, more_events = await _rows(reader, _EVENTS, values)
    tries, more_tries = await _rows(reader, _ATTEMPTS, values)
    cuts = [_of_event(events[-1])] if more_events else []
    cuts += [_of_try(tries[-1])] if more_tries else []
    begin = max(cuts, default=None)
    known = (await update_views.of_orders(reader, [(store_id, order_id)]))[order_id]
    placed = [_registered(found[0], order_id)]
    for update in known:
        placed += _of_update(update)
    # Rows of one moment keep the order in which they were written.
    placed += [(_of_event(row), _event(row)) for row in reversed(events)]
    placed += [(_of_try(row), _attempt(row)) for row in reversed(tries)]
    shown = [each for each in placed if _is_within(each[0], begin, end)]
    attempts: dict[UUID, list[AttemptView]] = {}
    for row in reversed(tries):
        if _is_within(_of_try(row), begin, end):
            attempts.setdefault(row["update_id"], []).append(update_views.attempt_view(row))
    return TimelinePage(
        [entry for _, entry in sorted(shown, key=lambda each: each[1].at)],
        attempts,
        (begin[0].isoformat(), str(begin[1])) if begin else None,
    )


def _place(given: After) -> _Place:
    at, identifier = given
    return datetime.fromisoformat(at), UUID(identifier)


def _is_within(place: _Place, begin: _Place | None, end: _Place | None) -> bool:
    return (begin is None or place >= begin) and (end is None or place < end)


def _of_event(row: Row) -> _Place:
    return row["at"], row["id"]


def _of_try(row: Row) -> _Place:
    return row["ended_at"], row["id"]


async def _rows(
    reader: Reader, statement: Statement, values: Mapping[str, Any]
) -> tuple[Sequence[Row], bool]:
    """The newest rows, newest first, and whether there are more."""
    return cut(await statement.fetch(reader, {**values, "limit": MOST + 1}), MOST)


def _registered(row: Row, order_id: UUID) -> _Placed:
    number = {"purchase_order_id": row["purchase_order_id"]}
    entry = TimelineEntry(row["created_at"], OrderEvent.ORDER_REGISTERED, None, None, number)
    return (row["created_at"], order_id), entry


def _of_update(update: UpdateView) -> Iterator[_Placed]:
    accepted = f"{update.kind}_accepted"
    asked = {"request_id": update.request_id} if update.request_id else {}
    entry = TimelineEntry(update.created_at, accepted, update.requested_by, update.id, asked)
    yield (update.created_at, update.id), entry
    if update.finished_at is not None:
        detail = {"code": update.status_detail.code} if update.status_detail else {}
        what = f"{update.kind}_{update.state}"
        entry = TimelineEntry(update.finished_at, what, update.dismissed_by, update.id, detail)
        yield (update.finished_at, update.id), entry


def _event(row: Row) -> TimelineEntry:
    return TimelineEntry(row["at"], row["what"], row["actor"], row["update_id"], row["detail"])


def _attempt(row: Row) -> TimelineEntry:
    detail = {
        "attempt": row["number"],
        "verdict": row["verdict"],
        "detail": row["detail"],
        "request_id": row["request_id"],
        "calls": [
            {key: call[key] for key in ("operation", "status", "codes", "correlation_id")}
            for call in row["calls"]
        ],
    }
    return TimelineEntry(row["ended_at"], OrderEvent.ATTEMPT, None, row["update_id"], detail)
