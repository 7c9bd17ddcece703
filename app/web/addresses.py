"""One address for each resource, however a client writes it.

Commerce's clients call `/rest/V1/…`, `/index.php/rest/…` and addresses with a slash at the end, and
they send HEAD where the API has GET. Everything behind this middleware sees the canonical path and
method, so routes, path rules, metrics and idempotency keys know one address only.

Source: Magento's module Webapi. `Controller/PathProcessor.php` uses the default store view where a
path has no code; it and `Controller/Rest/Router/Route.php` ignore slashes at both ends of a path.
`index.php` is in the base URL of a Magento without URL rewrites.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

# The store code of an address that names none.
DEFAULT = "default"
_SENT_METHOD = "waybill.sent_method"


def sent_method(scope: Scope) -> str:
    """The method as the client sent it."""
    method: str = scope[_SENT_METHOD]
    return method


class CanonicalAddresses:
    """ASGI middleware that hands on each request under its canonical path and method.

    The scope is copied, so that the server still knows that a HEAD is answered without a body.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on a request."""
        if scope["type"] == "http":
            sent = scope["method"]
            method = "GET" if sent == "HEAD" else sent
            scope = {
                **scope,
                "path": canonical(scope["path"]),
                "method": method,
                _SENT_METHOD: sent,
            }
        await self._app(scope, receive, send)


def canonical(path: str) -> str:
    """The path under which the API serves the resource of a path."""
    segments = path.strip("/").split("/")
    if segments[:2] == ["index.php", "rest"]:
        del segments[0]
    # mutation: address-without-store-code
    if segments[:2] in (["rest", "V1"], ["rest", "async"]):
        segments.insert(1, DEFAULT)
    return "/" + "/".join(segments)
