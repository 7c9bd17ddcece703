"""Routes and routers of the page."""

import functools
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from app.storage.postgres.retry import again
from app.web.access import settings_of
from app.web.page import errors, sealed
from app.web.page.context import RequirePage
from app.web.page.csrf import require_same_origin
from app.web.path_rules import USUAL, BodyLimit, PathRule
from app.web.problems import PROBLEM, TooManyAttempts, Unauthorized
from app.web.route import Endpoint

# Fields of forms that come back empty after signing in again: no page shows a secret.
NOT_KEPT = frozenset(
    {"idempotency_key", "client_secret", "access_token", "notifications_url", "secret"}
)
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class PageRoute(APIRoute):
    """A route that refuses other sites and strangers before it receives a form.

    As an operation of the API, the endpoint may run again after a lock time-out or a stale session.
    """

    def __init__(self, path: str, endpoint: Endpoint, **more: Any) -> None:  # noqa: ANN401 - passed to FastAPI
        super().__init__(path, _repeated(endpoint), **more)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, after the checks."""
        handle = super().get_route_handler()
        required = [
            each.call for each in self.dependant.dependencies if isinstance(each.call, RequirePage)
        ]

        async def handle_page(request: Request) -> Response:
            require_same_origin(request, settings_of(request).public_url)
            try:
                for person in required:
                    await person.open(request)
            except (Unauthorized, TooManyAttempts) as error:
                if request.method != "POST":
                    raise
                return await _sign_in_again(request, getattr(error, "retry_after", 0))
            return await handle(request)

        async def close_files(request: Request) -> Response:
            try:
                return await handle_page(request)
            finally:
                # Closes the files of a form, which would stay open until they are collected.
                await request.close()

        return close_files


class PageRouter(APIRouter):
    """A router of pages. limit: how much a form may hold."""

    def __init__(self, *, limit: BodyLimit = USUAL) -> None:
        super().__init__(route_class=PageRoute, include_in_schema=False)
        self._limit = limit

    @property
    def rules(self) -> tuple[PathRule, ...]:
        """The rules of its paths."""
        # A rule of "/" covers every path; that of paths where nothing is holds for it as well.
        paths = dict.fromkeys(
            route.path for route in self.routes if isinstance(route, APIRoute) and route.path != "/"
        )
        return tuple(PathRule(path, self._limit, FORMS, render=errors.render) for path in paths)


async def _sign_in_again(request: Request, wait: int) -> Response:
    """The answer to a form of a session that is over: what was typed is kept, but for secrets."""
    form = await request.form()
    # mutation: typed-secrets-not-shown
    typed = [
        (name, value)
        for name, value in form.multi_items()
        if isinstance(value, str) and name not in NOT_KEPT and not name.endswith(sealed.SUFFIX)
    ]
    if wait:
        request.scope[PROBLEM] = "too_many_attempts"
    return errors.sign_in(request, typed=urlencode(typed), wait=wait)


def _repeated(endpoint: Endpoint) -> Endpoint:
    @functools.wraps(endpoint)
    async def run(**values: object) -> Response:
        return await again(lambda: endpoint(**values))

    return run
