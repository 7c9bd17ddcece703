"""Refreshes many orders from Walmart, each by itself, with a result for each."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.domain.errors import OrderError
from app.storage import idempotency
from app.storage.idempotency import IdempotentRequest
from app.storage.queries.views import View
from app.usecases import many
from app.usecases.context import AppContext
from app.usecases.orders import refresh

REFRESHED, BUSY = "refreshed", "being_delivered"


@dataclass(frozen=True, slots=True)
class RefreshedOne(View):
    """The result of one order of a bulk refresh."""

    order_id: UUID
    result: str
    """refreshed, being_delivered (a poller delivers an update of it, so Walmart was not read), or
    the code of a problem."""
    explanation: str


@dataclass(frozen=True, slots=True)
class RefreshedMany(View):
    """The results of a bulk refresh, and how many there are of each."""

    data: tuple[RefreshedOne, ...]
    totals: dict[str, int]


async def refresh_selected(
    context: AppContext,
    order_ids: Sequence[UUID],
    *,
    actor: str,
    once: IdempotentRequest | None = None,
) -> RefreshedMany:
    """Read orders from Walmart. One that is refused stops no other.

    Raises NotAvailable, and Replayed for a repeated request.
    """
    async with context.transaction(once):
        pass

    async def one(order_id: UUID) -> RefreshedOne:
        read = await refresh.refresh(context, order_id, actor=actor)
        return RefreshedOne(order_id, REFRESHED if read.refreshed else BUSY, read.explanation)

    def refused(order_id: UUID, error: OrderError) -> RefreshedOne:
        return RefreshedOne(order_id, error.code, str(error))

    results = await many.each(list(dict.fromkeys(order_ids)), one, refused)
    refreshed = RefreshedMany(tuple(results), dict(Counter(each.result for each in results)))
    async with context.transaction(once) as connection:
        await idempotency.store(connection, once, refreshed)
    return refreshed
