"""Retries many updates, each by itself, with a result for each."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.errors import OrderError
from app.domain.update import State
from app.storage import idempotency, queries
from app.storage.idempotency import IdempotentRequest
from app.storage.postgres.database import Connection
from app.storage.queries import KeysetPage, UpdateFilter
from app.storage.queries.views import UpdateView, View
from app.usecases import many
from app.usecases.context import AppContext
from app.usecases.updates import retry
from app.usecases.updates.retry import Retried

MOST = many.MOST
# An update of an order in one of these states is retried with the order.
TO_RETRY = frozenset({State.FAILED.value, State.RETRYING.value})
TO_DISMISS = frozenset({State.FAILED.value})
# A store and the id of an order.
OrderKeys = Sequence[tuple[int, UUID]]


@dataclass(frozen=True, slots=True)
class RetriedOne(View):
    """What will happen to one update of a bulk retry."""

    update_id: UUID
    order_id: UUID | None
    will: str
    """queued, already_applied, waiting or cannot_help, or the code of a problem."""
    until: datetime | None
    explanation: str


@dataclass(frozen=True, slots=True)
class RetriedMany(View):
    """The results of a bulk retry, and how many there are of each."""

    data: tuple[RetriedOne, ...]
    totals: dict[str, int]
    more: bool
    """More updates match than were retried: send the request again."""


async def retry_many(
    context: AppContext,
    wanted: UpdateFilter,
    *,
    limit: int,
    override_cancel_request: bool,
    actor: str,
    once: IdempotentRequest | None = None,
) -> RetriedMany:
    """Retry the newest `limit` updates that match. One that is refused does not stop the others.

    Raises NotAvailable, and Replayed for a repeated request.
    """
    async with context.transaction(once) as connection:
        found, after = await queries.updates(connection, wanted, KeysetPage(limit))
    ids = [(view.id, view.order_id) for view in found]
    results = await _each(context, ids, override=override_cancel_request, actor=actor)
    return await _stored(context, results, once, more=after is not None)


async def retry_selected(
    context: AppContext,
    *,
    update_ids: Sequence[UUID] = (),
    orders: OrderKeys = (),
    override_cancel_request: bool,
    actor: str,
    once: IdempotentRequest | None = None,
) -> RetriedMany:
    """Retry updates, or the failed and retrying updates of orders. Raises as `retry_many`."""
    async with context.transaction(once) as connection:
        ids = await chosen(connection, update_ids, orders, TO_RETRY)
    results = await _each(context, ids, override=override_cancel_request, actor=actor)
    return await _stored(context, results, once, more=False)


async def chosen(
    connection: Connection, update_ids: Sequence[UUID], orders: OrderKeys, states: frozenset[str]
) -> list[tuple[UUID, UUID | None]]:
    """The updates that are named, and those of the orders in these states; each with its order."""
    named: list[tuple[UUID, UUID | None]] = [(each, None) for each in update_ids]
    found = await of_orders(connection, orders, states)
    return list(dict.fromkeys([*named, *((view.id, view.order_id) for view in found)]))


async def of_orders(
    connection: Connection, orders: OrderKeys, states: frozenset[str]
) -> list[UpdateView]:
    """The updates of some orders in these states, in the order of the orders."""
    if not orders:
        return []
    found = await queries.updates_of_orders(connection, orders)
    return [view for views in found.values() for view in views if view.state in states]


async def _each(
    context: AppContext, ids: Sequence[tuple[UUID, UUID | None]], *, override: bool, actor: str
) -> list[RetriedOne]:
    async def one(item: tuple[UUID, UUID | None]) -> RetriedOne:
        retried = await retry.retry(context, item[0], override_cancel_request=override, actor=actor)
        return _one(retried)

    def refused(item: tuple[UUID, UUID | None], error: OrderError) -> RetriedOne:
        return RetriedOne(*item, error.code, None, str(error))

    return await many.each(ids, one, refused)


async def _stored(
    context: AppContext,
    results: Sequence[RetriedOne],
    once: IdempotentRequest | None,
    *,
    more: bool,
) -> RetriedMany:
    totals = Counter(result.will for result in results)
    retried = RetriedMany(tuple(results), dict(totals), more)
    async with context.transaction(once) as connection:
        await idempotency.store(connection, once, retried)
    return retried


def _one(retried: Retried) -> RetriedOne:
    update = retried.update
    return RetriedOne(update.id, update.order_id, retried.will, retried.until, retried.explanation)
