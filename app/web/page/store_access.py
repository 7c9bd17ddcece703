"""/stores/{store_id}/walmart and …/commerce: replace keys and tokens, with a try before saving."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from fastapi import Response

from app.domain.errors import OrderError
from app.storage.queries.views import StoreView
from app.usecases.stores import manage
from app.usecases.stores.manage import Verified
from app.usecases.stores.try_access import AccessToTry, TriedAccess, try_access
from app.web.page import sealed, store_problems
from app.web.page.context import PageAdministering, PageContext
from app.web.page.route import PageRouter
from app.web.page.stores import store_in
from app.web.page.typed_number import typed_number
from app.web.v1.store_schemas import StorePatch

router = PageRouter()
_WALMART, _COMMERCE = "store_walmart.html", "store_commerce.html"


@dataclass(slots=True)
class AccessForm:
    """A form with a secret: what was typed, what a try found, and what is wrong."""

    template: str
    values: dict[str, str] = field(default_factory=dict)
    new: bool = False
    """Whether it is a step of connecting a store."""
    sealed: str = ""
    """The secret, encrypted, after a try."""
    tried: TriedAccess | None = None
    verified: Verified | None = None
    """What a try of the stored keys found."""
    problems: dict[str, str] = field(default_factory=dict)
    status: int = 200
    more: dict[str, object] = field(default_factory=dict)
    """Further values of the template."""

    def shown(self, context: PageContext, store: StoreView | None = None) -> Response:
        """The page with this form."""
        values = {"store": store, "form": self, **self.more}
        return context.render(self.template, status=self.status, **values)


def text(context: PageContext, name: str) -> str:
    """A field of the form without the blanks around it."""
    given = context.form.get(name)
    return given.strip() if isinstance(given, str) else ""


def missing(context: PageContext, given: dict[str, str]) -> dict[str, str]:
    """The sentence for each of some fields that is empty. given: values by pointer."""
    sentence = store_problems.sentence("required", context.viewer)
    return {pointer: sentence for pointer, value in given.items() if not value}


async def tried(context: PageContext, form: AccessForm, access: AccessToTry, secret: str) -> None:
    """Try access, and note in the form what was found."""
    try:
        form.tried = await try_access(context.app, access)
    except OrderError as error:
        form.problems = store_problems.problems_in(error, context.viewer)
        form.status = store_problems.status_of(error)
        return
    results = [each for each in (form.tried.walmart, form.tried.commerce) if each is not None]
    rejected = any(each.code == "credentials_rejected" for each in results)
    # A rejected secret is typed anew.
    form.sealed = "" if rejected else sealed.seal(context, secret)
    form.status = 200 if all(each.ok for each in results) else 422


@router.get("/stores/{store_id}/walmart")
async def walmart_page(context: PageAdministering, store_id: UUID) -> Response:
    """Ask for new keys of Walmart."""
    store = await store_of(context, store_id)
    form = AccessForm(_WALMART, {"client_id": store.walmart.client_id})
    return form.shown(context, store)


@router.post("/stores/{store_id}/walmart")
async def replace_walmart(context: PageAdministering, store_id: UUID) -> Response:
    """Try or save new keys of Walmart."""
    store = await store_of(context, store_id)
    client_id, secret = text(context, "client_id"), sealed.given(context, "client_secret")
    form = AccessForm(_WALMART, {"client_id": client_id})
    form.problems = missing(
        context, {"/walmart/client_id": client_id, "/walmart/client_secret": secret}
    )
    if form.problems:
        form.status = 422
    elif text(context, "go") == "save":
        given = {"walmart": {"client_id": client_id, "client_secret": secret}}
        notice = context.viewer.gettext("The new keys are saved. Waiting updates go out now.")
        return await save(context, store, form, given, notice)
    else:
        await tried(context, form, AccessToTry(store.market, (client_id, secret)), secret)
    return form.shown(context, store)


@router.get("/stores/{store_id}/commerce")
async def commerce_page(context: PageAdministering, store_id: UUID, new: bool = False) -> Response:
    """Ask how Commerce is connected. new: as the last step of connecting a store."""
    store = await store_of(context, store_id)
    commerce = store.commerce
    values = {
        "how": "api" if commerce.base_url is None and not new else "connect",
        "base_url": commerce.base_url or "",
        "push_orders": "on" if commerce.push_orders or new else "",
        "payment_method": commerce.payment_method or "",
        "stock_id": "" if commerce.stock_id is None else str(commerce.stock_id),
    }
    return AccessForm(_COMMERCE, values, new).shown(context, store)


@router.post("/stores/{store_id}/commerce")
async def connect_commerce(context: PageAdministering, store_id: UUID) -> Response:
    """Try or save the connection to Commerce."""
    store = await store_of(context, store_id)
    names = ("how", "base_url", "push_orders", "payment_method", "stock_id")
    values = {name: text(context, name) for name in names}
    token = sealed.given(context, "access_token")
    form = AccessForm(_COMMERCE, values, text(context, "new") == "on")
    if text(context, "go") == "save" or values["how"] == "api":
        form.sealed = sealed.seal(context, token) if token else ""
        notice = context.viewer.gettext("%(name)s is connected.", name=store.name)
        given = {"commerce": _commerce(values, token)}
        return await save(context, store, form, given, notice)
    form.problems = missing(
        context, {"/commerce/base_url": values["base_url"], "/commerce/access_token": token}
    )
    if form.problems:
        form.status = 422
        return form.shown(context, store)
    try:
        # A token with other characters could not even be tried.
        store_problems.checked(StorePatch, {"commerce": _commerce(values, token)})
    except OrderError as error:
        form.problems = store_problems.problems_in(error, context.viewer)
        form.status = store_problems.status_of(error)
    else:
        commerce = (store.code, values["base_url"].rstrip("/"), token)
        await tried(context, form, AccessToTry(store.market, commerce=commerce), token)
    return form.shown(context, store)


async def save(
    context: PageContext, store: StoreView, form: AccessForm, given: dict[str, Any], notice: str
) -> Response:
    """Change a store by the body of the API's operation, or show the form with what is wrong."""
    try:
        changes = store_problems.checked(StorePatch, given).to_changes()
        await manage.change(context.app, store.id, changes, actor=context.actor)
    except OrderError as error:
        form.problems = store_problems.problems_in(error, context.viewer)
        form.status = store_problems.status_of(error)
        return form.shown(context, store)
    return context.redirect(context.link(f"/stores/{store.id}"), notice=notice)


def _commerce(values: dict[str, str], token: str) -> dict[str, Any]:
    if values["how"] == "api":
        return {"base_url": None, "access_token": None, "push_orders": False, "stock_id": None}
    stock = values["stock_id"]
    given: dict[str, Any] = {
        "base_url": values["base_url"].rstrip("/"),
        "push_orders": bool(values["push_orders"]),
        "payment_method": values["payment_method"] or None,
        "stock_id": typed_number(stock) or None,
    }
    return {**given, "access_token": token} if token else given


async def store_of(context: PageContext, store_id: UUID) -> StoreView:
    """A store that the person may see. Raises Unknown."""
    async with context.app.database.read() as connection:
        return await store_in(context, connection, store_id)
