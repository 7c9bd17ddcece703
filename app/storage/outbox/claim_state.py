"""The state that a claim is based on: rate limits, calls in flight, the count of claims."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.domain.outbox.claim_state import ClaimState
from app.domain.outbox.rate_limits import Endpoint, Lane
from app.domain.update import Kind
from app.storage import rate_limits
from app.storage.postgres import sharding, sql
from app.storage.postgres.session import Session
from app.storage.postgres.sql import Statement

_LOAD = sharding.ShardedCommand(
    sql.read("outbox/load_claim_state.sql", lane=rate_limits.LANE_COLUMNS)
)
_BEGIN = Statement("""
    INSERT INTO lanes (store_id, endpoint, paused_until, reason)
    SELECT store_id, '*', '-infinity', '' FROM unnest(:stores::int[]) AS q(store_id)
     ORDER BY store_id ON CONFLICT DO NOTHING
""")


async def load(
    session: Session,
    store_ids: Sequence[int],
    endpoints: Iterable[Endpoint],
    silent: float,
    *,
    sharded: bool = False,
) -> dict[int, ClaimState]:
    """Load the claim states of stores, with these lanes; a store that does not exist is left out.

    silent: seconds before the end of its lease in which a poller makes no calls any more.
    sharded: the tables are distributed by store, and there is one store. A lane without a row is
    a fresh one.
    """
    names = sorted({Endpoint.ALL, *endpoints})
    found = await _load(session, store_ids, names, silent, sharded=sharded)
    new = [store_id for store_id, state in found.items() if state is None]
    if new:
        # The row on which claims are counted.
        await _BEGIN.fetch(session, {"stores": new})
        found |= await _load(session, new, names, silent, sharded=sharded)
    return {store_id: state for store_id, state in found.items() if state is not None}


async def _load(
    session: Session,
    store_ids: Sequence[int],
    endpoints: Sequence[Endpoint],
    silent: float,
    *,
    sharded: bool,
) -> dict[int, ClaimState | None]:
    """Claim states by store; None for a store without the row on which claims are counted."""
    values: dict[str, Any] = {"stores": list(store_ids), "endpoints": endpoints, "silent": silent}
    rows = await _LOAD.form(one=sharded).fetch(session, values | {"store_id": store_ids[0]})
    lanes: dict[int, dict[Endpoint, Lane]] = {}
    found: dict[int, ClaimState | None] = {}
    for row in rows:
        store_id = row["store_id"]
        if store_id not in lanes:
            lanes[store_id] = {each: Lane(store_id, each) for each in endpoints}
            found[store_id] = None
        if row["endpoint"] is not None:
            lane = rate_limits.from_row(row)
            lanes[store_id][lane.endpoint] = lane
        if row["endpoint"] == Endpoint.ALL:
            found[store_id] = _state(row, lanes[store_id])
    return found


def _state(row: Mapping[str, Any], lanes: Mapping[Endpoint, Lane]) -> ClaimState:
    in_flight = {(Kind(kind), ambiguous): n for kind, ambiguous, n in row["under_way"] or ()}
    return ClaimState(lanes, row["at"], in_flight, row["claims"], row)
