"""Claiming: taking due updates of stores for the length of a lease, as many as lanes bear."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from uuid import UUID

from app.domain.orders.order import Order
from app.domain.outbox.claim_state import ClaimState
from app.domain.outbox.claimed_update import Claimed
from app.domain.outbox.due_group import DueGroup
from app.domain.outbox.quotas import Quota, lanes_of, quotas
from app.domain.outbox.rate_limits import Endpoint
from app.domain.update import Kind, State
from app.storage import rate_limits
from app.storage.orders import repository
from app.storage.outbox import claim_state
from app.storage.outbox.take import ClaimSettings, take
from app.storage.postgres.session import Row, Session, Sessions
from app.storage.stores import stores
from app.storage.stores.secrets import CannotDecrypt, SecretCipher
from app.storage.stores.stores import Credentials

_GIVE_BACK = """
    UPDATE updates u
       SET state = v.state, attempts = u.attempts - 1, due_at = now() + interval '1 second',
           lease_token = NULL, leased_by = NULL, leased_until = NULL, updated_at = now()
      FROM unnest($2::uuid[], $3::uuid[], $4::text[]) AS v(id, token, state)
     WHERE u.store_id = $1 AND u.id = v.id AND u.lease_token = v.token
"""
_CLAIMED = tuple(each.name for each in fields(Claimed))


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """Up to limit due updates of one store's groups."""

    groups: Sequence[DueGroup]
    limit: int

    @property
    def store_id(self) -> int:
        """Whose they are."""
        return self.groups[0].store_id


@dataclass(frozen=True, slots=True)
class Claim:
    """What was taken of a store, each with its order, as it was right before.

    credentials: the store's, None where nothing was taken. held_back: a lane bears no more than
    that; again_in: seconds after which it does, None if that is unknown. elsewhere: somebody else
    claimed of the store meanwhile, so that nobody knows what there is. unreadable: nobody can
    read the store's secret.
    """

    updates: Sequence[Claimed] = ()
    orders: Mapping[UUID, Order] = field(default_factory=dict)
    credentials: Credentials | None = None
    held_back: bool = False
    again_in: float | None = None
    elsewhere: bool = False
    unreadable: bool = False


async def claim(
    direct: Sessions,
    wanted: Sequence[ClaimRequest],
    *,
    token: UUID,
    terms: ClaimSettings,
    cipher: SecretCipher,
    sharded: bool = False,
) -> list[Claim]:
    """Take due updates of stores, each named once, as many as their lanes bear.

    Answers a claim for each. Two never claim of a store by the same count: the later one is told
    that the other did; nobody is waited for. apart: stores' rows lie on several servers, and one is
    wanted. Own caps are only held for one store. Raises NotAvailable; then nothing was taken.
    """
    if terms.caps and len(wanted) > 1:
        raise ValueError("own caps are held for one store at a time")
    # What is spent of own caps is written with what was taken.
    async with direct.transaction() if terms.caps else direct.session() as session:
        found = await _claim(session, wanted, token, terms, cipher, sharded=sharded)
    return [found.get(each.store_id, Claim()) for each in wanted]


async def _claim(
    session: Session,
    wanted: Sequence[ClaimRequest],
    token: UUID,
    terms: ClaimSettings,
    cipher: SecretCipher,
    *,
    sharded: bool,
) -> dict[int, Claim]:
    ways = {
        way
        for each in wanted
        for group in each.groups
        for way in lanes_of(group.kind, ambiguous=True)
    }
    silent = max(terms.lease - terms.timeout, 0.0)
    seen = await claim_state.load(
        session, [each.store_id for each in wanted], ways, silent, sharded=sharded
    )
    claims: dict[int, Claim] = {}
    going: list[tuple[Quota, int]] = []
    for each in wanted:
        if each.store_id in seen:
            found = quotas(each.groups, seen[each.store_id], terms.caps, each.limit)
            claim = _room(found, each.limit, seen[each.store_id], cipher)
            claims[each.store_id] = claim
            if claim.credentials is not None:
                going += [(share, each.limit) for share in found if share.calls > 0]
    if not going:
        return claims
    taken = await take(session, going, seen, token=token, terms=terms, sharded=sharded)
    for store_id in {share.group.store_id for share, _ in going}:
        claims[store_id] = _taken(claims[store_id], taken.get(store_id))
    # In one order everywhere, as recording holds them.
    for store_id in sorted(taken) if terms.caps else ():
        await _spend(session, seen[store_id], claims[store_id].updates, terms.caps)
    return claims


def _room(found: Sequence[Quota], limit: int, seen: ClaimState, cipher: SecretCipher) -> Claim:
    """What a store's lanes bear; with its credentials, where they bear anything."""
    waits = [(each.again_at - seen.at).total_seconds() for each in found if each.again_at]
    claim = Claim(
        held_back=any(each.calls < limit for each in found),
        again_in=max(min(waits), 0.0) if waits else None,
    )
    if not any(each.calls for each in found):
        return claim
    try:
        opened = stores.opened(seen.access["store_id"], seen.access, cipher)
    except CannotDecrypt:
        return Claim(unreadable=True)
    return replace(claim, credentials=opened)


def _taken(room: Claim, rows: Sequence[Row] | None) -> Claim:
    if rows is None:
        return Claim(elsewhere=True)
    mine = [row for row in rows if row["id"] is not None]
    return replace(room, updates=[_claimed(row) for row in mine], orders=_orders(mine))


async def _spend(
    session: Session, seen: ClaimState, taken: Sequence[Claimed], caps: Mapping[Endpoint, float]
) -> None:
    calls = Counter(way for each in taken for way in lanes_of(each.kind, each.ambiguous))
    spent = [seen.lanes[way] for way in sorted(calls)]
    await rate_limits.spend(session, spent, calls, caps, seen.at)


async def give_back(direct: Sessions, store_id: int, taken: Sequence[Claimed]) -> None:
    """Leave updates to a later claim of which nothing was sent, as if they had not been taken."""
    await direct.fetch(
        _GIVE_BACK,
        store_id,
        [each.id for each in taken],
        [each.lease_token for each in taken],
        [each.claimed_from.value for each in taken],
    )


def _claimed(row: Row) -> Claimed:
    values = {name: row[name] for name in _CLAIMED}
    values["kind"], values["claimed_from"] = Kind(row["kind"]), State(row["claimed_from"])
    return Claimed(**values)


def _orders(rows: Sequence[Row]) -> dict[UUID, Order]:
    return {
        row["order_id"]: repository.from_row({**row, "id": row["order_id"]})
        for row in rows
        if row["order_id"] is not None
    }
