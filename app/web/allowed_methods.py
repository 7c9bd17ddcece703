"""Wrong methods: a 405 whose `Allow` lists every method of the path.

FastAPI has a route for each method. For a wrong one it lists the methods of one such route, and it
passes `/v1/orders/import` to the route of `/v1/orders/{order_id}` if only that has the method.
"""

import re
from collections import defaultdict
from collections.abc import Iterable

from fastapi.routing import RouteContext
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.web import problems
from app.web.problem_codes import CODES


class AllowedMethods:
    """ASGI middleware that refuses a method that none of the path's routes has."""

    def __init__(self, app: ASGIApp, *, routes: Iterable[RouteContext]) -> None:
        self._app = app
        grouped = defaultdict[str, list[RouteContext]](list)
        for route in routes:
            grouped[route.path or ""].append(route)
        # As in OpenAPI, a path without a parameter at a place comes before one with it.
        # mutation: concrete-paths-first
        paths = sorted(grouped, key=_parameters)
        self._routes = [grouped[path][0] for path in paths]
        self._methods = [_methods(grouped[path]) for path in paths]
        # One expression with a group for each path.
        self._pattern = re.compile("|".join(f"({_pattern(path)})" for path in paths))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on."""
        found = self._pattern.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is None or found.lastindex is None:
            await self._app(scope, receive, send)
            return
        allowed = self._methods[found.lastindex - 1]
        if scope["method"] in allowed:
            await self._app(scope, receive, send)
            return
        # The metrics name a request by the path of scope["route"].
        scope["route"] = self._routes[found.lastindex - 1]
        status, detail = CODES["method_not_allowed"]
        # mutation: every-allowed-method
        headers = {"Allow": ", ".join(sorted(allowed))}
        refusal = problems.problem(
            Request(scope), status, "method_not_allowed", detail, headers=headers
        )
        await refusal(scope, receive, send)


def _parameters(path: str) -> list[bool]:
    return [segment.startswith("{") for segment in path.split("/")]


def _pattern(path: str) -> str:
    return "[^/]+".join(map(re.escape, re.split(r"{\w+}", path)))


def _methods(routes: Iterable[RouteContext]) -> frozenset[str]:
    methods = {method for route in routes for method in route.methods or ()}
    # addresses.py answers HEAD by GET.
    return frozenset(methods | {"HEAD"} if "GET" in methods else methods)
