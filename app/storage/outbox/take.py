"""Taking updates: one statement leases due updates to one poller."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from app.domain.outbox.claim_state import ClaimState
from app.domain.outbox.doubt import QUIET_PERIOD
from app.domain.outbox.quotas import Quota
from app.domain.outbox.rate_limits import Endpoint
from app.storage.orders import repository
from app.storage.postgres import sharding, sql
from app.storage.postgres.session import Row, Session

_TAKE = sharding.ShardedCommand(sql.read("outbox/take.sql", order=repository.UNKEYED))


@dataclass(frozen=True, slots=True)
class ClaimSettings:
    """How a poller claims. All times are in seconds."""

    poller: str
    lease: float
    timeout: float
    """Walmart's time-out for a call."""
    caps: Mapping[Endpoint, float] = field(default_factory=dict)
    """Own caps, in calls a minute of each store."""
    quiet: float = QUIET_PERIOD


async def take(
    session: Session,
    wanted: Sequence[tuple[Quota, int]],
    states: Mapping[int, ClaimState],
    *,
    token: UUID,
    terms: ClaimSettings,
    sharded: bool,
) -> dict[int, list[Row]]:
    """Take each group's quota of updates; all groups of a store together at most its limit.

    sharded: the tables are distributed by store, and there is one store. Answers rows by store,
    none for a store that another poller has claimed of meanwhile; one row without an update for a
    store where nothing is due.
    """
    of_store = [quota.group.store_id for quota, _ in wanted]
    claims = {store_id: states[store_id].claims for store_id in of_store}
    values: dict[str, Any] = {
        "store_id": of_store[0],
        "stores": list(claims),
        "claims": list(claims.values()),
        "group_stores": of_store,
        "kinds": [quota.group.kind.value for quota, _ in wanted],
        "ambiguous": [quota.group.ambiguous for quota, _ in wanted],
        "lanes": [quota.lane.value for quota, _ in wanted],
        "calls": [min(quota.calls, limit) for quota, limit in wanted],
        "may_write": [quota.may_write for quota, _ in wanted],
        "limits": [limit for _, limit in wanted],
        "token": token,
        "poller": terms.poller,
        "lease": terms.lease,
        "quiet": terms.quiet,
    }
    taken: dict[int, list[Row]] = defaultdict(list)
    for row in await _TAKE.form(one=sharded).fetch(session, values):
        taken[row["of_store"]].append(row)
    return taken
