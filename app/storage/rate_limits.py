"""Lanes: the rate limits and circuit breakers of a store's calls, shared by all pollers.

The rules are in `app/domain/outbox/rate_limits.py`; this module stores their state, so that all
pollers of a store use one count. A lane without a row is a fresh one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.domain.outbox.rate_limits import (
    BLOCKED,
    Breaker,
    CallReport,
    Endpoint,
    Lane,
    apply_reports,
    is_plain,
    lanes_for,
    newly_blocked,
    own_cap_tokens,
)
from app.domain.update import Kind
from app.storage.postgres import sharding, sql
from app.storage.postgres.database import Connection
from app.storage.postgres.session import Session
from app.storage.postgres.sql import Statement
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
# Changed by claims, not by the answers to calls.
_OWN = ("own_tokens", "own_at")
# The columns of a lane l, as `from_row` reads them. asyncpg has no value for -infinity, so an open
# lane's pause is NULL.
LANE_COLUMNS = "nullif(l.paused_until, '-infinity'::timestamptz) AS paused_until, " + ", ".join(
    f"l.{name}" for name in (*_COLUMNS, *_OWN) if name != "paused_until"
)
_LANES = sql.read("list_lanes.sql", lane=LANE_COLUMNS)
_READ = sharding.ShardedCommand(_LANES)
_LOCK = sharding.ShardedCommand(f"{_LANES} FOR UPDATE OF l")
_CHANGE = sharding.ShardedCommand(sql.read("change_lanes.sql"))
_SPEND = Statement("""
    UPDATE lanes SET own_tokens = :tokens, own_at = :at
     WHERE store_id = :store_id AND endpoint = :endpoint
""")
_OPEN_AGAIN = {"paused_until": sa.text("'-infinity'"), "reason": "", "failures": 0}


async def create(connection: Connection, store_ids: Sequence[int]) -> None:
    """Create the lanes of stores; lanes that exist stay as they are."""
    never = sa.text("'-infinity'")
    rows = [
        {"store_id": store_id, "endpoint": endpoint.value, "reason": "", "paused_until": never}
        for store_id in sorted(set(store_ids))
        for endpoint in sorted(Endpoint)
    ]
    await connection.execute(insert(lanes).values(rows).on_conflict_do_nothing())


async def spend(
    session: Session,
    locked: Iterable[Lane],
    calls: Mapping[Endpoint, int],
    caps: Mapping[Endpoint, float],
    at: datetime,
) -> None:
    """Subtract calls from the own caps of lanes that the caller has locked."""
    for lane in locked:
        per_minute = caps.get(lane.endpoint)
        if per_minute is not None:
            left = own_cap_tokens(lane, per_minute, at) - calls[lane.endpoint]
            key = {"store_id": lane.store_id, "endpoint": lane.endpoint.value}
            await _SPEND.fetch(session, {**key, "tokens": left, "at": at})


async def record(
    connection: Connection, reports: Iterable[CallReport], breaker: Breaker
) -> list[Lane]:
    """Apply reports of calls to their lanes; answers the lanes that need a person's attention."""
    by_lane: dict[tuple[int, str], list[CallReport]] = defaultdict(list)
    for each in reports:
        by_lane[each.store_id, each.endpoint.value].append(each)
    # mutation: lanes-unlocked-if-unchanged
    unchanged = await _unchanged(connection, by_lane, breaker)
    by_lane = {key: each for key, each in by_lane.items() if key not in unchanged}
    if not by_lane:
        return []
    before = await _lock(connection, sorted(by_lane))
    changed = {key: apply_reports(before[key], by_lane[key], breaker) for key in by_lane}
    rows = [_row(lane) for key, lane in sorted(changed.items()) if lane != before[key]]
    if rows:
        store_ids = [row["store_id"] for row in rows]
        await _CHANGE.execute(connection, store_ids, {"changes": rows})
    return [lane for key, lane in changed.items() if newly_blocked(before[key], lane)]


async def _unchanged(
    connection: Connection,
    by_lane: Mapping[tuple[int, str], Sequence[CallReport]],
    breaker: Breaker,
) -> set[tuple[int, str]]:
    """Find the lanes that their reports leave as they are.

    They are not locked, because a claim passes over a store while its lane for all of Walmart is
    locked. Only reports that say nothing but that a call was served can change nothing.
    """
    plain = [key for key, reports in by_lane.items() if all(map(is_plain, reports))]
    lanes_now = await _lanes(connection, _READ, sorted(plain))
    return {
        key for key, lane in lanes_now.items() if apply_reports(lane, by_lane[key], breaker) == lane
    }


async def now(connection: Connection) -> datetime:
    """The database's time, which all lanes use."""
    at: datetime = (await connection.execute(sa.select(sa.func.now()))).scalar_one()
    return at


async def open_again(connection: Connection, store_id: int) -> None:
    """End the blocks of a store: its credentials were changed, or are known to work again."""
    # Updates that met the refusal wait for the end of the pause. They are written before the
    # lanes, as wherever a transaction locks both.
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
    """When the store calls that Walmart endpoint again. None means that it is not paused."""
    return await _paused_until(connection, store_id, [Endpoint.ALL, endpoint])


async def pause_left(connection: Connection, store_id: int, endpoint: Endpoint) -> timedelta | None:
    """How long the pause of an endpoint still lasts. None means that it is not paused."""
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
    """When updates of that kind are sent again. None means that they are not paused."""
    return await _paused_until(connection, store_id, lanes_for(kind, reads=False))


async def _lock(
    connection: Connection, keys: Sequence[tuple[int, str]]
) -> dict[tuple[int, str], Lane]:
    """Lock lanes (store and endpoint), and create those that have no row."""
    locked = await _lanes(connection, _LOCK, keys)
    missing = [key for key in keys if key not in locked]
    if not missing:
        return locked
    await create(connection, [store_id for store_id, _ in missing])
    return await _lock(connection, keys)


async def _lanes(
    connection: Connection, command: sharding.ShardedCommand, keys: Sequence[tuple[int, str]]
) -> dict[tuple[int, str], Lane]:
    if not keys:
        return {}
    stores, endpoints = zip(*keys, strict=True)
    values = {"stores": list(stores), "endpoints": list(endpoints)}
    rows = (await command.execute(connection, stores, values)).mappings().all()
    return {(row["store_id"], row["endpoint"]): from_row(row) for row in rows}


def from_row(row: Mapping[Any, Any]) -> Lane:
    """The lane of a row of LANE_COLUMNS with its key."""
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
