"""Claims: due updates of stores, leased to one poller, as many as the rate limits allow."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any
from uuid import UUID

from app.domain.orders.order import Order
from app.domain.outbox.claim_state import ClaimState
from app.domain.outbox.claimed_update import Claimed
from app.domain.outbox.due_group import DueGroup
from app.domain.outbox.quotas import Quota, lanes_of, quotas
from app.domain.outbox.rate_limits import Endpoint
from app.domain.seller_credentials import SellerCredentials
from app.domain.update import Kind, State
from app.storage import rate_limits
from app.storage.orders import repository
from app.storage.outbox import claim_state
from app.storage.outbox.take import ClaimSettings, take
from app.storage.postgres.session import Row, Session, Sessions
from app.storage.postgres.sql import Statement
from app.storage.stores import credentials
from app.storage.stores.secrets import CannotDecrypt, SecretCipher

_GIVE_BACK = Statement("""
    UPDATE updates u
       SET state = v.state, attempts = u.attempts - 1, due_at = now() + interval '1 second',
           lease_token = NULL, leased_by = NULL, leased_until = NULL, updated_at = now()
      FROM unnest(:ids::uuid[], :tokens::uuid[], :states::text[]) AS v(id, token, state)
     WHERE u.store_id = :store_id AND u.id = v.id AND u.lease_token = v.token
""")
_CLAIMED = tuple(each.name for each in fields(Claimed))


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """A request for up to limit due updates of one store's groups."""

    groups: Sequence[DueGroup]
    limit: int

    @property
    def store_id(self) -> int:
        """The store of the groups."""
        return self.groups[0].store_id


@dataclass(frozen=True, slots=True)
class Claim:
    """The updates that were claimed of a store."""

    updates: Sequence[Claimed] = ()
    orders: Mapping[UUID, Order] = field(default_factory=dict)
    """The updates' orders as they were right before the claim."""
    credentials: SellerCredentials | None = None
    """The store's Walmart credentials. None means that nothing was claimed."""
    held_back: bool = False
    """Whether a rate limit allowed fewer updates than were asked for."""
    again_in: float | None = None
    """Seconds until the rate limit allows more. None means that this is not known."""
    elsewhere: bool = False
    """Whether another poller claimed of the store meanwhile, so that nothing was claimed."""
    unreadable: bool = False
    """Whether no encryption key reads the store's secret."""


async def claim(
    direct: Sessions,
    wanted: Sequence[ClaimRequest],
    *,
    token: UUID,
    terms: ClaimSettings,
    cipher: SecretCipher,
    sharded: bool = False,
) -> list[Claim]:
    """Claim due updates of stores, each named once, as many as their rate limits allow.

    Answers a claim for each request, in order. Of two claims that are based on the same count of
    claims the later one gets nothing and does not wait. sharded: the tables are distributed by
    store, and there is one request. Own caps work for one store only. Raises NotAvailable; then
    nothing was claimed.
    """
    if terms.caps and len(wanted) > 1:
        raise ValueError("own caps are held for one store at a time")
    # The calls that own caps lose are written together with the claim.
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
    endpoints = {
        endpoint
        for each in wanted
        for group in each.groups
        for endpoint in lanes_of(group.kind, ambiguous=True)
    }
    silent = max(terms.lease - terms.timeout, 0.0)
    states = await claim_state.load(
        session, [each.store_id for each in wanted], endpoints, silent, sharded=sharded
    )
    claims: dict[int, Claim] = {}
    allowed: list[tuple[Quota, int]] = []
    for each in wanted:
        if each.store_id in states:
            found = quotas(each.groups, states[each.store_id], terms.caps, each.limit)
            claim = _capacity(found, each.limit, states[each.store_id], cipher)
            claims[each.store_id] = claim
            if claim.credentials is not None:
                allowed += [(quota, each.limit) for quota in found if quota.calls > 0]
    if not allowed:
        return claims
    taken = await take(session, allowed, states, token=token, terms=terms, sharded=sharded)
    for store_id in {quota.group.store_id for quota, _ in allowed}:
        claims[store_id] = _with_updates(claims[store_id], taken.get(store_id))
    # Lanes are locked in the same order everywhere, as recording locks them.
    # mutation: configured-limit-across-pollers
    for store_id in sorted(taken) if terms.caps else ():
        await _spend(session, states[store_id], claims[store_id].updates, terms.caps)
    return claims


def _capacity(found: Sequence[Quota], limit: int, state: ClaimState, cipher: SecretCipher) -> Claim:
    """A claim without updates; with the store's credentials if the rate limits allow any."""
    waits = [(each.retry_at - state.at).total_seconds() for each in found if each.retry_at]
    claim = Claim(
        held_back=any(each.calls < limit for each in found),
        again_in=max(min(waits), 0.0) if waits else None,
    )
    if not any(each.calls for each in found):
        return claim
    try:
        opened = credentials.opened(state.access["store_id"], state.access, cipher)
    except CannotDecrypt:
        return Claim(unreadable=True)
    return replace(claim, credentials=opened)


def _with_updates(claim: Claim, rows: Sequence[Row] | None) -> Claim:
    if rows is None:
        return Claim(elsewhere=True)
    taken = [row for row in rows if row["id"] is not None]
    return replace(claim, updates=[_claimed(row) for row in taken], orders=_orders(taken))


async def _spend(
    session: Session, state: ClaimState, taken: Sequence[Claimed], caps: Mapping[Endpoint, float]
) -> None:
    calls = Counter(each for update in taken for each in lanes_of(update.kind, update.ambiguous))
    # mutation: lane-lock-order
    lanes = [state.lanes[endpoint] for endpoint in sorted(calls)]
    await rate_limits.spend(session, lanes, calls, caps, state.at)


async def give_back(direct: Sessions, store_id: int, taken: Sequence[Claimed]) -> None:
    """Undo a claim of updates that were not sent; a later claim takes them."""
    values: dict[str, Any] = {
        "store_id": store_id,
        "ids": [each.id for each in taken],
        "tokens": [each.lease_token for each in taken],
        "states": [each.claimed_from.value for each in taken],
    }
    await _GIVE_BACK.fetch(direct, values)


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
