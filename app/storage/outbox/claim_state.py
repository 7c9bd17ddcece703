"""What a claim goes by: a store's lanes, its calls under way, how often it was claimed."""

from collections.abc import Iterable, Sequence

from app.domain.outbox.claim_state import ClaimState
from app.domain.outbox.rate_limits import Endpoint, Lane
from app.domain.update import Kind
from app.storage import rate_limits
from app.storage.postgres.session import Session

# Updates whose calls are under way are counted: what a poller holds that has long been silent is
# not. A poller of an older version, beside us for a while, has lanes of other names. Each row is
# looked for by its key, whatever the planner expects of tables that are small yet; what is under
# way is looked for once for all stores, for while an old transaction is open its index is long.
_LOOK = """
    WITH sending AS MATERIALIZED (
      SELECT f.store_id, jsonb_agg(jsonb_build_array(f.kind, f.ambiguous, f.updates)) AS under_way
        FROM (SELECT store_id, kind, ambiguous, count(*) AS updates FROM updates
               WHERE store_id = {stores} AND state = 'sending'
                 AND leased_until > now() + make_interval(secs => $3::float8)
               GROUP BY store_id, kind, ambiguous) f
       GROUP BY f.store_id)
    SELECT now() AS at, s.store_id, s.walmart_client_id, s.walmart_client_secret, s.market,
           n.under_way, l.endpoint, l.claims, {lane}
      FROM {asked}
      CROSS JOIN LATERAL (SELECT * FROM stores WHERE store_id = {store} LIMIT 1) s
      LEFT JOIN sending n ON n.store_id = s.store_id
      LEFT JOIN LATERAL
           (SELECT * FROM lanes WHERE store_id = {store} AND endpoint = ANY($2::text[]) OFFSET 0) l
        ON true
"""
# At one store: a statement that never leaves its shard.
_AT_ONE = _LOOK.format(asked="(SELECT) one", store="$1", stores="$1", lane=rate_limits.READ)
AT_SEVERAL = _LOOK.format(
    asked="unnest($1::int[]) AS q(store_id)",
    store="q.store_id",
    stores="ANY($1::int[])",
    lane=rate_limits.READ,
)
_BEGIN = """
    INSERT INTO lanes (store_id, endpoint, paused_until, reason)
    SELECT store_id, '*', '-infinity', '' FROM unnest($1::int[]) AS q(store_id) ORDER BY store_id
    ON CONFLICT DO NOTHING
"""


async def load(
    session: Session,
    store_ids: Sequence[int],
    ways: Iterable[Endpoint],
    silent: float,
    *,
    sharded: bool = False,
) -> dict[int, ClaimState]:
    """Look at some of the lanes of stores; one that is not there is not in the answer.

    silent: seconds before its lease ends in which a poller makes no calls any more. apart: stores'
    rows lie on several servers, and this is one store. A lane that has no row yet is a fresh one.
    """
    endpoints = sorted({Endpoint.ALL, *ways})
    seen = await _look(session, store_ids, endpoints, silent, sharded=sharded)
    new = [store_id for store_id, claims in seen.items() if claims is None]
    if new:
        # What claims are counted on.
        await session.fetch(_BEGIN, new)
        seen |= await _look(session, new, endpoints, silent, sharded=sharded)
    return {store_id: found for store_id, found in seen.items() if found is not None}


async def _look(
    session: Session,
    store_ids: Sequence[int],
    endpoints: Sequence[Endpoint],
    silent: float,
    *,
    sharded: bool,
) -> dict[int, ClaimState | None]:
    rows = (
        await session.fetch(_AT_ONE, store_ids[0], endpoints, silent)
        if sharded
        else await session.fetch(AT_SEVERAL, list(store_ids), endpoints, silent)
    )
    known: dict[int, dict[Endpoint, Lane]] = {}
    found: dict[int, ClaimState | None] = {}
    for row in rows:
        store_id = row["store_id"]
        if store_id not in known:
            known[store_id] = {each: Lane(store_id, each) for each in endpoints}
            found[store_id] = None
        if row["endpoint"] is not None:
            lane = rate_limits.from_row(row)
            known[store_id][lane.endpoint] = lane
        if row["endpoint"] == Endpoint.ALL:
            under_way = {(Kind(kind), unsure): n for kind, unsure, n in row["under_way"] or ()}
            found[store_id] = ClaimState(known[store_id], row["at"], under_way, row["claims"], row)
    return found
