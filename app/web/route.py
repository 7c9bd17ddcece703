"""Routes and routers of the API's operations."""

import functools
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from app.storage.postgres.retry import again
from app.storage.queries.views import cache_schemas
from app.web.dependencies import RequireScope, bearer, oauth1
from app.web.path_rules import PathRule

SCOPE = "x-required-scope"
"""The field of an operation in the OpenAPI document with the scope that its key needs."""
Endpoint = Callable[..., Awaitable[Response]]


class Operation(APIRoute):
    """A route that checks the API key before it receives a body, and that may run again.

    FastAPI receives and decodes the body first, from any client. The endpoint runs again after a
    lock time-out or a stale session (storage/postgres/retry.py), so it must be safe to repeat.
    """

    any_parameters = False
    """Whether query parameters that the operation does not have are ignored."""

    def __init__(self, path: str, endpoint: Endpoint, **more: Any) -> None:  # noqa: ANN401 - passed to FastAPI
        super().__init__(path, _repeated(endpoint), **more)
        self.parameters = frozenset(_parameters(self.dependant))
        """The names of its query parameters."""
        scopes = [each.scope for each in self._required()]
        if scopes:
            # A test asks for each operation with each scope, and expects what the document says.
            self.openapi_extra = {**(self.openapi_extra or {}), SCOPE: scopes[0]}

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, after a check of the API key where there is a body."""
        handle = super().get_route_handler()
        required = self._required()

        async def handle_known(request: Request) -> Response:
            for scope in required:
                await scope(request, await bearer(request), await oauth1(request))
            return await handle(request)

        # mutation: key-check-before-body
        return handle_known if self.body_field else handle

    def _required(self) -> list[RequireScope]:
        return [
            each.call for each in self.dependant.dependencies if isinstance(each.call, RequireScope)
        ]


class OperationRouter(APIRouter):
    """A router of operations, with the rules of those paths that need one."""

    operation: type[Operation] = Operation

    def __init__(self, prefix: str, tag: str, *rules: PathRule) -> None:
        # Before its routes, each of which would build the schemas of its views again.
        cache_schemas()
        # mutation: retry-on-locked-row
        super().__init__(prefix=prefix, tags=[tag], route_class=self.operation)
        self.rules = rules


def _parameters(dependant: Dependant) -> Iterator[str]:
    """The names of query parameters, those of dependencies included."""
    yield from (field.alias for field in dependant.query_params)
    for each in dependant.dependencies:
        yield from _parameters(each)


def _repeated(endpoint: Endpoint) -> Endpoint:
    @functools.wraps(endpoint)
    async def run(**values: object) -> Response:
        return await again(lambda: endpoint(**values))

    return run
