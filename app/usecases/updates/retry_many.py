"""Retries every update that matches a filter, each by itself, with a result for each."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.errors import OrderError
from app.storage import idempotency, queries
from app.storage.idempotency import IdempotentRequest
from app.storage.postgres.retry import again
from app.storage.queries import KeysetPage, UpdateFilter
from app.storage.queries.views import View
from app.usecases.context import AppContext
from app.usecases.updates import retry
from app.usecases.updates.retry import Retried

# Each may cost a read at Walmart, and the caller waits for all of them.
MOST = 200
_AT_ONCE = 8


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
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(update_id: UUID, order_id: UUID | None) -> RetriedOne:
        async with slots:
            try:
                # mutation: bulk-retry-lock-wait
                retried = await again(
                    lambda: retry.retry(
                        context,
                        update_id,
                        override_cancel_request=override_cancel_request,
                        actor=actor,
                    )
                )
            except OrderError as error:
                return RetriedOne(update_id, order_id, error.code, None, str(error))
        return _one(order_id, retried)

    results = await asyncio.gather(*(one(view.id, view.order_id) for view in found))
    totals = Counter(result.will for result in results)
    retried = RetriedMany(tuple(results), dict(totals), after is not None)
    async with context.transaction(once) as connection:
        await idempotency.store(connection, once, retried)
    return retried


def _one(order_id: UUID | None, retried: Retried) -> RetriedOne:
    return RetriedOne(retried.update.id, order_id, retried.will, retried.until, retried.explanation)
