"""A short way through the web framework, for requests that it has no reason to refuse.

FastAPI finds out for each request anew what its route wants: it matches routes one by one, opens
exit stacks, walks the tree of dependencies. That was a quarter of the processor time of an
accepted shipment (decision 0017). Everything it finds out is known when the app is made, so a
request that is plainly in order goes straight to its endpoint from here.

The short way never refuses anything by itself. A path, key, query or body that is not of the
plainest form is left to FastAPI, which gets the request as if nobody had looked at it; that is
why both ways answer the same bytes. What the endpoint itself raises is told by the one table of
`problems.py`, on both ways.
"""

import inspect
import json
import re
import typing
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web import problems
from app.web.dependencies import RequireScope

# One id as clients got it from us. Other spellings of a UUID are FastAPI's.
_ID = re.compile(r"(?<=/)([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?=/|\Z)")
_BEARER = re.compile(rb"Bearer ([\x21-\x7e]+)")
_JSON = frozenset({b"application/json", b"application/json; charset=utf-8"})
# Defaults that an endpoint cannot change for the next request.
_CONSTANT = (bool, int, str, type(None))
Headers = Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class _Way:
    """One operation: whom to call with what. constants: the query parameters' defaults."""

    route: APIRoute
    endpoint: Callable[..., Awaitable[Response]]
    door: RequireScope
    context: str
    ids: tuple[str, ...]
    constants: Mapping[str, object]
    body: str | None
    model: type[BaseModel] | None

    async def answer(
        self, request: Request, ids: Iterable[UUID], messages: list[Message]
    ) -> Response | None:
        """Call the endpoint; None for a request that is not of the plainest form.

        messages: what was read of the body goes there. Raises what the endpoint raises.
        """
        # Of two headers of one name the first counts, as in Starlette.
        headers: Headers = dict(reversed(request.scope["headers"]))
        bearer = _BEARER.fullmatch(headers.get(b"authorization", b""))
        if bearer is None:
            return None
        values: dict[str, object] = {**self.constants, **dict(zip(self.ids, ids, strict=True))}
        values[self.context] = await self.door.open(request, bearer[1].decode())
        if self.model is not None and self.body is not None:
            await _receive_all(request.receive, messages)
            body = _body(self.model, headers, messages)
            if body is None:
                return None
            values[self.body] = body
        return await self.endpoint(**values)


async def _receive_all(receive: Receive, messages: list[Message]) -> None:
    """Add a body's messages, to its end or to where it breaks off."""
    more = True
    while more:
        message = await receive()
        messages.append(message)
        more = message.get("more_body", False)


class Shortcut:
    """Carries out what it can by itself, and hands everything else to app."""

    def __init__(self, app: ASGIApp, *, routes: Iterable[object]) -> None:
        self._app = app
        self._ways: dict[tuple[str, str | None], _Way] = {}
        for route in routes:
            way = _way(route)
            if way is not None:
                for method in way.route.methods or ():
                    self._ways[method, re.sub(r"{\w+}", "{}", way.route.path)] = way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["query_string"] or scope.get("root_path"):
            await self._app(scope, receive, send)
            return
        # Texts and ids by turns.
        parts = _ID.split(scope["path"])
        # A path with braces of its own is not the shape of a route.
        shape = None if "{" in scope["path"] else "{}".join(parts[::2])
        way = self._ways.get((scope["method"], shape))
        if way is None:
            await self._app(scope, receive, send)
            return
        # By this the request is counted.
        scope["route"] = way.route
        request, messages = Request(scope, receive), list[Message]()
        try:
            response = await way.answer(request, map(UUID, parts[1::2]), messages)
        except Exception as error:
            response = await problems.show(request, error)
            if response is None:
                raise
        if response is None:
            await self._app(scope, _again(messages, receive), send)
        else:
            await response(scope, receive, send)


def _body(
    model: type[BaseModel], headers: Headers, messages: Iterable[Message]
) -> BaseModel | None:
    """The body as FastAPI would take it; None where it would not, or not so easily."""
    if headers.get(b"content-type") not in _JSON:
        return None
    try:
        found = json.loads(b"".join(message["body"] for message in messages))
        return model.model_validate(found) if isinstance(found, dict) else None
    except (KeyError, ValueError, RecursionError, ValidationError):
        return None


def _again(messages: list[Message], receive: Receive) -> Receive:
    """What was received is received once more, then what follows."""
    left = iter(messages)

    async def replayed() -> Message:
        message = next(left, None)
        return await receive() if message is None else message

    return replayed


def _way(route: object) -> _Way | None:
    """The short way of a route; None where only FastAPI knows how to call it."""
    if not isinstance(route, APIRoute):
        return None
    wants = route.dependant
    others = (wants.header_params, wants.cookie_params, wants.request_param_name)
    doors = [each for each in wants.dependencies if isinstance(each.call, RequireScope)]
    if any(others) or len(doors) != 1 or len(wants.dependencies) != 1:
        return None
    hints = typing.get_type_hints(route.endpoint)
    ids = tuple(field.name for field in wants.path_params)
    constants = {field.name: field.field_info.default for field in wants.query_params}
    if (
        not inspect.iscoroutinefunction(route.endpoint)
        or hints["return"] is not Response
        or any(hints[name] is not UUID for name in ids)
        or any(not isinstance(value, _CONSTANT) for value in constants.values())
        or len(wants.body_params) > 1
    ):
        return None
    body = wants.body_params[0].name if wants.body_params else None
    model = hints[body] if body else None
    if model is not None and not (inspect.isclass(model) and issubclass(model, BaseModel)):
        return None
    (door,) = doors
    assert isinstance(door.call, RequireScope)  # noqa: S101 - chosen so
    assert door.name is not None  # noqa: S101 - it is a parameter
    return _Way(route, route.endpoint, door.call, door.name, ids, constants, body, model)
