"""Carries out the act of a form once, however often the form is sent."""

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import Response
from pydantic import BaseModel
from starlette.datastructures import FormData, UploadFile

from app.domain.errors import Conflict, OrderError, Problem
from app.storage.idempotency import IdempotentRequest, StoredResponse
from app.web.dependencies import Result
from app.web.page.context import PageContext

# A second click comes while the first is carried out.
_TRIES, _PAUSE = 20, 0.1


async def act(
    context: PageContext,
    body: BaseModel | None,
    store_id: int,
    render: Callable[[Result], StoredResponse],
    use_case: Callable[[IdempotentRequest | None], Awaitable[Result]],
) -> Response:
    """Run a use case, or give the answer of the first time that this form was sent.

    use_case also checks what depends on the present state, which the first time has changed.
    Raises what it raises.
    """

    async def unless_done(once: IdempotentRequest | None) -> Result:
        # mutation: form-sent-twice
        async with context.app.transaction(once):
            pass
        return await use_case(once)

    for _ in range(_TRIES):
        try:
            return await context.once(body, store_id, render, unless_done)
        except Conflict as error:
            if error.code != "idempotency_in_progress":
                raise
        await asyncio.sleep(_PAUSE)
    return await context.once(body, store_id, render, unless_done)


def form_of(context: PageContext) -> FormData:
    """The fields of the form, also of one that was sent when its session was over."""
    typed: list[tuple[str, str | UploadFile]] = [*context.typed]
    return context.form or FormData(typed)


def problems_of(error: OrderError) -> list[Problem]:
    """The problems of a refusal; a refusal without any is one itself."""
    return list(error.problems) or [Problem(error.code, str(error))]
