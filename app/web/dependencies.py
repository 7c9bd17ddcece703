"""Dependencies of a route: the authenticated request, and idempotent execution of a POST."""

import functools
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.http import HTTPBase
from pydantic import BaseModel, TypeAdapter

from app.domain.errors import Invalid, Problem, Unknown
from app.storage import audit, idempotency
from app.storage.idempotency import IdempotentRequest, Replayed, StoredResponse
from app.storage.queries.views import View
from app.usecases.context import AppContext
from app.web import oauth
from app.web.auth import Caller, KeyRing
from app.web.problems import Unauthorized
from app.web.request_rates import RequestRates
from app.web.schema_problems import pointer_to

Result = TypeVar("Result")
_KEY = re.compile(r"[\x20-\x7e]{1,255}")
bearer = HTTPBearer(
    scheme_name="api_key",
    auto_error=False,
    description="An API key, made with `waybill keys create`.",
)
oauth1 = HTTPBase(
    scheme="OAuth",
    scheme_name="oauth1",
    auto_error=False,
    description="OAuth 1.0a with HMAC-SHA256 (RFC 5849), by `waybill keys create --oauth`.",
)
Given = HTTPAuthorizationCredentials | None


@dataclass(frozen=True, slots=True)
class RequestContext:
    """An authenticated request."""

    request: Request
    app: AppContext
    caller: Caller

    async def once(
        self,
        body: BaseModel | None,
        store_id: int,
        render: Callable[[Result], StoredResponse],
        use_case: Callable[[IdempotentRequest | None], Awaitable[Result]],
    ) -> Response:
        """Run a use case once for an Idempotency-Key, or replay the answer of its first run.

        use_case gets the key, if there is one, and stores the rendered answer with what it writes.
        """
        rendered: list[tuple[Result, StoredResponse]] = []

        def render_once(result: Result) -> StoredResponse:
            # The use case renders the answer to store it, and the same answer is returned here.
            if not rendered or rendered[-1][0] is not result:
                rendered.append((result, render(result)))
            return rendered[-1][1]

        try:
            result = await use_case(self._once(body, store_id, render_once))
        except Replayed as replay:
            replayed = {**replay.answer.headers, "Idempotent-Replayed": "true"}
            return respond(StoredResponse(replay.answer.status, replay.answer.body, replayed))
        return respond(render_once(result))

    def _once(
        self, body: BaseModel | None, store_id: int, render: Callable[[Any], StoredResponse]
    ) -> IdempotentRequest | None:
        key = self.given_key()
        if key is None:
            return None
        given = None if body is None else body.model_dump(mode="json", exclude_unset=True)
        return IdempotentRequest(
            store_id=store_id,
            api_key=self.caller.key,
            method=self.request.method,
            path=self.request.scope["path"],
            key=key,
            fingerprint=idempotency.fingerprint(given),
            render=render,
        )

    def given_key(self) -> str | None:
        """The Idempotency-Key of the request, or None. Raises Invalid."""
        return self.checked_key(self.request.headers.get("idempotency-key"))

    @staticmethod
    def checked_key(key: str | None) -> str | None:
        """An Idempotency-Key, if it has the right form. Raises Invalid."""
        if key is not None and not _KEY.fullmatch(key):
            message = "The key must have 1 to 255 printable ASCII characters."
            problem = Problem("idempotency_key_invalid", message, "/Idempotency-Key")
            raise Invalid(problem.code, message, [problem])
        return key

    def store_of(self, identifier: UUID, what: str = "order") -> int:
        """The store number in an id that the caller may see. Raises Unknown."""
        return self.caller.store_of(identifier, what)

    def one_store(self, store_id: UUID | None, order_id: UUID | None) -> int | None:
        """The store that a list is limited to; None means every store.

        Raises Unknown for a store or order that the caller may not see.
        """
        store = self.caller.store_id
        if store_id is not None:
            store = self.store_of(store_id, "store")
        if order_id is not None:
            if store not in {None, self.store_of(order_id)}:
                raise Unknown("order", order_id)
            store = self.store_of(order_id)
        return store

    @property
    def actor(self) -> str:
        """The name of the API key, for the timeline."""
        return self.caller.name


def answer(status: int, body: BaseModel | View, **headers: str) -> StoredResponse:
    """An answer with a JSON body. Header names have underscores in place of hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    model: Any = type(body)
    return StoredResponse(status, _serializer(model).dump_json(body), named)


@functools.cache
def _serializer(model: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(model)


def respond(stored: StoredResponse) -> Response:
    """The HTTP response of an answer."""
    return Response(stored.body, stored.status, dict(stored.headers), media_type="application/json")


def acting_as(caller: Caller) -> None:
    """Let the audit name the caller's key for all acts of this request."""
    known = replace(audit.origin.get(), api_key=caller.key)
    # mutation: audit-names-the-key
    audit.origin.set(replace(known, actor=caller.name, store_id=caller.store_id))


async def known_parameters(request: Request) -> None:
    """Raise Invalid for a query parameter that the operation does not have."""
    route = request.scope["route"]
    if route.any_parameters:
        return
    unknown = sorted(set(request.query_params) - route.parameters)
    if unknown:
        message = f"Unknown query parameter {unknown[0]!r}."
        problem = Problem("unknown_parameter", message, pointer_to(unknown[0]))
        raise Invalid(problem.code, message, [problem])


@dataclass(frozen=True, slots=True)
class RequireScope:
    """FastAPI dependency that requires an API key with a scope."""

    scope: str

    async def __call__(
        self,
        request: Request,
        key: Annotated[Given, Depends(bearer)],
        signature: Annotated[Given, Depends(oauth1)],
    ) -> RequestContext:
        """Authenticate a request. Raises Unauthorized, Forbidden, or Invalid for a parameter."""
        if key is not None and key.credentials:
            context = await self.open(request, key.credentials)
        elif signature is not None and signature.scheme.lower() == "oauth":
            context = self._opened(request, await oauth.caller_of(request))
        else:
            raise Unauthorized
        await known_parameters(request)
        return context

    async def open(self, request: Request, secret: str) -> RequestContext:
        """Authenticate a request by its secret.

        Raises Unauthorized, Forbidden, or Invalid for the Idempotency-Key of a POST.
        """
        keys: KeyRing = request.app.state.keys
        return self._opened(request, await keys.caller(secret))

    def _opened(self, request: Request, caller: Caller) -> RequestContext:
        acting_as(caller)
        rates: RequestRates | None = request.app.state.rates
        if rates is not None:
            rates.take(caller.key, request.scope)
        caller.require(self.scope)
        context = RequestContext(request, request.app.state.context, caller)
        if request.method == "POST":
            # mutation: idempotency-key-of-every-post
            context.given_key()
        return context


WRITE = RequireScope("write")
Reading = Annotated[RequestContext, Depends(RequireScope("read"))]
Writing = Annotated[RequestContext, Depends(WRITE)]
Administering = Annotated[RequestContext, Depends(RequireScope("admin"))]
