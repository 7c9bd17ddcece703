"""/sign-in, /enter, /sign-out, /language: how people come and go."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from app.endings import Scope
from app.storage.stores.sessions import Access
from app.usecases.access import sign_in as use_cases
from app.web.auth import Caller, KeyRing
from app.web.dependencies import acting_as
from app.web.page import session
from app.web.page.context import PageReading
from app.web.page.i18n import COOKIE, LANGUAGES
from app.web.page.paths import page_path
from app.web.page.route import PageRouter
from app.web.page.visit import Visit, visit
from app.web.problems import Unauthorized

router = PageRouter()
Visiting = Annotated[Visit, Depends(visit)]
HOME = "/orders"
_YEAR = 365 * 24 * 3600


@router.get("/")
async def home(request: Request) -> Response:
    """Lead to the orders."""
    del request
    return RedirectResponse(HOME, 303)


@router.get("/sign-in")
async def sign_in_page(visit: Visiting, then: str = HOME) -> Response:
    """Ask for a key."""
    return _asked(visit, then, failed=False)


@router.post("/sign-in")
async def sign_in(
    visit: Visiting,
    key: Annotated[str, Form(max_length=500)] = "",
    then: Annotated[str, Form(max_length=4000)] = HOME,
) -> Response:
    """Open a session of a key."""
    keys: KeyRing = visit.request.app.state.keys
    try:
        caller = await keys.caller(key.strip())
    except Unauthorized:
        address = visit.request.client.host if visit.request.client else ""
        await visit.request.app.state.refused_sign_ins.record(visit.app, address)
        return _asked(visit, then, failed=True)
    acting_as(caller)
    token = await use_cases.sign_in(visit.app, access_of(caller, caller.name, keys))
    return _entered(visit.request, token, then)


@router.get("/enter/{token}")
async def enter_page(visit: Visiting, token: str) -> Response:
    """Show a button, since programs that check mails follow links and would use this one up."""
    works = await use_cases.link_works(visit.app, token)
    return visit.render("enter.html", works=works, status=200 if works else 410)


@router.post("/enter/{token}")
async def enter(visit: Visiting, token: str) -> Response:
    """Open the session of a link, once."""
    entered = await use_cases.enter(visit.app, token)
    if entered is None:
        return visit.render("enter.html", works=False, status=410)
    return _entered(visit.request, entered.token, entered.path)


@router.post("/sign-out")
async def sign_out(context: PageReading) -> Response:
    """End the session."""
    request = context.request
    store = context.session.access.store_id
    await use_cases.end_session(context.app, store, context.session.id, actor=context.actor)
    keys: KeyRing = request.app.state.keys
    keys.forget_session(session.token_of(request) or "")
    response = RedirectResponse("/sign-in", 303)
    session.forget(request, response)
    return response


@router.post("/language")
async def choose_language(
    request: Request,
    language: Annotated[str, Form(max_length=20)],
    then: Annotated[str, Form(max_length=4000)] = HOME,
) -> Response:
    """Keep a language for this browser."""
    response = RedirectResponse(page_path(request.app, then) or HOME, 303)
    if language in LANGUAGES:
        response.headers.append("Set-Cookie", session.kept_cookie(request, COOKIE, language, _YEAR))
    return response


def access_of(caller: Caller, name: str, keys: KeyRing) -> Access:
    """The access of a person with a key: all that the key may do."""
    scope = max((each for each in Scope if each in caller.scopes), key=list(Scope).index)
    admin = caller.key == "admin"
    return Access(
        name=name,
        store_id=caller.store_id,
        scope=scope,
        key_id=None if admin else UUID(caller.key),
        key_name=caller.name,
        admin_hash=keys.admin_hash if admin else None,
    )


def _asked(visit: Visit, then: str, *, failed: bool) -> Response:
    status = 401 if failed else 200
    values = {"then": then, "typed": "", "failed": failed, "over": False}
    return visit.render("sign_in.html", status=status, **values)


def _entered(request: Request, token: str, then: str) -> Response:
    response = RedirectResponse(page_path(request.app, then) or HOME, 303)
    session.keep_signed_in(request, response, token)
    return response
