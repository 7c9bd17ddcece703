"""Claiming: which updates are due, and taking some of one store for the length of a lease.

Updates are looked for by what decides which of Walmart's endpoints is called first (store,
kind, whether an earlier try may have landed), so that a paused lane and a store with a
hundred thousand due updates cost the same few looks into an index as one with a single one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from uuid import UUID

from app.orders.lane import READ_FIRST, WRITTEN_TO, Endpoint, Room, capped, room, ways
from app.orders.order import Order
from app.orders.update import TOLD_COMMERCE, Kind, State
from app.storage import lanes, orders, stores
from app.storage.direct import Direct, Row, Session
from app.storage.stores import Credentials
from app.storage.updates import Claimed
from app.storage.vault import Vault

_NO_CAPS: Mapping[Endpoint, float] = {}
_NOTHING_GIVEN: Mapping[Endpoint, int] = {}
_DUE = "('pending', 'retrying', 'verifying')"

# A loose index scan: one look into the index for each group that has anything, two for each
# to find what is due first of it.
_GROUPS = f"""
    WITH RECURSIVE found AS (
      (SELECT store_id, kind, ambiguous FROM updates WHERE active AND state IN {_DUE}
        ORDER BY store_id, kind, ambiguous LIMIT 1)
      UNION ALL
      SELECT n.store_id, n.kind, n.ambiguous FROM found g CROSS JOIN LATERAL (
        SELECT u.store_id, u.kind, u.ambiguous FROM updates u
         WHERE u.active AND u.state IN {_DUE}
           AND (u.store_id, u.kind, u.ambiguous) > (g.store_id, g.kind, g.ambiguous)
         ORDER BY u.store_id, u.kind, u.ambiguous LIMIT 1) n)
    SELECT g.store_id, g.kind, g.ambiguous,
           extract(epoch FROM greatest(first.due_at, everything.paused_until) - now())::float
             AS due_in
      FROM found g
      CROSS JOIN LATERAL (SELECT min(each.due_at) AS due_at
             FROM (VALUES (true), (false)) AS r(urgent)
             CROSS JOIN LATERAL (SELECT u.due_at FROM updates u
                    WHERE u.store_id = g.store_id AND u.kind = g.kind
                      AND u.ambiguous = g.ambiguous AND u.urgent = r.urgent
                      AND u.active AND u.state IN {_DUE}
                    ORDER BY u.due_at LIMIT 1) each) first
      LEFT JOIN lanes everything
        ON everything.store_id = g.store_id AND everything.endpoint = '*'
       AND g.kind <> 'commerce_note'
"""  # noqa: S608 - only a constant of this module is put in

# Those of late orders first, then those in doubt (a broken lane is not tried with what nobody
# has sent yet), then those that are due longest. A lane takes no more than it bears, whichever
# of its groups they come from.
_TAKE = f"""
    WITH picked AS MATERIALIZED (
      SELECT p.*, w.ambiguous, w.lane, w.calls, w.may_write
        FROM unnest($2::text[], $3::bool[], $4::text[], $5::int[], $6::bool[])
             AS w(kind, ambiguous, lane, calls, may_write)
        CROSS JOIN (VALUES (true), (false)) AS r(urgent)
        CROSS JOIN LATERAL (
          SELECT u.id, u.state AS claimed_from, u.urgent, u.due_at FROM updates u
           WHERE u.store_id = $1 AND u.kind = w.kind AND u.ambiguous = w.ambiguous
             AND u.urgent = r.urgent AND u.active AND u.state IN {_DUE} AND u.due_at <= now()
           ORDER BY u.due_at, u.id LIMIT w.calls
           FOR UPDATE SKIP LOCKED) p),
    ranked AS (
      SELECT picked.*, row_number() OVER (
               PARTITION BY lane ORDER BY urgent DESC, ambiguous DESC, due_at, id) AS place
        FROM picked),
    chosen AS (
      SELECT id, claimed_from, may_write FROM ranked WHERE place <= calls
       ORDER BY urgent DESC, ambiguous DESC, due_at, id LIMIT $7),
    taken AS (
      UPDATE updates u
         SET state = 'sending', lease_token = $8, leased_by = $9,
             -- It begins now: the turnstile may have been waited for.
             leased_until = clock_timestamp() + make_interval(secs => $10::float8),
             attempts = u.attempts + 1, updated_at = now()
        FROM chosen WHERE u.store_id = $1 AND u.id = chosen.id
      RETURNING u.id, u.order_id, u.kind, u.subject, u.payload, u.attempts, u.retries, u.reads,
             u.ambiguous, u.may_have_left_at, u.failing_for, u.failing_since, u.created_at,
             u.lease_token, u.leased_until, chosen.claimed_from, chosen.may_write,
             now() AS claimed_at)
    SELECT taken.*, s.walmart_client_id, s.walmart_client_secret, s.market,
           {orders.UNKEYED}
      FROM taken
      JOIN stores s ON s.store_id = $1
      LEFT JOIN orders o ON o.store_id = $1 AND o.id = taken.order_id
"""  # noqa: S608 - only constants are put in
_GIVE_BACK = """
    UPDATE updates u
       SET state = v.state, attempts = u.attempts - 1, due_at = now() + interval '1 second',
           lease_token = NULL, leased_by = NULL, leased_until = NULL, updated_at = now()
      FROM unnest($2::uuid[], $3::uuid[], $4::text[]) AS v(id, token, state)
     WHERE u.store_id = $1 AND u.id = v.id AND u.lease_token = v.token
"""
_CLAIMED = tuple(each.name for each in fields(Claimed))


# A store, and whether it is its Commerce that is told: a hanging one takes no slot of Walmart's.
Place = tuple[int, bool]


def place_of(store_id: int, kind: Kind) -> Place:
    """Whose slots an update takes in a poller."""
    return store_id, kind in TOLD_COMMERCE


@dataclass(frozen=True, slots=True)
class Group:
    """Updates of a store that take the same way to Walmart; due_in seconds (or less) to the first.

    ambiguous: an earlier try may have landed, so Walmart is read first.
    """

    store_id: int
    kind: Kind
    ambiguous: bool
    due_in: float

    @property
    def place(self) -> Place:
        """Whose slots it takes."""
        return place_of(self.store_id, self.kind)


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a poller claims. Seconds: its lease, Walmart's time-out."""

    poller: str
    lease: float
    timeout: float
    # Own caps, in calls a minute of each store.
    caps: Mapping[Endpoint, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Claim:
    """What was taken, each with its order, as it was right before.

    credentials: the store's, None where nothing was taken. held_back: a lane bears no more than
    that; again_in: seconds after which it does, None if that is unknown.
    """

    updates: Sequence[Claimed] = ()
    orders: Mapping[UUID, Order] = field(default_factory=dict)
    credentials: Credentials | None = None
    held_back: bool = False
    again_in: float | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """How many updates of a group may go now, by which lane they are counted.

    may_write: False where the writing lane bears nothing, so that it can only be settled by
    reading now.
    """

    group: Group
    lane: Endpoint
    calls: int
    may_write: bool
    again_at: datetime | None


async def due(session: Session) -> list[Group]:
    """Every group with something waiting, and when the first of it may go."""
    return [
        Group(row["store_id"], Kind(row["kind"]), row["ambiguous"], row["due_in"])
        for row in await session.fetch(_GROUPS)
    ]


async def claim(
    direct: Direct,
    groups: Sequence[Group],
    *,
    limit: int,
    token: UUID,
    terms: Terms,
    vault: Vault,
) -> Claim:
    """Take up to limit due updates of one store's groups, as many as its lanes bear.

    Whoever else claims from the store waits meanwhile. Raises NotAvailable, and CannotDecrypt
    where nobody can read the store's secret; then nothing was taken.
    """
    store_id = groups[0].store_id
    async with direct.transaction(lanes.turnstile(store_id)) as session:
        seen = await lanes.look(session, store_id, max(terms.lease - terms.timeout, 0.0))
        found = _shares(groups, seen, terms.caps, limit)
        waits = [
            (each.again_at - seen.at).total_seconds() for each in found if each.again_at is not None
        ]
        room = Claim(
            held_back=any(each.calls < limit for each in found),
            again_in=max(min(waits), 0.0) if waits else None,
        )
        going = [each for each in found if each.calls > 0]
        if not going:
            return room
        rows = await _take(session, going, limit=limit, token=token, terms=terms)
        if not rows:
            return room
        taken = [_claimed(store_id, row) for row in rows]
        opened = stores.opened(store_id, rows[0], vault)
        if terms.caps:
            calls = Counter(way for each in taken for way in _ways(each.kind, each.ambiguous))
            # In one order everywhere, as recording holds them.
            spent = [seen.lanes[way] for way in sorted(calls)]
            await lanes.spend(session, spent, calls, terms.caps, seen.at)
    return replace(room, updates=taken, orders=_orders(store_id, rows), credentials=opened)


def _shares(
    groups: Sequence[Group], seen: lanes.Picture, caps: Mapping[Endpoint, float], limit: int
) -> list[Share]:
    """How much of each group may go: those in doubt first, each by what others leave of a lane."""
    found: list[Share] = []
    given: Counter[Endpoint] = Counter()
    for group in sorted(groups, key=lambda each: not each.ambiguous):
        mine = share(group, seen, caps, given)
        found.append(mine)
        for way in _ways(group.kind, group.ambiguous):
            given[way] += min(mine.calls, limit)
    return found


def share(
    group: Group,
    seen: lanes.Picture,
    caps: Mapping[Endpoint, float] = _NO_CAPS,
    given: Mapping[Endpoint, int] = _NOTHING_GIVEN,
) -> Share:
    """How much of a group may go by the lanes that it needs; given: calls that others take."""

    def left(endpoint: Endpoint) -> Room:
        busy = sum(
            n for (kind, unsure), n in seen.under_way.items() if endpoint in _ways(kind, unsure)
        )
        lane = seen.lanes[endpoint]
        own = capped(lane, room(lane, busy, seen.at), caps.get(endpoint), seen.at)
        return Room(max(own.calls - given.get(endpoint, 0), 0), own.again_at)

    writing = WRITTEN_TO[group.kind]
    if group.ambiguous and not left(writing).calls and writing is not Endpoint.COMMERCE:
        rooms = [left(Endpoint.ALL), left(Endpoint.READ)]
        tightest = min(rooms, key=lambda each: each.calls)
        again_at = left(writing).again_at or tightest.again_at
        return Share(group, Endpoint.READ, tightest.calls, may_write=False, again_at=again_at)
    tightest = min(
        (left(each) for each in _ways(group.kind, group.ambiguous)), key=lambda each: each.calls
    )
    return Share(group, writing, tightest.calls, may_write=True, again_at=tightest.again_at)


def _ways(kind: Kind, ambiguous: bool) -> list[Endpoint]:
    return ways(kind, reads=ambiguous or kind in READ_FIRST)


async def _take(
    session: Session, shares: Sequence[Share], *, limit: int, token: UUID, terms: Terms
) -> Sequence[Row]:
    return await session.fetch(
        _TAKE,
        shares[0].group.store_id,
        [each.group.kind.value for each in shares],
        [each.group.ambiguous for each in shares],
        [each.lane.value for each in shares],
        [min(each.calls, limit) for each in shares],
        [each.may_write for each in shares],
        limit,
        token,
        terms.poller,
        terms.lease,
    )


async def give_back(direct: Direct, store_id: int, taken: Sequence[Claimed]) -> None:
    """Leave updates to a later claim of which nothing was sent, as if they had not been taken."""
    await direct.fetch(
        _GIVE_BACK,
        store_id,
        [each.id for each in taken],
        [each.lease_token for each in taken],
        [each.claimed_from.value for each in taken],
    )


def _claimed(store_id: int, row: Row) -> Claimed:
    values = {name: row[name] for name in _CLAIMED if name != "store_id"}
    values["kind"], values["claimed_from"] = Kind(row["kind"]), State(row["claimed_from"])
    return Claimed(store_id=store_id, **values)


def _orders(store_id: int, rows: Sequence[Row]) -> dict[UUID, Order]:
    return {
        row["order_id"]: orders.from_row({**row, "id": row["order_id"], "store_id": store_id})
        for row in rows
        if row["order_id"] is not None
    }
