"""/sign-in, /enter, /sign-out, /language: how people come and go."""

from typing import Annotated

from fastapi import Depends, Form, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse

from app.storage.stores.sessions import digest
from app.usecases.access import sign_in as use_cases
from app.web.access import access_of, keys_of, page_path
from app.web.dependencies import acting_as
from app.web.page import session
from app.web.page.context import PageReading
from app.web.page.i18n import COOKIE, LANGUAGES
from app.web.page.route import PageRouter
from app.web.page.typed import ask_again, fields_of
from app.web.page.visit import Visit, visit
from app.web.problems import PROBLEM, TooManyAttempts, Unauthorized
from app.web.refusals import is_sign_in

router = PageRouter()
Visiting = Annotated[Visit, Depends(visit)]
HOME = "/orders"
MOST_TYPED = 262_144
"""Characters of a form that is kept while its person signs in again."""
_YEAR = 365 * 24 * 3600


@router.get("/")
async def home(request: Request) -> Response:
    """Lead to the orders."""
    del request
    return RedirectResponse(HOME, 303)


@router.get("/sign-in")
async def sign_in_page(visit: Visiting, then: str = HOME) -> Response:
    """Ask for a key."""
    return _asked(visit, then)


@router.post("/sign-in")
async def sign_in(
    visit: Visiting,
    key: Annotated[str, Form(max_length=500)] = "",
    then: Annotated[str, Form(max_length=4000)] = HOME,
    typed: Annotated[str, Form(max_length=MOST_TYPED)] = "",
) -> Response:
    """Open a session of a key."""
    keys = keys_of(visit.request)
    is_sign_in(visit.request.scope)
    try:
        caller = await keys.caller(key.strip())
    except TooManyAttempts as error:
        return _limited(visit, error, then, typed)
    except Unauthorized:
        return _asked(visit, then, typed, status=401, failed=True)
    acting_as(caller)
    token = await use_cases.sign_in(visit.app, access_of(caller, caller.name, keys))
    return await _entered(visit.request, token, then, typed)


@router.get("/enter/{token}")
async def enter_page(visit: Visiting, token: str) -> Response:
    """Show a button, since programs that check mails follow links and would use this one up."""
    is_sign_in(visit.request.scope)
    keys = keys_of(visit.request)
    try:
        await keys.known(token, lambda: use_cases.link_works(visit.app, token))
    except TooManyAttempts as error:
        return _limited(visit, error)
    except Unauthorized:
        return visit.render("enter.html", works=False, status=410)
    return visit.render("enter.html", works=True)


@router.post("/enter/{token}")
async def enter(visit: Visiting, token: str) -> Response:
    """Open the session of a link, once."""
    is_sign_in(visit.request.scope)
    keys = keys_of(visit.request)
    try:
        entered = await keys.known(token, lambda: use_cases.enter(visit.app, token))
    except TooManyAttempts as error:
        return _limited(visit, error)
    except Unauthorized:
        return visit.render("enter.html", works=False, status=410)
    return await _entered(visit.request, entered.token, entered.path)


@router.post("/sign-out")
async def sign_out(context: PageReading) -> Response:
    """End the session."""
    request = context.request
    store = context.session.access.store_id or 0
    await use_cases.end_session(context.app, store, context.session.id, actor=context.actor)
    keys_of(request).forget_session(session.token_of(request) or "")
    response = RedirectResponse("/sign-in", 303)
    session.forget(request, response)
    return response


@router.post("/stay")
async def stay(context: PageReading) -> Response:
    """Prolong the session, as any act of a person does. Answers when it ends."""
    request = context.request
    token = session.token_of(request) or ""
    keys_of(request).forget_session(token)
    signed_in = await keys_of(request).signed_in(token, used=True)
    return PlainTextResponse(signed_in.session.ends_at.isoformat())


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


def _asked(
    visit: Visit,
    then: str,
    typed: str = "",
    *,
    status: int = 200,
    failed: bool = False,
    wait: int = 0,
) -> Response:
    values = {"then": then, "typed": typed, "failed": failed, "over": False, "wait": wait}
    return visit.render("sign_in.html", status=status, **values)


def _limited(visit: Visit, error: TooManyAttempts, then: str = HOME, typed: str = "") -> Response:
    visit.request.scope[PROBLEM] = "too_many_attempts"
    response = _asked(visit, then, typed, status=429, wait=error.retry_after)
    response.headers["Retry-After"] = str(error.retry_after)
    return response


async def _entered(request: Request, token: str, then: str, typed: str = "") -> Response:
    keys_of(request).wrong.trust(digest(token))
    path = page_path(request.app, then)
    response: Response = RedirectResponse(path or HOME, 303)
    if path and typed:
        cookie = f"{session.cookie_name(request)}={token}"
        response = await ask_again(request, path, cookie, fields_of(typed)) or response
    session.keep_signed_in(request, response, token)
    return response
