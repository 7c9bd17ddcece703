"""Refund the items of a Commerce credit memo, for the paths that take one."""

from collections.abc import Callable
from uuid import UUID

from fastapi import Response

from app.storage.idempotency import StoredResponse
from app.usecases.returns import refund as use_case
from app.usecases.returns.refund import Refunded
from app.web.commerce.fields import CommerceBody
from app.web.commerce.schemas import CommerceRefundIn
from app.web.dependencies import RequestContext


async def refund(
    context: RequestContext,
    place: tuple[int, UUID],
    body: CommerceRefundIn,
    render: Callable[[Refunded], StoredResponse],
    *,
    sent: CommerceBody | None = None,
) -> Response:
    """Refund, once. place: the store and the order. sent: the body, if the memo is within it."""
    store, order = place
    # mutation: repeated-refund-request
    return await context.once(
        sent or body,
        store,
        render,
        lambda once: use_case.refund_order(
            context.app,
            store,
            order,
            body.to_items(),
            comment=body.comment_text,
            actor=context.actor,
            once=once,
            # With another Idempotency-Key the same body is another refund.
            reference=body.reference(once.key if once else None),
        ),
    )
