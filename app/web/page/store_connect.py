"""/stores/connect: a store in three steps: name and market, keys of Walmart, Commerce.

The first step is kept in the address, the second saves the store, the third changes it.
"""

from typing import Any

from fastapi import Response

from app.domain import db_limits
from app.domain.errors import OrderError
from app.storage.idempotency import StoredResponse
from app.storage.queries.views import StoreView
from app.storage.stores import stores
from app.usecases.stores import manage
from app.usecases.stores.try_access import AccessToTry
from app.web.page import acts, sealed, store_problems
from app.web.page.context import PageAdministering, PageContext
from app.web.page.route import PageRouter
from app.web.page.store_access import AccessForm, missing, text, tried
from app.web.v1.store_schemas import StoreIn

router = PageRouter()
_ONE, _TWO = "store_connect.html", "store_connect_walmart.html"
_FIRST = ("name", "market", "code")
_ERRORS_OF_FIRST = {"/name", "/market", "/code"}


@router.get("/stores/connect")
async def first_page(
    context: PageAdministering, name: str = "", market: str = "US", code: str = ""
) -> Response:
    """Ask for name and market."""
    context.caller.require_every_store()
    return AccessForm(_ONE, {"name": name, "market": market, "code": code}).shown(context)


@router.post("/stores/connect")
async def first_step(context: PageAdministering) -> Response:
    """Check name and market, and go on to the keys."""
    context.caller.require_every_store()
    form = AccessForm(_ONE, {name: text(context, name) for name in _FIRST})
    try:
        _checked(form.values, "not-yet", "not-yet")
    except OrderError as error:
        form.problems = store_problems.problems_in(error, context.viewer)
    form.problems |= missing(context, {"/name": form.values["name"]})
    form.problems |= await _taken(context, form.values)
    if form.problems:
        form.status = 422
        return form.shown(context)
    given = {name: value for name, value in form.values.items() if value}
    return context.redirect(context.link("/stores/connect/walmart", **given))


@router.get("/stores/connect/walmart")
async def second_page(
    context: PageAdministering, name: str = "", market: str = "US", code: str = ""
) -> Response:
    """Ask for the keys of Walmart."""
    context.caller.require_every_store()
    values = {"name": name, "market": market, "code": code, "client_id": ""}
    return AccessForm(_TWO, values).shown(context)


@router.post("/stores/connect/walmart")
async def second_step(context: PageAdministering) -> Response:
    """Try the keys of Walmart, or save the store with them."""
    context.caller.require_every_store()
    form = AccessForm(_TWO, {name: text(context, name) for name in (*_FIRST, "client_id")})
    values, secret = form.values, sealed.given(context, "client_secret")
    form.problems = missing(
        context, {"/walmart/client_id": values["client_id"], "/walmart/client_secret": secret}
    )
    if form.problems:
        form.status = 422
    elif text(context, "go") == "save":
        form.sealed = sealed.seal(context, secret)
        return await _save(context, form, secret)
    else:
        await tried(
            context, form, AccessToTry(values["market"], (values["client_id"], secret)), secret
        )
    return form.shown(context)


async def _save(context: PageContext, form: AccessForm, secret: str) -> Response:
    try:
        body = _checked(form.values, form.values["client_id"], secret)
        new = body.to_new()
        return await acts.act(
            context,
            body,
            0,
            lambda store: _saved(context, store),
            lambda once: manage.create(context.app, new, actor=context.actor, once=once),
        )
    except OrderError as error:
        form.problems = store_problems.problems_in(error, context.viewer)
        form.status = store_problems.status_of(error)
    if form.problems.keys() & _ERRORS_OF_FIRST:
        form.template = _ONE
    return form.shown(context)


def _saved(context: PageContext, store: StoreView) -> StoredResponse:
    notice = context.viewer.gettext(
        "%(name)s is saved. Waybill reads its orders from now on.", name=store.name
    )
    return context.redirected(f"/stores/{store.id}/commerce?new=true", notice=notice)


def _checked(values: dict[str, str], client_id: str, secret: str) -> StoreIn:
    given: dict[str, Any] = {
        "name": values["name"],
        "market": values["market"],
        "walmart": {"client_id": client_id, "client_secret": secret},
    }
    if values["code"]:
        given["code"] = values["code"]
    body = store_problems.checked(StoreIn, given)
    manage.check(body.to_new())
    return body


async def _taken(context: PageContext, values: dict[str, str]) -> dict[str, str]:
    if not all(map(db_limits.is_storable, values.values())):
        return {}
    async with context.app.database.read() as connection:
        named = await stores.name_is_taken(connection, values["name"])
        code = values["code"]
        coded = bool(code) and await stores.number_of_code(connection, code) is not None
    found = {}
    if named:
        found["/name"] = store_problems.sentence("store_name_taken", context.viewer)
    if coded:
        found["/code"] = store_problems.sentence("store_code_taken", context.viewer)
    return found
