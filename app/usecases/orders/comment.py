"""Adds a comment of Commerce to an order's timeline, once."""

from collections.abc import Mapping
from uuid import UUID

from app.storage import idempotency, timeline
from app.storage.idempotency import IdempotentRequest
from app.storage.orders import repository
from app.storage.queries.comment_views import COMMENT
from app.usecases.context import AppContext


async def comment(
    context: AppContext,
    order_id: UUID,
    content: Mapping[str, object],
    *,
    actor: str,
    once: IdempotentRequest | None = None,
) -> None:
    """Store a comment, unless the order has an equal one. Raises Unknown.

    content: the fields of the comment, as JSON.
    """
    async with context.transaction(once) as connection:
        order = await repository.lock(connection, order_id)
        place = (connection, order.store_id, order_id)
        # mutation: repeated-comment
        if not await timeline.has(*place, COMMENT, content):
            event = timeline.TimelineEvent(COMMENT, actor, detail=content)
            await timeline.add(*place, event, context.new_id)
        await idempotency.store(connection, once, None)
