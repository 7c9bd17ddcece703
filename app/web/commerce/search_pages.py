"""Answer a search by Commerce's searchCriteria with a page of what it finds."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import Response
from pydantic import BaseModel

from app.storage.postgres.database import Connection
from app.storage.queries.commerce_search import TIME_LIMIT_MS, Criteria
from app.web.commerce import search_criteria
from app.web.commerce.lookups import store_of
from app.web.dependencies import RequestContext, answer, respond

Found = TypeVar("Found")
Search = Callable[[Connection, int, Criteria], Awaitable[tuple[list[Found], int]]]
"""Finds a page of a store, and how many rows match."""


async def search_page(
    context: RequestContext,
    store_code: str,
    search: Search[Found],
    page: type[BaseModel],
    item: Callable[[Found], BaseModel],
) -> Response:
    """A page with the fields that the request wants. Raises Invalid, also for the criteria.

    page: the model, with the fields items, search_criteria and total_count. item renders one.
    """
    store = await store_of(context, store_code)
    wanted = search_criteria.read(context.request.query_params.multi_items())
    limit = {"statement_timeout": str(TIME_LIMIT_MS)}
    async with context.app.database.read(**limit) as connection:
        found, total = await search(connection, store, wanted)
    items = [item(each) for each in found]
    shown = search_criteria.shown(wanted)
    body = page(items=items, search_criteria=shown, total_count=total)
    return respond(answer(200, body))
