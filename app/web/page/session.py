"""The cookie of a session, and its attributes."""

from dataclasses import dataclass
from http.cookies import SimpleCookie
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import Response

from app.storage.stores.sessions import LONGEST
from app.web.access import is_secure, page_path, settings_of

NOTICE = "waybill-notice"


def cookie_name(request: Request) -> str:
    """The name of the session's cookie. `__Host-` lets no other host of the domain set it."""
    return "__Host-waybill" if is_secure(request) else "waybill"


def token_of(request: Request) -> str | None:
    """The session token of a request."""
    return request.cookies.get(cookie_name(request)) or None


def keep_signed_in(request: Request, response: Response, token: str) -> None:
    """Give the browser a session's cookie."""
    value = _cookie(request, cookie_name(request), token, int(LONGEST.total_seconds()))
    response.headers.append("Set-Cookie", value)


def forget(request: Request, response: Response) -> None:
    """Delete the session's cookie."""
    response.headers.append("Set-Cookie", _cookie(request, cookie_name(request), "", 0))


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence that the next page shows once, with a link if there is more to see."""

    text: str
    href: str | None = None
    label: str = ""


def notice_cookie(request: Request, text: str, leads: tuple[str, str] | None = None) -> str:
    """A `Set-Cookie` with a sentence that the next page shows once; empty deletes it.

    leads: a page of ours that it leads to, and the words of that link.
    """
    value = "|".join(map(quote, (text, *(leads or ()))))
    return _cookie(request, NOTICE, value, 60 if text else 0)


def notice_of(request: Request) -> Notice | None:
    """The sentence that the page before left."""
    given = request.cookies.get(NOTICE)
    if not given:
        return None
    text, *leads = map(unquote, given.split("|"))
    path = page_path(request.app, leads[0]) if len(leads) > 1 else None
    return Notice(text, path, leads[1]) if path else Notice(text)


def kept_cookie(request: Request, name: str, value: str, seconds: int) -> str:
    """A `Set-Cookie` with a choice of the person."""
    return _cookie(request, name, value, seconds)


def _cookie(request: Request, name: str, value: str, seconds: int) -> str:
    framed = settings_of(request).frame_ancestors is not None
    cookie: SimpleCookie = SimpleCookie()
    cookie[name] = value
    morsel = cookie[name]
    morsel["path"], morsel["max-age"], morsel["httponly"] = "/", seconds, True
    # A frame in another site's page gets a cookie only if it is partitioned by that site.
    morsel["samesite"] = "None" if framed else "Lax"
    morsel["secure"] = framed or is_secure(request)
    return morsel.OutputString() + ("; Partitioned" if framed else "")
