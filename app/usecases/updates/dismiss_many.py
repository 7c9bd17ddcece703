"""Dismisses many updates, each by itself, with what Walmart shows of each."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.errors import OrderError
from app.storage import idempotency
from app.storage.idempotency import IdempotentRequest
from app.storage.queries.views import View
from app.usecases import many
from app.usecases.context import AppContext
from app.usecases.updates import dismiss
from app.usecases.updates.retry_many import TO_DISMISS, OrderKeys, chosen


@dataclass(frozen=True, slots=True)
class DismissedOne(View):
    """What became of one update of a bulk dismissal."""

    update_id: UUID
    order_id: UUID | None
    walmart: str
    """What Walmart shows of it, as the dismissal of one answers it, or the code of a problem."""
    until: datetime | None
    """From when a read may end the doubt of the update. null means that it is not in doubt."""
    explanation: str


@dataclass(frozen=True, slots=True)
class DismissedMany(View):
    """The results of a bulk dismissal, and how many there are of each."""

    data: tuple[DismissedOne, ...]
    totals: dict[str, int]


async def dismiss_selected(
    context: AppContext,
    *,
    update_ids: Sequence[UUID] = (),
    orders: OrderKeys = (),
    note: str,
    actor: str,
    once: IdempotentRequest | None = None,
) -> DismissedMany:
    """Dismiss updates, or the failed updates of orders. One that is refused stops no other.

    Raises NotAvailable, and Replayed for a repeated request.
    """
    async with context.transaction(once) as connection:
        ids = await chosen(connection, update_ids, orders, TO_DISMISS)

    async def one(item: tuple[UUID, UUID | None]) -> DismissedOne:
        done = await dismiss.dismiss(context, item[0], note=note, actor=actor)
        return DismissedOne(
            done.update.id, done.update.order_id, done.walmart, done.until, done.explanation
        )

    def refused(item: tuple[UUID, UUID | None], error: OrderError) -> DismissedOne:
        return DismissedOne(*item, error.code, None, str(error))

    results = await many.each(ids, one, refused)
    dismissed = DismissedMany(tuple(results), dict(Counter(each.walmart for each in results)))
    async with context.transaction(once) as connection:
        await idempotency.store(connection, once, dismissed)
    return dismissed
