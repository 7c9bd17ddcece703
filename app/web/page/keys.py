"""/keys: API keys, made once, revoked with what stops working. key_rotate.py gives new secrets."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from fastapi import Response

from app.domain.errors import OrderError, Unknown
from app.domain.scope import Scope
from app.storage import queries
from app.storage.idempotency import IdempotentRequest, StoredResponse
from app.storage.postgres.database import Connection
from app.storage.queries import KeyFilter
from app.storage.queries.views import KeyView
from app.storage.stores import sessions
from app.usecases.keys import create, revoke
from app.usecases.keys.create import CreatedKey, NewKey
from app.web import pagination
from app.web.page import acts, store_problems
from app.web.page.context import PageAdministering, PageContext
from app.web.page.i18n import deferred
from app.web.page.route import PageRouter
from app.web.page.store_access import AccessForm, missing, text
from app.web.v1.api_keys import KeyIn, store_of_new

router = PageRouter()
_PER_PAGE = 50
_MOST_PEOPLE = 10
SCOPES = {
    Scope.READ: deferred("See everything"),
    Scope.WRITE: deferred("See, ship, cancel and refund"),
    Scope.ADMIN: deferred("Everything, settings and keys too"),
}
_SHOWN_BEFORE = deferred(
    "The key %(name)s is made, and its secret was in the answer to your first click. Waybill does "
    "not keep it. If you have not copied it, revoke this key and make another one."
)
# Days until a key expires, by the choice in the form.
_DAYS = {"30": deferred("In 30 days"), "90": deferred("In 90 days"), "365": deferred("In a year")}


@router.get("/keys")
async def keys_page(context: PageAdministering, cursor: pagination.Cursor = None) -> Response:
    """The keys that the person may see, the newest first."""
    page = pagination.page(_PER_PAGE, cursor, "keys")
    only = context.store.store_id if context.store else context.caller.store_id
    async with context.app.database.read() as connection:
        found, after = await queries.keys(connection, KeyFilter(only), page)
    following = pagination.next_cursor(after, "keys")
    return context.render(
        "keys.html",
        keys=found,
        scopes=SCOPES,
        names={store.id: store.name for store in context.stores},
        older=context.link("/keys", cursor=following) if following else "",
        newer=context.link("/keys") if cursor else "",
    )


@router.get("/keys/new")
async def new_page(context: PageAdministering) -> Response:
    """Ask for the name and the limits of a key."""
    store = str(context.store.id) if context.store else ""
    values = {"name": "", "scope": "write", "store_id": store, "expires": ""}
    return _new(context, AccessForm("key_new.html", values))


@router.post("/keys/new")
async def create_key(context: PageAdministering) -> Response:
    """Make a key, and show its secret once. A second post of the form leads to revoking it."""
    names = ("name", "scope", "store_id", "expires")
    form = AccessForm("key_new.html", {name: text(context, name) for name in names})
    form.problems = missing(context, {"/name": form.values["name"]})
    if form.problems:
        form.status = 422
        return _new(context, form)
    try:
        body = store_problems.checked(KeyIn, _given(context, form.values))
        return await _made(context, body)
    except OrderError as error:
        form.problems = store_problems.problems_in(error, context.viewer)
        form.status = store_problems.status_of(error)
        return _new(context, form)


async def _made(context: PageContext, body: KeyIn) -> Response:
    store = store_of_new(context, body.store_id)
    new = NewKey(body.name, frozenset({body.scope}), body.store_id, body.expires_at)
    shown: list[CreatedKey] = []

    async def made(once: IdempotentRequest | None) -> CreatedKey:
        shown.append(await create.create(context.app, new, actor=context.actor, once=once))
        return shown[0]

    def again(created: CreatedKey) -> StoredResponse:
        notice = context.viewer.gettext(_SHOWN_BEFORE, name=created.key.name)
        return context.redirected(context.link(f"/keys/{created.key.id}/revoke"), notice=notice)

    # The choice of days becomes another time with each post.
    given = body.model_copy(update={"expires_at": None})
    response = await acts.act(context, given, store or 0, again, made)
    if not shown:
        return response
    return context.render("key_made.html", made=shown[0], scopes=SCOPES)


@router.get("/keys/{key_id}/revoke")
async def revoke_page(context: PageAdministering, key_id: UUID) -> Response:
    """Say what stops working."""
    return await _asked(context, key_id, AccessForm("key_revoke.html"))


@router.post("/keys/{key_id}/revoke")
async def revoke_key(context: PageAdministering, key_id: UUID) -> Response:
    """Revoke a key."""
    within = context.caller.store_id
    try:
        key = await revoke.revoke(context.app, key_id, within=within, actor=context.actor)
    except Unknown:
        raise
    except OrderError as error:
        form = AccessForm("key_revoke.html", status=store_problems.status_of(error))
        form.problems = store_problems.problems_in(error, context.viewer)
        return await _asked(context, key_id, form)
    notice = context.viewer.gettext("%(name)s stops working within 5 seconds.", name=key.name)
    return context.redirect(context.link("/keys"), notice=notice)


def _given(context: PageContext, values: dict[str, str]) -> dict[str, Any]:
    expires = values["expires"]
    days = int(expires) if expires in _DAYS else 0
    at = context.app.now() + timedelta(days=days)
    return {
        "name": values["name"],
        "scope": values["scope"],
        "store_id": values["store_id"] or None,
        "expires_at": at.isoformat() if days else None,
    }


def _new(context: PageContext, form: AccessForm) -> Response:
    form.more = {"scopes": SCOPES, "days": _DAYS}
    return form.shown(context)


async def _asked(context: PageContext, key_id: UUID, form: AccessForm) -> Response:
    async with context.app.database.read() as connection:
        key = await seen_key(context, connection, key_id)
        people = await sessions.people_of_key(connection, key_id, most=_MOST_PEOPLE)
    own = str(key_id) == context.caller.key
    form.more = {"key": key, "people": people, "scopes": SCOPES, "own": own}
    return form.shown(context)


async def seen_key(context: PageContext, connection: Connection, key_id: UUID) -> KeyView:
    """A key that the person may see. Raises Unknown."""
    key, only = await queries.key(connection, key_id), context.caller.store_id
    if key is None or (only is not None and key.store_id != context.stores[0].id):
        raise Unknown("key", key_id)
    return key
