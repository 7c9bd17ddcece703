"""What needs action, by cause. Each source has an index of its few rows, so nothing is scanned."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from app.domain.attention import (
    LEAST_COUNTED,
    MOST_COUNTED,
    SAMPLED,
    AttentionCause,
    AttentionKind,
    AttentionSource,
)
from app.domain.orders.returns import REFUND_WITHIN
from app.domain.outbox.rate_limits import BLOCKED, BREAK_AFTER, Endpoint
from app.domain.update import COMMERCE_KINDS, Kind
from app.storage.postgres import sql
from app.storage.postgres.query import Reader
from app.storage.postgres.sharding import ShardedQuery, of_one
from app.storage.postgres.sql import Statement
from app.storage.queries import attention_views
from app.storage.queries.attention_views import AttentionMember
from app.storage.queries.pagination import After, KeysetPage, cut
from app.storage.queries.views import AttentionGroupView
from app.storage.tables.commerce_tables import REFUSED_CODE, REFUSED_VALUE
from app.storage.tables.update_tables import FAILED_CODE, FAILED_EXPECTED, FAILED_VALUE

MOST_CAUSES = 500
"""Causes of one source that are listed."""
# asyncpg's value for -infinity.
_NEVER, _FIRST_ID = datetime.min, UUID(int=0)  # noqa: DTZ901 - naive, as asyncpg knows it
_VALUES: Mapping[str, Any] = {
    "blocked": sorted(BLOCKED),
    "endpoints": sorted(Endpoint),
    "failures": BREAK_AFTER,
    "commerce_kinds": sorted(COMMERCE_KINDS),
    "walmart_kinds": sorted(set(Kind) - COMMERCE_KINDS),
    "refund_within": int(REFUND_WITHIN.total_seconds()),
}


_SAMPLE = (
    f", array_agg(m.{{0}} ORDER BY m.place) FILTER (WHERE m.place <= {SAMPLED}) AS sample_{{0}}"
)


class _Source:
    """The statements of one source."""

    def __init__(self, causes: str, members: str, **pieces: str) -> None:
        found = sql.read(f"queries/attention_{causes}.sql", **pieces, causes=str(MOST_CAUSES))

        def listed(limit: str) -> str:
            return sql.read(f"queries/attention_{members}.sql", **pieces, limit=f"(SELECT {limit})")

        self.groups = ShardedQuery(
            sql.read(
                "queries/attention_groups.sql",
                causes=found,
                few=listed(str(LEAST_COUNTED + 1)),
                more=listed("limit_of_each FROM share"),
                least=str(LEAST_COUNTED),
                most=str(MOST_COUNTED),
                sample="".join(map(_SAMPLE.format, attention_views.MEMBER)),
                sampled="".join(map(", g.sample_{}".format, attention_views.MEMBER)),
            )
        )
        self.count = ShardedQuery(
            sql.read("queries/attention_count.sql", causes=found, members=listed("1"))
        )
        self.page = Statement(
            of_one(sql.read("queries/attention_page.sql", members=listed(":limit::int")))
        )


def _fixed(members: str, *codes: str) -> _Source:
    named = ", ".join(f"'{code}'" for code in codes)
    remaining = sql.read("queries/attention_units_remain.sql")
    return _Source("fixed_causes", members, codes=named, remaining=remaining)


_SOURCES = {
    AttentionSource.LANE: _Source("lane_causes", "waiting"),
    AttentionSource.SHIP_BY: _fixed("ship_by", "ship_by_passed", "ship_by_near"),
    AttentionSource.RETURN: _fixed("returns", "return_refund_near"),
    AttentionSource.UPDATE: _Source(
        "update_causes", "updates", code=FAILED_CODE, value=FAILED_VALUE, expected=FAILED_EXPECTED
    ),
    AttentionSource.COMMERCE_EVENT: _Source(
        "event_causes", "events", code=REFUSED_CODE, value=REFUSED_VALUE
    ),
    AttentionSource.UNREAD_ORDER: _fixed("unread_orders", "order_not_read"),
    AttentionSource.UNREADABLE_ORDER: _fixed("unreadable_orders", "order_unreadable"),
    AttentionSource.UNREADABLE_RETURN: _fixed("unreadable_returns", "return_unreadable"),
    AttentionSource.CANCEL_REQUEST: _fixed("cancel_requests", "cancel_requested"),
    AttentionSource.DRIFT: _Source("drift_causes", "drift"),
    AttentionSource.NOTIFICATIONS: _fixed("notifications", "notifications_given_up"),
}
_NOW = Statement("SELECT now() AS at")
_KINDS = list(AttentionKind)


async def database_time(reader: Reader) -> datetime:
    """The database's time."""
    at: datetime = (await _NOW.fetch(reader))[0]["at"]
    return at


async def attention(reader: Reader, store_id: int | None) -> list[AttentionGroupView]:
    """Everything that needs action, of one store or of all: the most urgent kind first."""
    stores = None if store_id is None else [store_id]
    values = {**_VALUES, **_behind(None)}
    found: list[AttentionGroupView] = []
    for name, source in _SOURCES.items():
        rows = await source.groups.fetch(reader, stores, values)
        found += [attention_views.group(name, row) for row in rows]
    return sorted(found, key=_urgency)


async def attention_count(reader: Reader, store_id: int | None) -> int:
    """How many causes need action, of one store or of all."""
    stores = None if store_id is None else [store_id]
    values = {**_VALUES, **_behind(None)}
    found = [await each.count.fetch(reader, stores, values) for each in _SOURCES.values()]
    return sum(rows[0]["causes"] for rows in found)


async def attention_cause(
    reader: Reader, store_id: int, group_id: UUID
) -> tuple[AttentionCause, AttentionGroupView] | None:
    """The cause with this id. None means that nothing of it needs action any more."""
    for view in await attention(reader, store_id):
        if view.id == group_id:
            cause = AttentionCause(
                store_id,
                view.source,
                view.operation or "",
                view.code,
                view.value or "",
                view.expected or "",
            )
            return cause, view
    return None


async def attention_members(
    reader: Reader, cause: AttentionCause, page: KeysetPage
) -> tuple[list[AttentionMember], After | None]:
    """A page of the cases of a cause, the most urgent or oldest first."""
    values = {
        **_VALUES,
        **_behind(page.after),
        "limit": page.limit + 1,
        "store_id": cause.store_id,
        "operation": cause.operation,
        "code": cause.code,
        "value": cause.value,
        "expected": cause.expected,
    }
    rows = await _SOURCES[AttentionSource(cause.source)].page.fetch(reader, values)
    shown, more = cut(rows, page.limit)
    found = [
        AttentionMember(**{name: row[name] for name in attention_views.MEMBER}) for row in shown
    ]
    return found, (found[-1].key.isoformat(), str(found[-1].id)) if more else None


def _behind(after: After | None) -> dict[str, Any]:
    if after is None:
        return {"after": _NEVER, "after_id": _FIRST_ID}
    return {"after": datetime.fromisoformat(after[0]), "after_id": UUID(after[1])}


def _urgency(view: AttentionGroupView) -> tuple[int, float, str]:
    at = view.next_deadline or view.oldest_at
    # What has no deadline comes behind what has one.
    late = 0.0 if view.next_deadline else 1e12
    return _KINDS.index(AttentionKind(view.kind)), late + (at.timestamp() if at else 0), view.code
