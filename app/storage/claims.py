"""Claiming: which updates are due, and taking some of one store for the length of a lease.

Updates are looked for by what decides which of Walmart's endpoints is called first (store,
kind, whether an earlier try may have landed), so that a paused lane and a store with a
hundred thousand due updates cost the same few looks into an index as one with a single one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.orders.lane import READ_FIRST, WRITTEN_TO, Endpoint, Lane, Room, capped, room, ways
from app.orders.update import TOLD_COMMERCE, Kind, State
from app.storage import lanes
from app.storage.direct import Session
from app.storage.updates import Claimed

_NO_CAPS: Mapping[Endpoint, float] = {}
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

_IN_FLIGHT = """
    SELECT kind, ambiguous, count(*) AS updates FROM updates
     WHERE store_id = $1 AND state = 'sending'
       AND leased_until > now() + make_interval(secs => $2::float8)
     GROUP BY kind, ambiguous
"""

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
       ORDER BY urgent DESC, ambiguous DESC, due_at, id LIMIT $7)
    UPDATE updates u
       SET state = 'sending', lease_token = $8, leased_by = $9,
           leased_until = now() + make_interval(secs => $10::float8),
           attempts = u.attempts + 1, updated_at = now()
      FROM chosen WHERE u.store_id = $1 AND u.id = chosen.id
    RETURNING u.id, u.order_id, u.kind, u.subject, u.payload, u.attempts, u.retries, u.reads,
           u.ambiguous, u.may_have_left_at, u.failing_for, u.failing_since, u.created_at,
           u.lease_token, u.leased_until, chosen.claimed_from, chosen.may_write,
           now() AS claimed_at
"""  # noqa: S608 - only a constant of this module is put in


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
    """What was taken; again_in: seconds after which a full lane bears more, None if unknown."""

    updates: Sequence[Claimed]
    again_in: float | None


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
    session: Session, groups: Sequence[Group], *, limit: int, token: UUID, terms: Terms
) -> Claim:
    """Take up to limit due updates of one store's groups, as many as its lanes bear.

    Whoever else claims from the store waits until the transaction has ended.
    """
    store_id = groups[0].store_id
    held, now = await lanes.hold(session, store_id)
    # Where nothing is counted it does not matter how much is under way.
    counted = any(held[way].counted for each in groups for way in _needed(each))
    in_flight = await _in_flight(session, store_id, terms) if counted else {}
    found = [share(group, held, in_flight, now, terms.caps) for group in groups]
    waits = [(each.again_at - now).total_seconds() for each in found if each.again_at is not None]
    again_in = max(min(waits), 0.0) if waits else None
    going = [each for each in found if each.calls > 0]
    if not going:
        return Claim([], again_in)
    taken = await _take(session, going, limit=limit, token=token, terms=terms)
    if terms.caps:
        calls = Counter(way for each in taken for way in _ways(each.kind, each.ambiguous))
        await lanes.spend(session, [held[way] for way in calls], calls, terms.caps, now)
    return Claim(taken, again_in)


def share(
    group: Group,
    held: dict[Endpoint, Lane],
    in_flight: dict[tuple[Kind, bool], int],
    now: datetime,
    caps: Mapping[Endpoint, float] = _NO_CAPS,
) -> Share:
    """How much of a group may go by the lanes that it needs."""

    def left(endpoint: Endpoint) -> Room:
        busy = sum(n for (kind, unsure), n in in_flight.items() if endpoint in _ways(kind, unsure))
        lane = held[endpoint]
        return capped(lane, room(lane, busy, now), caps.get(endpoint), now)

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


def _needed(group: Group) -> list[Endpoint]:
    """Every lane that decides how much of a group may go."""
    return [*_ways(group.kind, group.ambiguous), Endpoint.READ]


def _ways(kind: Kind, ambiguous: bool) -> list[Endpoint]:
    return ways(kind, reads=ambiguous or kind in READ_FIRST)


async def _in_flight(session: Session, store_id: int, terms: Terms) -> dict[tuple[Kind, bool], int]:
    """Updates whose calls are under way; a poller that has long been silent makes none."""
    silent = max(terms.lease - terms.timeout, 0.0)
    rows = await session.fetch(_IN_FLIGHT, store_id, silent)
    return {(Kind(row["kind"]), row["ambiguous"]): row["updates"] for row in rows}


async def _take(
    session: Session, shares: Sequence[Share], *, limit: int, token: UUID, terms: Terms
) -> list[Claimed]:
    store_id = shares[0].group.store_id
    rows = await session.fetch(
        _TAKE,
        store_id,
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
    return [
        Claimed(
            **{
                **dict(row),
                "store_id": store_id,
                "kind": Kind(row["kind"]),
                "claimed_from": State(row["claimed_from"]),
            }
        )
        for row in rows
    ]
