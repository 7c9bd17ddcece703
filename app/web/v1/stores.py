"""/v1/stores: connect, list, read, change and verify stores."""

from typing import Annotated
from uuid import UUID

from fastapi import Body, Response

from app.domain.errors import Unknown
from app.storage import queries
from app.storage.idempotency import StoredResponse
from app.storage.queries.views import StoreView
from app.usecases.stores import manage as use_cases
from app.usecases.stores.manage import Verified
from app.web import pagination
from app.web.dependencies import Administering, Reading, answer, respond
from app.web.route import OperationRouter
from app.web.v1.responses import problems, success
from app.web.v1.store_examples import STORE, STORE_IN
from app.web.v1.store_schemas import StoreIn, StorePatch, StoresOut

router = OperationRouter("/v1/stores", "stores")
# Values that must be unique among stores.
_TAKEN = ("store_code_taken", "store_name_taken", "walmart_account_taken")
_CONTENT = (
    "required",
    "unknown_field",
    "market_not_supported",
    "time_zone_unknown",
    "carrier_unknown",
    "address_forbidden",
)
_VERIFIED = {
    "ok": True,
    "code": "verified",
    "message": "Walmart accepts the credentials.",
    "scopes": {"orders": "full_access"},
}


@router.post(
    "",
    operation_id="create_store",
    summary="Connect a store",
    status_code=201,
    response_model=StoreView,
    responses=success(201, StoreView, STORE, "The store.", location=True)
    | problems(*_CONTENT, *_TAKEN, body=True),
)
async def create_store(
    context: Administering, body: Annotated[StoreIn, Body(examples=[STORE_IN])]
) -> Response:
    """Connect a Commerce store view to a Walmart seller account.

    Secrets are encrypted at rest and never returned. The operation needs an API key for all
    stores with the scope `admin`.
    """
    context.caller.require_every_store()
    new = body.to_new()
    return await context.once(
        body,
        0,
        _created,
        lambda once: use_cases.create(context.app, new, actor=context.actor, once=once),
    )


@router.get(
    "",
    operation_id="list_stores",
    summary="List stores",
    response_model=StoresOut,
    responses=success(200, StoresOut, {"data": [STORE], "next_cursor": None}, "A page.")
    | problems("cursor_invalid"),
)
async def list_stores(
    context: Reading, limit: pagination.Limit = 50, cursor: pagination.Cursor = None
) -> Response:
    """List the stores that the key may see, in the order in which they were connected."""
    page = pagination.page(limit, cursor, "stores")
    async with context.app.database.read() as connection:
        found, after = await queries.stores(connection, context.caller.store_id, page)
    return respond(
        answer(200, StoresOut(data=found, next_cursor=pagination.next_cursor(after, "stores")))
    )


@router.get(
    "/{store_id}",
    operation_id="get_store",
    summary="Get a store",
    response_model=StoreView,
    responses=success(200, StoreView, STORE, "The store, without its secrets.")
    | problems("store_not_found"),
)
async def get_store(context: Reading, store_id: UUID) -> Response:
    """Get a store, without its secrets."""
    context.store_of(store_id, "store")
    async with context.app.database.read() as connection:
        view = await queries.store(connection, store_id)
    if view is None:
        raise Unknown("store", store_id)
    return respond(answer(200, view))


@router.patch(
    "/{store_id}",
    operation_id="update_store",
    summary="Change a store",
    response_model=StoreView,
    responses=success(200, StoreView, STORE, "The changed store.")
    | problems(*_CONTENT, "store_not_found", *_TAKEN, body=True),
)
async def update_store(
    context: Administering,
    store_id: UUID,
    body: Annotated[StorePatch, Body(examples=[{"carriers": {"ups": "UPS"}}])],
) -> Response:
    """Change the given fields of a store.

    New Walmart credentials end the pause that rejected ones caused, and waiting updates are sent.
    """
    context.store_of(store_id, "store")
    view = await use_cases.change(context.app, store_id, body.to_changes(), actor=context.actor)
    return respond(answer(200, view))


@router.post(
    "/{store_id}/verify",
    operation_id="verify_store",
    summary="Verify the Walmart credentials of a store",
    response_model=Verified,
    responses=success(200, Verified, _VERIFIED, "Walmart's answer.") | problems("store_not_found"),
)
async def verify_store(context: Administering, store_id: UUID) -> Response:
    """Request a token with the credentials of the store, and its scopes."""
    context.store_of(store_id, "store")
    verified = await use_cases.verify(context.app, store_id)
    return respond(answer(200, verified))


def _created(view: StoreView) -> StoredResponse:
    return answer(201, view, Location=f"/v1/stores/{view.id}")
