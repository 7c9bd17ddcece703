"""The request of a person who is signed in: what a page needs to read, act, and answer.

A `PageContext` is a `RequestContext`, so a page calls the use cases as an operation of the API
does; the hidden `idempotency_key` of a form is its Idempotency-Key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from app.domain.errors import Unknown
from app.storage.idempotency import StoredResponse
from app.storage.queries.store_names import StoreName, store_names
from app.storage.stores.sessions import OpenSession
from app.usecases.context import AppContext
from app.web.access import keys_of, settings_of
from app.web.auth import SignedIn
from app.web.dependencies import RequestContext, acting_as
from app.web.page import session
from app.web.page.attention_count import AttentionCounts
from app.web.page.i18n import LANGUAGES
from app.web.page.typed import Fields, typed_in
from app.web.page.viewer import Viewer, viewer_of
from app.web.page.visit import answer
from app.web.problems import Unauthorized

PAGE = "waybill.page"
_MOST_STORES = 500
_VIA = "attention"
# Paths of one order or return, and of what may be done with it.
_ABOUT_ONE = ("/orders/", "/updates/", "/commerce-events/", "/returns/")


@dataclass(frozen=True, slots=True)
class PageContext(RequestContext):
    """A request of a person who is signed in."""

    signed_in: SignedIn
    viewer: Viewer
    stores: Sequence[StoreName]
    """The stores that the person may see."""
    store: StoreName | None
    """The store to which every page is limited: the one that was picked, or the only one."""
    attention: int
    """Problems that wait for a person."""
    form: FormData
    """The fields of a POST."""

    @property
    def session(self) -> OpenSession:
        """The session of the person."""
        return self.signed_in.session

    @property
    def person(self) -> str:
        """The name of the person, without the key."""
        return self.session.access.name

    @property
    def initials(self) -> str:
        """One or two letters of the person's name."""
        words = [word for word in self.person.replace(".", " ").split("@")[0].split() if word]
        return "".join(word[0] for word in words[:2]).upper()

    @property
    def languages(self) -> Mapping[str, str]:
        """The languages of the page, by locale."""
        return LANGUAGES

    @property
    def demo(self) -> bool:
        """Whether the strip of the demo is shown."""
        return settings_of(self.request).demo is not None and self.may("write")

    @property
    def locale(self) -> str:
        """The person's locale."""
        return self.viewer.locale

    @property
    def zone(self) -> str:
        """IANA name of the person's time zone."""
        return self.viewer.zone_name

    @property
    def typed(self) -> Fields:
        """What a person typed into this page's form before the session was over. Mostly empty.

        It is put into the fields that the page has; only a page that adds fields on demand reads
        it, to render as many.
        """
        return typed_in(self.request.scope)

    def may(self, scope: str) -> bool:
        """Whether the session has a scope. Templates ask it before they show a button."""
        return scope in self.caller.scopes

    def given_key(self) -> str | None:
        """The form's hidden `idempotency_key`, or None. Raises Invalid, as the header does."""
        given = self.form.get("idempotency_key")
        # mutation: form-key
        return self.checked_key(given if isinstance(given, str) and given else None)

    @property
    def via(self) -> str | None:
        """`attention` if the person came here from what needs attention, and goes back there."""
        return _VIA if self.request.query_params.get("via") == _VIA else None

    def link(self, path: str, **query: object) -> str:
        """The address of a page that keeps the picked store. Values that are None are left out."""
        given = {name: value for name, value in query.items() if value is not None}
        if self.via and path.startswith(_ABOUT_ONE):
            given.setdefault("via", self.via)
        if self.store is not None and self.caller.store_id is None:
            given.setdefault("store", self.store.id)
        return f"{path}?{urlencode(given, doseq=True)}" if given else path

    def render(self, template: str, *, status: int = 200, **values: object) -> Response:
        """Render a template as the answer. It sees this context as `page`."""
        return answer(self.request, self.viewer, template, {"page": self, **values}, status)

    def redirect(self, path: str, *, notice: str = "") -> Response:
        """Go on to a page of ours after a form succeeded; the notice is shown there once."""
        response = RedirectResponse(path, 303)
        if notice:
            response.headers.append("Set-Cookie", session.notice_cookie(self.request, notice))
        return response

    def redirected(
        self, path: str, *, notice: str = "", leads: tuple[str, str] | None = None
    ) -> StoredResponse:
        """The same as `redirect`, for the `render` of `once`.

        leads: a page that the notice leads to, and the words of that link.
        """
        headers = {"Location": path}
        if notice:
            headers["Set-Cookie"] = session.notice_cookie(self.request, notice, leads)
        return StoredResponse(303, b"", headers)


@dataclass(frozen=True, slots=True)
class RequirePage:
    """FastAPI dependency that requires a person with a scope."""

    scope: str

    async def __call__(self, request: Request) -> PageContext:
        """The request of a person. Raises Unauthorized, Forbidden, or Unknown for a store."""
        known = context_of(request)
        if known is not None and request.method != "POST":
            # The route has found the person; a form may have taken long, so it is checked again.
            return known
        return await self.open(request, await _form(request))

    async def open(self, request: Request, form: FormData | None = None) -> PageContext:
        """Find the person of a request, whose form may not be read yet. Raises as above."""
        token = session.token_of(request)
        if token is None:
            raise Unauthorized
        signed_in = await keys_of(request).signed_in(token, used=_is_use(request))
        context = await _context(request, signed_in, form or FormData())
        request.scope[PAGE] = context
        acting_as(signed_in.caller)
        # mutation: page-scope
        signed_in.caller.require(self.scope)
        if form is not None and request.method == "POST":
            context.given_key()
        return context


def context_of(request: Request) -> PageContext | None:
    """The person whom an error page may greet, if one is known."""
    found: PageContext | None = request.scope.get(PAGE)
    return found


async def _context(request: Request, signed_in: SignedIn, form: FormData) -> PageContext:
    app: AppContext = request.app.state.context
    only = signed_in.caller.store_id
    stores = await store_names(app.database.direct, only, most=_MOST_STORES)
    store = _picked(request.query_params.get("store"), stores, bound=only is not None)
    counts: AttentionCounts = request.app.state.attention
    return PageContext(
        request=request,
        app=app,
        caller=signed_in.caller,
        signed_in=signed_in,
        viewer=viewer_of(request, app.now()),
        stores=stores,
        store=store,
        attention=await counts.count(app, store.store_id if store else only),
        form=form,
    )


def _picked(given: str | None, stores: Sequence[StoreName], *, bound: bool) -> StoreName | None:
    if given:
        for store in stores:
            if str(store.id) == given:
                return store
        raise Unknown("store", given)
    return stores[0] if stores and (bound or len(stores) == 1) else None


async def _form(request: Request) -> FormData:
    return await request.form() if request.method == "POST" else FormData()


def _is_use(request: Request) -> bool:
    """Whether a person did something: scripts also refresh a page that is only open."""
    return request.method != "GET" or request.headers.get("sec-fetch-dest") != "empty"


PageReading = Annotated[PageContext, Depends(RequirePage("read"))]
PageWriting = Annotated[PageContext, Depends(RequirePage("write"))]
PageAdministering = Annotated[PageContext, Depends(RequirePage("admin"))]
