"""Helpers of webhooks and events of Commerce: the store, the body, the time limit."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Request

from app.domain import db_limits
from app.domain.errors import Invalid, NotAvailable
from app.storage.stores import stores
from app.storage.stores.stores import CommerceSide
from app.usecases.context import AppContext

# Bytes up to which a body is parsed in the event loop.
_SMALL = 64 * 1024
PREFIX = "/webhooks/commerce/{store_code}"


@asynccontextmanager
async def in_time(request: Request) -> AsyncIterator[None]:
    """Limit the time of a request, because Adobe waits 10 seconds for an answer.

    Raises NotAvailable at the limit, so that the request is sent again. What is committed by then
    is recognized the next time. All runs of a repeated endpoint share one limit.
    """
    end = asyncio.get_running_loop().time() + request.app.state.answer_within
    try:
        async with asyncio.timeout_at(request.scope.setdefault("waybill.answer_until", end)):
            yield
    except TimeoutError as error:
        message = "The request could not be carried out in time. Send it again."
        raise NotAvailable("commerce_unavailable", message) from error


async def read_json(body: bytes) -> Any:  # noqa: ANN401 - any JSON
    """Parse a body. Raises Invalid commerce_event_invalid."""
    if len(body) <= _SMALL:
        return _read_json(body)
    # In a thread, because other requests would wait for a large body.
    return await asyncio.to_thread(_read_json, body)


def _read_json(body: bytes) -> object:
    try:
        # Text that cannot be stored, such as half an emoji, is replaced and does no harm.
        return db_limits.storable_json(json.loads(body))
    except (ValueError, RecursionError) as error:
        raise Invalid("commerce_event_invalid", "The body is not JSON.") from error


def context_of(request: Request) -> AppContext:
    """The context of the use cases."""
    context: AppContext = request.app.state.context
    return context


async def side_of(context: AppContext, code: str) -> CommerceSide | None:
    """The settings by which requests of the store's Commerce are verified; None: no such store."""
    async with context.transaction() as connection:
        return await stores.commerce_side(connection, code)
