"""No other site can make a signed-in person's browser change anything.

A browser says of each request where it comes from. `Sec-Fetch-Site` does so in every browser since
2023, and no page can forge it; an older browser sends `Origin` with each POST. So no form needs a
token, which could expire while a person types. The cookie is `SameSite=Lax` besides.
"""

from urllib.parse import urlsplit

from starlette.requests import Request

from app.domain.errors import Forbidden

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def require_same_origin(request: Request, public_url: str | None) -> None:
    """Raise Forbidden for a change that another site, or no browser, asks for."""
    if request.method in _SAFE:
        return
    site = request.headers.get("sec-fetch-site")
    # mutation: page-same-origin
    if site == "same-origin" or (site is None and _own(request, public_url)):
        return
    raise Forbidden("cross_site", "The request does not come from a page of Waybill.")


def _own(request: Request, public_url: str | None) -> bool:
    try:
        origin = urlsplit(request.headers.get("origin", "")).netloc
    except ValueError:
        return False
    own = {request.headers.get("host", "")}
    if public_url is not None:
        own.add(urlsplit(public_url).netloc)
    return bool(origin) and origin in own
