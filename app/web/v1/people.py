"""/v1/me, /v1/sign-in-links, /v1/sessions: who asks, and people who sign in to the page."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Body, Response
from pydantic import Field

from app.domain import ids
from app.domain.errors import Invalid, Problem, Unknown
from app.domain.key_name import LONGEST_NAME, is_name
from app.domain.scope import Scope
from app.storage import queries
from app.storage.idempotency import StoredResponse
from app.storage.queries.views import SessionView, View
from app.usecases.access import sign_in
from app.usecases.access.sign_in import MadeLink
from app.web import pagination
from app.web.access import access_of, keys_of, page_path, public_address
from app.web.dependencies import Administering, Reading, answer, respond
from app.web.route import OperationRouter
from app.web.v1.examples import AT, KEY_ID, STORE_ID
from app.web.v1.fields import In, LongText, Out, Text
from app.web.v1.responses import problems, success

router = OperationRouter("/v1", "people")
_ME = {"key_id": KEY_ID, "name": "warehouse", "scope": "write", "store_id": STORE_ID}
_LINK_IN = {"name": "jane@shop.example", "scope": "write", "path": "/orders"}
_LINK = {"url": "https://waybill.example/enter/1-q3mX0w8zJt4K", "expires_at": AT}
_SESSION: dict[str, Any] = {
    "id": KEY_ID,
    "name": "jane@shop.example",
    "scope": "write",
    "store_id": STORE_ID,
    "key_id": KEY_ID,
    "key_name": "warehouse",
    "created_at": AT,
    "last_seen_at": AT,
    "ends_at": AT,
}


@dataclass(frozen=True, slots=True)
class CallerView(View):
    """The API key of the request."""

    key_id: UUID | None
    """null: the key of the settings."""
    name: str
    scope: str
    """read, write (includes read) or admin (includes both)."""
    store_id: UUID | None
    """null: the key sees every store."""


@dataclass(frozen=True, slots=True)
class SignInLinkView(View):
    """A link that signs a person in, once."""

    url: str | None = field(repr=False)
    """It shows a button; the button signs in. null when the answer is replayed under an
    Idempotency-Key: the link is not stored."""
    expires_at: datetime


class SignInLinkIn(In):
    """A link to make for a person."""

    name: Annotated[
        Text, Field(max_length=LONGEST_NAME, description="The person, for timelines. One line.")
    ]
    scope: Scope | None = Field(
        default=None,
        description="At most the scope of the key that asks; null for the same.",
    )
    store_id: UUID | None = Field(
        default=None, description="The one store that the person sees; null for those of the key."
    )
    path: LongText = Field(default="/orders", description="The page that the link opens.")


class SessionsOut(Out):
    """A page of sessions, newest first."""

    data: list[SessionView]
    next_cursor: str | None


@router.get(
    "/me",
    operation_id="get_me",
    summary="Get the API key of the request",
    response_model=CallerView,
    responses=success(200, CallerView, _ME, "The key.") | problems(),
)
async def get_me(context: Reading) -> Response:
    """Get what the API key of the request allows."""
    caller = context.caller
    access = access_of(caller, caller.name, keys_of(context.request))
    store = None
    if caller.store_id is not None:
        async with context.app.database.read() as connection:
            names = await queries.store_names(connection, caller.store_id, most=1)
            store = names[0].id
    return respond(answer(200, CallerView(access.key_id, caller.name, access.scope, store)))


@router.post(
    "/sign-in-links",
    operation_id="create_sign_in_link",
    summary="Create a sign-in link",
    status_code=201,
    response_model=SignInLinkView,
    responses=success(201, SignInLinkView, _LINK, "The link, which only this answer has.")
    | problems("unknown_field", "page_unknown", "key_name_invalid", "store_not_found", body=True),
)
async def create_sign_in_link(
    context: Reading, body: Annotated[SignInLinkIn, Body(examples=[_LINK_IN])]
) -> Response:
    """Create a link that signs a person in to the page, once, within 60 seconds.

    The session ends 12 hours after its last use, after 7 days, or with the API key.
    """
    # mutation: sign-in-link-within-scope
    if body.scope is not None:
        context.caller.require(body.scope)
    store = context.caller.store_id
    if body.store_id is not None:
        store = context.store_of(body.store_id, "store")
    if not is_name(body.name):
        raise _invalid("key_name_invalid", "A name is one line without blanks around it.", "/name")
    path = page_path(context.request.app, body.path)
    if path is None:
        raise _invalid("page_unknown", f"Waybill has no page {body.path}.", "/path")
    access = access_of(
        context.caller, body.name, keys_of(context.request), scope=body.scope, store_id=store
    )
    root = public_address(context.request)

    def made(link: MadeLink) -> StoredResponse:
        url = None if not link.token else f"{root}/enter/{link.token}"
        return answer(201, SignInLinkView(url, link.expires_at))

    return await context.once(
        body,
        store or 0,
        made,
        lambda once: sign_in.make_link(context.app, access, path, once=once),
    )


@router.get(
    "/sessions",
    operation_id="list_sessions",
    summary="List sessions of people",
    response_model=SessionsOut,
    responses=success(200, SessionsOut, {"data": [_SESSION], "next_cursor": None}, "A page.")
    | problems("cursor_invalid", "store_not_found"),
)
async def list_sessions(
    context: Administering,
    store_id: UUID | None = None,
    limit: pagination.Limit = 50,
    cursor: pagination.Cursor = None,
) -> Response:
    """List who is signed in to the page, the newest session first."""
    store = context.one_store(store_id, None)
    page = pagination.page(limit, cursor, "sessions")
    async with context.app.database.read() as connection:
        found, after = await queries.sessions(connection, store, page)
    following = pagination.next_cursor(after, "sessions")
    return respond(answer(200, SessionsOut(data=found, next_cursor=following)))


@router.delete(
    "/sessions/{session_id}",
    operation_id="end_session",
    summary="End a session",
    response_model=SessionView,
    responses=success(200, SessionView, _SESSION, "The ended session.")
    | problems("session_not_found"),
)
async def end_session(context: Administering, session_id: UUID) -> Response:
    """Sign a person out. It takes effect within 5 seconds. `ends_at` is as it was."""
    store = ids.store_of(session_id)
    mine = context.caller.store_id
    # mutation: end-session-within-store
    if store is None or mine not in {None, store}:
        raise Unknown("session", session_id)
    async with context.app.database.read() as connection:
        view = await queries.session(connection, store, session_id)
    ended = await sign_in.end_session(context.app, store, session_id, actor=context.actor)
    if view is None or not ended:
        raise Unknown("session", session_id)
    return respond(answer(200, view))


def _invalid(code: str, message: str, pointer: str) -> Invalid:
    return Invalid(code, message, [Problem(code, message, pointer)])
