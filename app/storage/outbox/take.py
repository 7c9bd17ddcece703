"""Taking: due updates become one poller's for the length of a lease, in one statement."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from app.domain.outbox.claim_state import ClaimState
from app.domain.outbox.doubt import QUIET_PERIOD
from app.domain.outbox.quotas import Quota
from app.domain.outbox.rate_limits import Endpoint
from app.storage.orders import repository
from app.storage.outbox.due import DUE
from app.storage.postgres import sharding
from app.storage.postgres.session import Row, Session

# What was heard of a shipment last is older than the quiet period, as in a backlog or a restored
# backup: Walmart is read before it is sent (contract, promise 3). Other kinds read anyway, or may
# be sent twice.
_STALE = """(u.kind = 'shipment' AND coalesce(u.known_at, u.created_at)
                  < now() - make_interval(secs => {quiet}::float8))"""
# Those of late orders first, then those in doubt (a broken lane is not tried with what nobody
# has sent yet), then those that are due longest. A lane takes no more than it bears, whichever
# of its groups they come from.
_TAKE = """
    WITH passed AS MATERIALIZED ({passed}),
    counted AS (
      UPDATE lanes l SET claims = l.claims + 1
       WHERE l.store_id = {counted_store} AND l.endpoint = '*'),
    picked AS MATERIALIZED (
      SELECT {passed_store} AS store_id, p.*, w.ambiguous, w.lane, w.calls, w.may_write, w.most
        FROM passed
        JOIN unnest({given}$2::text[], $3::bool[], $4::text[], $5::int[], $6::bool[], $7::int[])
             AS w({named}kind, ambiguous, lane, calls, may_write, most) ON {given_to}
        CROSS JOIN (VALUES (true), (false)) AS r(urgent)
        CROSS JOIN LATERAL (
          SELECT u.id, u.state AS claimed_from, u.urgent, u.due_at, {stale} AS stale FROM updates u
           WHERE u.store_id = {passed_store} AND u.kind = w.kind AND u.ambiguous = w.ambiguous
             AND u.urgent = r.urgent AND u.active AND u.state IN {due} AND u.due_at <= now()
           ORDER BY u.due_at, u.id LIMIT w.calls
           FOR UPDATE SKIP LOCKED) p),
    ranked AS (
      SELECT picked.*, row_number() OVER (
               PARTITION BY store_id, lane
               ORDER BY urgent DESC, ambiguous DESC, due_at, id) AS place
        FROM picked),
    chosen AS (
      SELECT ranked.*, row_number() OVER (
               PARTITION BY store_id ORDER BY urgent DESC, ambiguous DESC, due_at, id) AS number
        FROM ranked WHERE place <= calls),
    taken AS (
      UPDATE updates u
         SET state = 'sending', lease_token = $8, leased_by = $9,
             leased_until = now() + make_interval(secs => $10::float8),
             ambiguous = chosen.ambiguous OR chosen.stale,
             attempts = u.attempts + 1, updated_at = now()
        FROM chosen WHERE u.store_id = {chosen_store} AND u.id = chosen.id
                      AND chosen.number <= chosen.most
      RETURNING u.store_id, u.id, u.order_id, u.kind, u.subject, u.payload, u.attempts, u.retries,
             u.reads, u.ambiguous, u.in_doubt_until, u.faults, u.failing_for, u.failing_since,
             u.created_at, u.lease_token, u.leased_until, chosen.claimed_from, chosen.may_write)
    SELECT passed.store_id AS of_store, taken.*, now() AS claimed_at, {order}
      FROM passed
      LEFT JOIN taken ON taken.store_id = passed.store_id
      LEFT JOIN orders o ON o.store_id = {taken_store} AND o.id = taken.order_id
"""
# A store whose count of claims is still the one that was looked at, so that nobody has claimed
# since; until the end of the statement nobody else can. Nobody is waited for.
_PASSED = """
      SELECT l.store_id FROM lanes l
       WHERE l.store_id = {store} AND l.endpoint = '*' AND l.claims = {claims}
       LIMIT 1 FOR UPDATE SKIP LOCKED"""
# Of one store: a statement that never leaves its shard. It is not used for one store elsewhere:
# planned while there were few updates it goes through all of the store's later.
_OF_ONE = _TAKE.format(
    passed=_PASSED.format(store="$1::int", claims="$11::bigint"),
    passed_store="$1",
    counted_store="$1 AND EXISTS (SELECT FROM passed)",
    given="",
    named="",
    given_to="true",
    chosen_store="$1",
    taken_store="$1",
    stale=_STALE.format(quiet="$12"),
    due=DUE,
    order=sharding.of_one(repository.UNKEYED, "$1"),
)
# Of several: each looked for by its key, whatever the planner expects.
_PASSED_OF_SEVERAL = f"""
      SELECT p.store_id FROM unnest($11::int[], $12::bigint[]) AS v(store_id, claims)
       CROSS JOIN LATERAL ({_PASSED.format(store="v.store_id", claims="v.claims")}) p
"""  # noqa: S608 - only constants are put in
OF_SEVERAL = _TAKE.format(
    passed=_PASSED_OF_SEVERAL,
    passed_store="passed.store_id",
    counted_store="ANY(ARRAY(SELECT store_id FROM passed))",
    given="$1::int[], ",
    named="store_id, ",
    given_to="w.store_id = passed.store_id",
    chosen_store="chosen.store_id",
    taken_store="taken.store_id",
    stale=_STALE.format(quiet="$13"),
    due=DUE,
    order=sharding.of_any(repository.UNKEYED),
)


@dataclass(frozen=True, slots=True)
class ClaimSettings:
    """On what terms a poller claims. Seconds: its lease, Walmart's time-out, the quiet period."""

    poller: str
    lease: float
    timeout: float
    # Own caps, in calls a minute of each store.
    caps: Mapping[Endpoint, float] = field(default_factory=dict)
    quiet: float = QUIET_PERIOD


async def take(
    session: Session,
    going: Sequence[tuple[Quota, int]],
    seen: Mapping[int, ClaimState],
    *,
    token: UUID,
    terms: ClaimSettings,
    sharded: bool,
) -> dict[int, list[Row]]:
    """Take of each group its share; of a store's groups together no more than its limit.

    apart: stores' rows lie on several servers, and this is one store. Answers rows by store, none
    of those that somebody else claimed of meanwhile; one without an update where nothing is due.
    """
    of_store = [share.group.store_id for share, _ in going]
    claims = {store_id: seen[store_id].claims for store_id in of_store}
    rows = await session.fetch(
        _OF_ONE if sharded else OF_SEVERAL,
        of_store[0] if sharded else of_store,
        [share.group.kind.value for share, _ in going],
        [share.group.ambiguous for share, _ in going],
        [share.lane.value for share, _ in going],
        [min(share.calls, limit) for share, limit in going],
        [share.may_write for share, _ in going],
        [limit for _, limit in going],
        token,
        terms.poller,
        terms.lease,
        *(claims.values() if sharded else (list(claims), list(claims.values()))),
        terms.quiet,
    )
    taken: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        taken[row["of_store"]].append(row)
    return taken
