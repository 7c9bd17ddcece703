"""/v1/keys: list, create, rotate and revoke API keys."""

from datetime import timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Body, Query, Response
from pydantic import Field

from app.domain.key_name import LONGEST_NAME
from app.domain.scope import Scope
from app.storage import queries
from app.storage.idempotency import StoredResponse
from app.storage.queries import KeyFilter
from app.storage.queries.views import KeyView
from app.usecases.keys import create as creation
from app.usecases.keys import revoke as revocation
from app.usecases.keys import rotate as rotation
from app.usecases.keys.create import CreatedKey, NewKey
from app.usecases.keys.rotate import LONGEST_OVERLAP, OVERLAP
from app.web import pagination
from app.web.dependencies import Administering, RequestContext, answer, respond
from app.web.route import OperationRouter
from app.web.v1.examples import AT, KEY_ID, STORE_ID
from app.web.v1.fields import In, Out, Text, Time
from app.web.v1.responses import problems, success

router = OperationRouter("/v1/keys", "keys")
_KEY: dict[str, Any] = {
    "id": KEY_ID,
    "name": "warehouse",
    "scope": "write",
    "store_id": STORE_ID,
    "kind": "bearer",
    "prefix": "wb_4fJx2",
    "state": "works",
    "created_at": AT,
    "created_by": "jane@shop.example",
    "expires_at": None,
    "last_used_at": AT,
    "revoked_at": None,
    "rotated_at": None,
    "previous_until": None,
}
_IN = {"name": "warehouse", "scope": "write", "store_id": STORE_ID}


class KeyIn(In):
    """An API key to create."""

    name: Annotated[
        Text,
        Field(max_length=LONGEST_NAME, description="One line, which timelines show. Never reused."),
    ]
    scope: Scope = Field(description="write includes read, admin includes both.")
    store_id: UUID | None = Field(
        default=None, description="The one store that the key may see; null for every store."
    )
    expires_at: Time | None = Field(
        default=None, description="From when on the key does not work; null for never."
    )


class KeysOut(Out):
    """A page of API keys, newest first."""

    data: list[KeyView]
    next_cursor: str | None


@router.get(
    "",
    operation_id="list_keys",
    summary="List API keys",
    response_model=KeysOut,
    responses=success(200, KeysOut, {"data": [_KEY], "next_cursor": None}, "A page.")
    | problems("cursor_invalid", "store_not_found"),
)
async def list_keys(
    context: Administering,
    store_id: UUID | None = None,
    state: Annotated[
        Literal["works"] | None, Query(description="`works`: only keys that work.")
    ] = None,
    limit: pagination.Limit = 50,
    cursor: pagination.Cursor = None,
) -> Response:
    """List API keys without their secrets, the newest first.

    A key for one store sees the keys of that store.
    """
    store = context.one_store(store_id, None)
    page = pagination.page(limit, cursor, "keys")
    async with context.app.database.read() as connection:
        found, after = await queries.keys(connection, KeyFilter(store, state == "works"), page)
    following = pagination.next_cursor(after, "keys")
    return respond(answer(200, KeysOut(data=found, next_cursor=following)))


@router.post(
    "",
    operation_id="create_key",
    summary="Create an API key",
    status_code=201,
    response_model=CreatedKey,
    responses=success(
        201,
        CreatedKey,
        {"key": _KEY, "secret": "wb_4fJx2mQ0s8d1"},
        "The key with its secret, which is shown only here.",
        location=True,
    )
    | problems(
        "required",
        "unknown_field",
        "key_name_invalid",
        "expires_in_past",
        "key_name_taken",
        "store_not_found",
        body=True,
    ),
)
async def create_key(
    context: Administering, body: Annotated[KeyIn, Body(examples=[_IN])]
) -> Response:
    """Create an API key. Only this answer has its secret; a replayed answer does not.

    A key for one store creates keys for that store only.
    """
    store = store_of_new(context, body.store_id)
    new = NewKey(body.name, frozenset({body.scope}), body.store_id, body.expires_at)
    return await context.once(
        body,
        store or 0,
        _created,
        lambda once: creation.create(context.app, new, actor=context.actor, once=once),
    )


class RotateIn(In):
    """How long the present secret goes on working."""

    overlap_seconds: int = Field(
        default=int(OVERLAP.total_seconds()),
        ge=0,
        le=int(LONGEST_OVERLAP.total_seconds()),
        description="Seconds for which the present secret still works; 0 ends it at once.",
    )


@router.post(
    "/{key_id}/rotate",
    operation_id="rotate_key",
    summary="Rotate an API key",
    response_model=CreatedKey,
    responses=success(
        200,
        CreatedKey,
        {"key": _KEY, "secret": "wb_4fJx2mQ0s8d1"},
        "The key with its new secret, which is shown only here.",
    )
    | problems(
        "unknown_field", "key_not_found", "key_revoked", "key_expired", "key_signs", body=True
    ),
)
async def rotate_key(
    context: Administering,
    key_id: UUID,
    body: Annotated[RotateIn | None, Body(examples=[{"overlap_seconds": 86_400}])] = None,
) -> Response:
    """Give an API key a new secret. The present one works for 24 hours more, or as long as given.

    Everything else of the key stays. Only this answer has the secret; a replayed answer does not.
    """
    given = body or RotateIn()
    return await context.once(
        given,
        context.caller.store_id or 0,
        lambda rotated: answer(200, rotated),
        lambda once: rotation.rotate(
            context.app,
            key_id,
            timedelta(seconds=given.overlap_seconds),
            within=context.caller.store_id,
            actor=context.actor,
            once=once,
        ),
    )


@router.delete(
    "/{key_id}",
    operation_id="revoke_key",
    summary="Revoke an API key",
    response_model=KeyView,
    responses=success(200, KeyView, _KEY, "The revoked key.")
    | problems("key_not_found", "key_revoked"),
)
async def revoke_key(context: Administering, key_id: UUID) -> Response:
    """Revoke an API key. It stops within 5 seconds, and the sessions of its users with it.

    One that signs its requests stops at once.
    """
    view = await revocation.revoke(
        context.app, key_id, within=context.caller.store_id, actor=context.actor
    )
    return respond(answer(200, view))


def store_of_new(context: RequestContext, store_id: UUID | None) -> int | None:
    """The store number of a new key; None means every store.

    Raises Unknown for a store that the caller may not see, Forbidden for every store where the
    caller sees one.
    """
    # mutation: new-key-within-callers-store
    if store_id is not None:
        return context.store_of(store_id, "store")
    context.caller.require_every_store()
    return None


def _created(created: CreatedKey) -> StoredResponse:
    return answer(201, created, Location=f"/v1/keys/{created.key.id}")
