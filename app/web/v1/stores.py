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
from app.usecases.stores.notification_test import NotificationTest, send_test
from app.usecases.stores.try_access import TriedAccess, try_access
from app.usecases.stores.walmart_webhooks import Subscribed, subscribe_at
from app.web import pagination
from app.web.dependencies import Administering, Reading, answer, respond
from app.web.route import OperationRouter
from app.web.v1.responses import problems, success
from app.web.v1.store_examples import STORE, STORE_IN
from app.web.v1.store_schemas import StoreIn, StorePatch, StoresOut, SubscribeIn, TryIn

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
_TRY_IN = {"market": "US", "walmart": {"client_id": "5f2c7a1e-0d3b", "client_secret": "secret"}}
_TRIED = {"walmart": _VERIFIED, "commerce": None}
_SUBSCRIBED = {
    "url": f"https://waybill.example/webhooks/walmart/{STORE['id']}",
    "event_types": ["ORDER_UPDATES"],
}
_TESTED = {
    "ok": True,
    "status": 200,
    "seconds": 0.21,
    "message": "The receiver answered 200.",
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


@router.post(
    "/try",
    operation_id="try_store",
    summary="Try credentials before they are saved",
    response_model=TriedAccess,
    responses=success(200, TriedAccess, _TRIED, "What Walmart and Commerce answered.")
    | problems(
        "required",
        "unknown_field",
        "nothing_to_try",
        "market_not_supported",
        "store_code_invalid",
        "commerce_base_url_invalid",
        "address_forbidden",
        body=True,
    ),
)
async def try_store(
    context: Administering, body: Annotated[TryIn, Body(examples=[_TRY_IN])]
) -> Response:
    """Request a token of Walmart, and read the store views of Commerce, with given credentials.

    Nothing is written, and neither system changes anything.
    """
    return respond(answer(200, await try_access(context.app, body.to_access())))


@router.post(
    "/{store_id}/notifications/test",
    operation_id="test_notifications",
    summary="Send a test notification",
    response_model=NotificationTest,
    responses=success(200, NotificationTest, _TESTED, "What the receiver answered.")
    | problems("store_not_found", "notifications_not_set", "secret_unreadable"),
)
async def test_notifications(context: Administering, store_id: UUID) -> Response:
    """Send one signed test message to the store's notification address, now.

    It has the type `test`, and is not repeated. Waybill waits at most 10 seconds for the answer.
    """
    store = context.store_of(store_id, "store")
    return await context.once(
        None,
        store,
        lambda tested: answer(200, tested),
        lambda once: send_test(context.app, store_id, actor=context.actor, once=once),
    )


@router.post(
    "/{store_id}/subscribe",
    operation_id="subscribe_store",
    summary="Let Walmart announce the orders of a store",
    response_model=Subscribed,
    responses=success(200, Subscribed, _SUBSCRIBED, "What Walmart announces from now on.")
    | problems(
        "required",
        "unknown_field",
        "public_url_invalid",
        "store_not_found",
        "credentials_rejected",
        "webhooks_not_offered",
        "secret_unreadable",
        "walmart_unavailable",
        body=True,
    ),
)
async def subscribe_store(
    context: Administering,
    store_id: UUID,
    body: Annotated[SubscribeIn, Body(examples=[{"url": "https://waybill.example"}])],
) -> Response:
    """Subscribe to Walmart's events of a store, so that a new order is read at once.

    An earlier subscription of the same address is replaced. Without one, orders are read at
    intervals.
    """
    context.store_of(store_id, "store")
    subscribed = await subscribe_at(context.app, store_id, body.url, actor=context.actor)
    return respond(answer(200, subscribed))


def _created(view: StoreView) -> StoredResponse:
    return answer(201, view, Location=f"/v1/stores/{view.id}")
