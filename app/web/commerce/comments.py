"""/rest/{store_code}/V1/orders/{order_id}/comments: an order's comments, kept in its timeline."""

from typing import Annotated, Any

from fastapi import Body, Response
from pydantic import BaseModel, Field

from app.domain.errors import Invalid, Problem
from app.storage import queries
from app.storage.queries.comment_views import Comment
from app.usecases.orders import comment
from app.web.commerce.fields import IF_ANY, Bit, CommerceBody, Short, Text, as_time
from app.web.commerce.lookups import OrderId, StoreCode, order_of
from app.web.commerce.responses import TRUE, answers
from app.web.commerce.route import CommerceRouter
from app.web.dependencies import Reading, Writing, answer, respond

router = CommerceRouter("/rest/{store_code}/V1/orders/{order_id}/comments", "commerce")
_COMMENT = {
    "comment": "Picked up by the carrier.",
    "created_at": "2026-11-23 10:01:00",
    "entity_name": "order",
    "is_customer_notified": 0,
    "is_visible_on_front": 0,
    "parent_id": 123,
}


class StatusHistoryIn(CommerceBody):
    """A comment, a status, or both."""

    comment: Annotated[Text, Field(max_length=5000)] = ""
    status: Short | None = None
    is_visible_on_front: Bit = 0


class CommentIn(CommerceBody):
    """Body of Commerce's POST /V1/orders/{id}/comments."""

    statusHistory: StatusHistoryIn  # noqa: N815 - Commerce's name

    def content(self) -> dict[str, object]:
        """The comment as the timeline keeps it. Raises Invalid if it says nothing."""
        given = self.statusHistory
        if not given.comment and not given.status:
            message = "A comment needs a text or a status."
            pointer = "/statusHistory/comment"
            raise Invalid("required", message, [Problem("required", message, pointer)])
        return given.model_dump()


class CommerceCommentOut(BaseModel):
    """A comment as Commerce's OrderStatusHistoryInterface. Waybill sends no e-mails."""

    comment: str
    created_at: str
    entity_name: str = "order"
    is_customer_notified: int = 0
    is_visible_on_front: int
    parent_id: int
    status: str | None = IF_ANY

    @classmethod
    def of(cls, found: Comment, order_id: int) -> "CommerceCommentOut":
        """Render a comment."""
        return cls(
            comment=found.content["comment"],
            created_at=as_time(found.at),
            is_visible_on_front=found.content["is_visible_on_front"],
            parent_id=order_id,
            status=found.content["status"],
        )


class CommerceCommentsOut(BaseModel):
    """The comments of an order, the newest first."""

    items: list[CommerceCommentOut]
    search_criteria: dict[str, Any]
    total_count: int


@router.get(
    "",
    operation_id="commerce_list_comments",
    summary="List the comments of an order by Commerce's API",
    response_model=CommerceCommentsOut,
    responses=answers(
        CommerceCommentsOut,
        example={"items": [_COMMENT], "search_criteria": {}, "total_count": 1},
        description="The comments.",
    ),
)
async def list_comments(context: Reading, store_code: StoreCode, order_id: OrderId) -> Response:
    """List the comments that clients of this API wrote, the newest 500."""
    store, order = await order_of(context, store_code, order_id)
    async with context.app.database.read() as connection:
        found, total = await queries.comments(connection, store, order)
    items = [CommerceCommentOut.of(each, order_id) for each in found]
    of_order = {"field": "parent_id", "value": str(order_id), "condition_type": "eq"}
    criteria = {"filter_groups": [{"filters": [of_order]}]}
    page = CommerceCommentsOut(items=items, search_criteria=criteria, total_count=total)
    return respond(answer(200, page))


@router.post(
    "",
    operation_id="commerce_add_comment",
    summary="Add a comment to an order by Commerce's API",
    response_model=bool,
    responses=answers(bool, example=True, description="Stored.", body=True),
)
async def add_comment(
    context: Writing,
    store_code: StoreCode,
    order_id: OrderId,
    body: Annotated[CommentIn, Body(examples=[{"statusHistory": _COMMENT}])],
) -> Response:
    """Store a comment in the order's timeline. The same comment again is one comment.

    The text is stored as it is, so it must not contain the buyer's data. `status` is stored with
    it; the status of the order follows Walmart. No e-mail is sent.
    """
    store, order = await order_of(context, store_code, order_id)
    content = body.content()
    return await context.once(
        body,
        store,
        lambda _: TRUE,
        lambda once: comment.comment(context.app, order, content, actor=context.actor, once=once),
    )
