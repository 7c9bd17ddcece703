"""Lanes of a store's calls to Walmart, shared by every poller: buckets, pauses and breakers.

The rules are in `app/domain/outbox/rate_limits.py`; here they are held, so that all pollers of a
store go by one count. A lane that has no row yet is a fresh one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert

from app.domain.outbox.rate_limits import (
    BLOCKED,
    Breaker,
    CallReport,
    Endpoint,
    Lane,
    allowance,
    apply_reports,
    lanes_for,
    newly_blocked,
)
from app.domain.update import Kind
from app.storage.postgres import sharding
from app.storage.postgres.database import Connection
from app.storage.postgres.session import Session
from app.storage.tables import lanes, updates

_COLUMNS = (
    "paused_until",
    "reason",
    "since",
    "tokens",
    "replenish_at",
    "seen_at",
    "answered",
    "failures",
)
# Changed by those who claim, and not by what calls told.
_OWN = ("own_tokens", "own_at")
# asyncpg has no value for it, so an open lane is read as one without a pause.
_PAUSED_UNTIL = sa.func.nullif(lanes.c.paused_until, sa.text("'-infinity'::timestamptz"))
_SELECTED = (
    lanes.c.store_id,
    lanes.c.endpoint,
    _PAUSED_UNTIL.label("paused_until"),
    *(lanes.c[name] for name in (*_COLUMNS, *_OWN) if name != "paused_until"),
)
# The columns of a lane, as `from_row` reads them.
READ = "nullif(l.paused_until, '-infinity'::timestamptz) AS paused_until, " + ", ".join(
    f"l.{name}" for name in (*_COLUMNS, *_OWN) if name != "paused_until"
)
# In one order everywhere, so that those who hold several never wait for each other.
_HOLD_SOME = sharding.ShardedStatement(
    f"""
    SELECT l.store_id, l.endpoint, {READ}
      FROM lanes l
      JOIN unnest(CAST(:stores AS int[]), CAST(:endpoints AS text[])) AS q(store_id, endpoint)
        ON l.store_id = q.store_id AND l.endpoint = q.endpoint AND <l> AND <q>
     ORDER BY l.store_id, l.endpoint FOR UPDATE OF l
    """,  # noqa: S608 - only names of columns are put in
    sa.bindparam("stores", type_=ARRAY(sa.Integer)),
    sa.bindparam("endpoints", type_=ARRAY(sa.Text)),
)
_SPEND = "UPDATE lanes SET own_tokens = $3, own_at = $4 WHERE store_id = $1 AND endpoint = $2"
_CHANGE = sharding.ShardedStatement(
    """
    UPDATE lanes l
       SET paused_until = coalesce(v.paused_until, '-infinity'), reason = v.reason,
           since = coalesce(v.since, l.since), tokens = v.tokens, replenish_at = v.replenish_at,
           seen_at = v.seen_at, answered = v.answered, failures = v.failures
      FROM jsonb_to_recordset(:changes) AS v(store_id int, endpoint text,
           paused_until timestamptz, reason text, since timestamptz, tokens int,
           replenish_at timestamptz, seen_at timestamptz, answered boolean, failures int)
     WHERE l.store_id = v.store_id AND l.endpoint = v.endpoint AND <l> AND <v>
    """,
    sa.bindparam("changes", type_=JSONB),
)
_OPEN_AGAIN = {"paused_until": sa.text("'-infinity'"), "reason": "", "failures": 0}


async def create(connection: Connection, store_ids: Sequence[int]) -> None:
    """Give stores their lanes; those that are there stay as they are."""
    never = sa.text("'-infinity'")
    rows = [
        {"store_id": store_id, "endpoint": endpoint.value, "reason": "", "paused_until": never}
        for store_id in sorted(set(store_ids))
        for endpoint in sorted(Endpoint)
    ]
    await connection.execute(insert(lanes).values(rows).on_conflict_do_nothing())


async def spend(
    session: Session,
    held: Iterable[Lane],
    calls: Mapping[Endpoint, int],
    caps: Mapping[Endpoint, float],
    at: datetime,
) -> None:
    """Take calls off the own caps of lanes that the caller holds."""
    for lane in held:
        per_minute = caps.get(lane.endpoint)
        if per_minute is not None:
            left = allowance(lane, per_minute, at) - calls[lane.endpoint]
            await session.fetch(_SPEND, lane.store_id, lane.endpoint.value, left, at)


async def record(
    connection: Connection, reports: Iterable[CallReport], breaker: Breaker
) -> list[Lane]:
    """Write down what calls told; answers the lanes that a person should hear of."""
    told: dict[tuple[int, str], list[CallReport]] = defaultdict(list)
    for each in reports:
        told[each.store_id, each.endpoint.value].append(each)
    if not told:
        return []
    before = await _hold_some(connection, sorted(told))
    changed = {place: apply_reports(before[place], told[place], breaker) for place in told}
    rows = [_row(lane) for place, lane in sorted(changed.items()) if lane != before[place]]
    if rows:
        of = [row["store_id"] for row in rows]
        await _CHANGE.execute(connection, of, {"changes": rows})
    return [lane for place, lane in changed.items() if newly_blocked(before[place], lane)]


async def now(connection: Connection) -> datetime:
    """The time that all lanes go by."""
    at: datetime = (await connection.execute(sa.select(sa.func.now()))).scalar_one()
    return at


async def open_again(connection: Connection, store_id: int) -> None:
    """Let a store go on whose credentials were changed, or are known to work again."""
    # Those that met the refusal wait for the end of the pause by themselves. They come before the
    # lanes, as wherever both are held.
    await connection.execute(
        sa.update(updates)
        .where(
            updates.c.store_id == store_id,
            updates.c.active,
            sa.text("state IN ('pending', 'retrying', 'verifying')"),
            updates.c.last_error["code"].astext.in_(sorted(BLOCKED)),
        )
        .values(due_at=sa.func.now())
    )
    await connection.execute(
        sa.update(lanes)
        .where(lanes.c.store_id == store_id, lanes.c.reason.in_(sorted(BLOCKED)))
        .values(**_OPEN_AGAIN)
    )


async def endpoint_paused_until(
    connection: Connection, store_id: int, endpoint: Endpoint
) -> datetime | None:
    """Until when the store makes no calls to that endpoint of Walmart's, if it does not."""
    return await _paused_until(connection, store_id, [Endpoint.ALL, endpoint])


async def pause_left(connection: Connection, store_id: int, endpoint: Endpoint) -> timedelta | None:
    """How long the store makes no calls to that endpoint, by the time that all lanes go by."""
    until = await endpoint_paused_until(connection, store_id, endpoint)
    return None if until is None else until - await now(connection)


async def _paused_until(
    connection: Connection, store_id: int, endpoints: Sequence[Endpoint]
) -> datetime | None:
    statement = sa.select(sa.func.max(lanes.c.paused_until)).where(
        lanes.c.store_id == store_id,
        lanes.c.endpoint.in_([each.value for each in endpoints]),
        lanes.c.paused_until > sa.func.now(),
    )
    until: datetime | None = (await connection.execute(statement)).scalar_one()
    return until


async def paused_until(connection: Connection, store_id: int, kind: Kind) -> datetime | None:
    """Until when updates of that kind of the store stand still, if they do."""
    return await _paused_until(connection, store_id, lanes_for(kind, reads=False))


async def _hold_some(
    connection: Connection, places: Sequence[tuple[int, str]]
) -> dict[tuple[int, str], Lane]:
    stores, endpoints = zip(*places, strict=True)
    values = {"stores": list(stores), "endpoints": list(endpoints)}
    rows = (await _HOLD_SOME.execute(connection, stores, values)).mappings().all()
    held = {(row["store_id"], row["endpoint"]): from_row(row) for row in rows}
    missing = [place for place in places if place not in held]
    if not missing:
        return held
    await create(connection, [store_id for store_id, _ in missing])
    return await _hold_some(connection, places)


def from_row(row: Mapping[Any, Any]) -> Lane:
    """A lane as it was read."""
    return Lane(
        store_id=row["store_id"],
        endpoint=Endpoint(row["endpoint"]),
        **{name: row[name] for name in (*_COLUMNS, *_OWN)},
    )


def _row(lane: Lane) -> dict[str, Any]:
    times = {
        name: value.isoformat() if (value := getattr(lane, name)) is not None else None
        for name in ("paused_until", "since", "replenish_at", "seen_at")
    }
    plain = {name: getattr(lane, name) for name in ("reason", "tokens", "answered", "failures")}
    return {"store_id": lane.store_id, "endpoint": lane.endpoint.value, **times, **plain}
