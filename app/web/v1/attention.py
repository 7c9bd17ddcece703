"""/v1/attention: what needs action, by cause, and one fix for all cases of a cause."""

from typing import Annotated
from uuid import UUID

from fastapi import Body, Response

from app.domain.errors import Unknown
from app.storage import queries
from app.storage.idempotency import StoredResponse
from app.usecases.attention import fix as use_case
from app.usecases.attention.fix import FixedGroup
from app.web import pagination
from app.web.dependencies import Reading, Writing, answer, respond
from app.web.route import OperationRouter
from app.web.v1.attention_schemas import (
    FIXED,
    GROUP,
    MEMBERS,
    AttentionFixIn,
    AttentionMembersOut,
    AttentionOut,
)
from app.web.v1.examples import AT
from app.web.v1.responses import problems, success

router = OperationRouter("/v1/attention", "attention")
_NOUN = "attention group"


@router.get(
    "",
    operation_id="list_attention",
    summary="List what needs action",
    response_model=AttentionOut,
    responses=success(200, AttentionOut, {"as_of": AT, "data": [GROUP]}, "The causes.")
    | problems("store_not_found", "store_id_required"),
)
async def list_attention(context: Reading, store_id: UUID | None = None) -> Response:
    """List what needs action by cause, the most urgent first.

    Kinds in this order: what stops a store, what costs money, what did not reach Walmart or
    Commerce, and what asks for a decision. A group has everything with one cause, and its fix.
    """
    store = context.one_store(store_id, None)
    async with context.app.database.direct.reading() as session:
        as_of = await queries.database_time(session)
        found = await queries.attention(session, store)
    return respond(answer(200, AttentionOut(as_of=as_of, data=found)))


@router.get(
    "/{group_id}",
    operation_id="list_attention_members",
    summary="List the cases of a cause",
    response_model=AttentionMembersOut,
    responses=success(200, AttentionMembersOut, MEMBERS, "A page.")
    | problems("attention_group_not_found", "cursor_invalid"),
)
async def list_attention_members(
    context: Reading,
    group_id: UUID,
    limit: pagination.Limit = 50,
    cursor: pagination.Cursor = None,
) -> Response:
    """List the cases of a cause, the most urgent or oldest first.

    A cause without a case is not found: nothing of it needs action any more.
    """
    store = context.store_of(group_id, _NOUN)
    page = pagination.page(limit, cursor, "attention")
    async with context.app.database.direct.reading() as session:
        known = await queries.attention_cause(session, store, group_id)
        if known is None:
            raise Unknown(_NOUN, group_id)
        cause, view = known
        found, after = await queries.attention_members(session, cause, page)
    shown = AttentionMembersOut(
        group=view,
        data=[queries.attention_member(cause, member) for member in found],
        next_cursor=pagination.next_cursor(after, "attention"),
    )
    return respond(answer(200, shown))


@router.post(
    "/{group_id}/fix",
    operation_id="fix_attention",
    summary="Fix all cases of a cause",
    status_code=202,
    response_model=FixedGroup,
    responses=success(202, FixedGroup, FIXED, "What will happen to each case.")
    | problems(
        "attention_group_not_found",
        "attention_fix_elsewhere",
        "required",
        "tracking_url_invalid",
        "reason_invalid",
        body=True,
    ),
)
async def fix_attention(
    context: Writing,
    group_id: UUID,
    body: Annotated[
        AttentionFixIn,
        Body(examples=[{"tracking_url": "https://acme.example/t/{tracking_number}"}]),
    ],
) -> Response:
    """Fix all cases of a cause, and return what will happen to each of the first 200.

    What is given is stored once, so that later cases do not arise: the address with the store's
    carriers, the reason (this needs the scope admin) as the store's default. Each case is then
    settled by itself. One that changed since `as_of` stays as it is. A job does the same to the
    cases beyond 200 (`job_url`).
    """
    store = context.store_of(group_id, _NOUN)
    request = body.to_request()
    return await context.once(
        body,
        store,
        _fixed,
        lambda once: use_case.fix(
            context.app,
            (store, group_id),
            request,
            actor=context.actor,
            may_administer="admin" in context.caller.scopes,
            once=once,
        ),
    )


def _fixed(fixed: FixedGroup) -> StoredResponse:
    return answer(202, fixed)
