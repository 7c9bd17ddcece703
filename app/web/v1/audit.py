"""/v1/audit: who changed stores and keys, signed in, retried or dismissed."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Response

from app.domain.audited_act import AuditedAct
from app.storage import queries
from app.storage.queries import AuditFilter
from app.storage.queries.views import AuditedActView
from app.web import pagination
from app.web.dependencies import Administering, answer, respond
from app.web.route import OperationRouter
from app.web.v1.examples import AT, KEY_ID, STORE_ID
from app.web.v1.fields import Out, Text, Time
from app.web.v1.responses import problems, success

router = OperationRouter("/v1/audit", "audit")
_EXAMPLE: dict[str, Any] = {
    "id": KEY_ID,
    "store_id": STORE_ID,
    "at": AT,
    "what": "store_credentials_changed",
    "actor": "jane@shop.example",
    "api_key": KEY_ID,
    "address": "203.0.113.7",
    "subject": "Main store",
    "before": {"walmart.client_id": "4f1b"},
    "after": {"walmart.client_id": "5f2c", "walmart.client_secret": "changed"},
    "request_id": "3f1c2b",
}


class AuditedActsOut(Out):
    """A page of the audit, newest first."""

    data: list[AuditedActView]
    next_cursor: str | None


@router.get(
    "",
    operation_id="list_audit",
    summary="List the audit",
    response_model=AuditedActsOut,
    responses=success(200, AuditedActsOut, {"data": [_EXAMPLE], "next_cursor": None}, "A page.")
    | problems("invalid", "cursor_invalid", "store_not_found"),
)
async def list_audit(  # noqa: PLR0917 - FastAPI passes them by name
    context: Administering,
    store_id: UUID | None = None,
    actor: Annotated[Text | None, Query(description="Only acts of this key or person.")] = None,
    what: Annotated[list[AuditedAct] | None, Query(description="Only these acts.")] = None,
    since: Annotated[
        Time | None, Query(alias="from", description="Only acts at this time or later.")
    ] = None,
    until: Annotated[
        Time | None, Query(alias="to", description="Only acts before this time.")
    ] = None,
    limit: pagination.Limit = 50,
    cursor: pagination.Cursor = None,
) -> Response:
    """List who changed stores and API keys, signed in, retried or dismissed, the newest first.

    A key for one store sees the acts of that store. No secret is in the audit.
    """
    store = context.one_store(store_id, None)
    page = pagination.page(limit, cursor, "audit")
    wanted = AuditFilter(store, actor, None if what is None else tuple(what), since, until)
    # What this process refused just now is part of the answer.
    await context.request.app.state.refusals.write()
    async with context.app.database.read() as connection:
        found, after = await queries.acts(connection, wanted, page)
    following = pagination.next_cursor(after, "audit")
    return respond(answer(200, AuditedActsOut(data=found, next_cursor=following)))
