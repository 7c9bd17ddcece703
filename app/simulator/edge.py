"""Refuses what a web page of another site may send to a simulator on a developer's machine.

The simulator has no keys. A page that a developer visits could post a form to it, or read it under
a name of its own that resolves to 127.0.0.1 (DNS rebinding).
"""

from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LOCAL = ("127.0.0.1", "localhost", "::1")
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class KnownCallers:
    """Answers 403 to a foreign `Host`, and to a foreign `Origin` unless the request only reads.

    names: the host names and numbers by which the simulator is called, beside those of LOCAL.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str] = ()) -> None:
        self._app = app
        self._names = frozenset(name.casefold() for name in (*LOCAL, *names))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        reason = self._refusal(scope) if scope["type"] == "http" else None
        if reason is None:
            await self._app(scope, receive, send)
            return
        refused = JSONResponse({"error": reason}, HTTPStatus.FORBIDDEN)
        await refused(scope, receive, send)

    def _refusal(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        # A browser always names the host. HTTP/1.1 over TCP is refused without (RFC 9112, 3.2).
        host, origin = headers.get("host"), headers.get("origin")
        # mutation: simulator-foreign-host
        if host is not None and _name(f"//{host}") not in self._names:
            return "The simulator is not called by this Host: name it with --name."
        # mutation: simulator-foreign-origin
        if origin is not None and scope["method"] not in _READS and _authority(origin) != host:
            return "The simulator takes no request from a page of another origin."
        return None


def _name(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def _authority(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None
