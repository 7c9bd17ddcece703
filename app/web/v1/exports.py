"""/v1/orders/export, /v1/returns/export and /v1/updates/export: lists as CSV files."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Annotated, TypeVar

from fastapi import Depends, Response

from app.storage import queries
from app.storage.postgres.session import Session
from app.storage.queries import KeysetPage, OrderSort
from app.storage.queries.pagination import After
from app.storage.queries.views import OrderView, ReturnView, UpdateView
from app.web import csv_stream
from app.web.csv_stream import CsvResponse
from app.web.dependencies import Reading, RequestContext
from app.web.route import OperationRouter
from app.web.v1 import export_rows
from app.web.v1.list_filters import ReturnQuery, UpdateQuery
from app.web.v1.order_filters import OrderQuery
from app.web.v1.responses import REQUEST_ID, Responses, problems

Item = TypeVar("Item")
# Rows that one transaction reads.
_PAGE = 200
orders_router = OperationRouter("/v1/orders", "orders")
returns_router = OperationRouter("/v1/returns", "returns")
updates_router = OperationRouter("/v1/updates", "updates")


def _file(columns: Sequence[str]) -> Responses:
    example = ",".join(columns) + "\r\n"
    schema = {"type": "string", "format": "binary"}
    return {
        200: {
            "description": "The rows, in UTF-8 with a byte order mark.",
            "headers": REQUEST_ID,
            "content": {"text/csv": {"schema": schema, "example": example}},
        }
    }


@orders_router.get(
    "/export",
    operation_id="export_orders",
    summary="Export orders as CSV",
    response_class=CsvResponse,
    responses=_file(export_rows.ORDER_COLUMNS) | problems("search_too_broad", "store_not_found"),
)
async def export_orders(context: Reading, query: Annotated[OrderQuery, Depends()]) -> Response:
    """Export all orders that the list shows with these filters, one in a line.

    Rows are read page by page while they are sent, so an order that changes meanwhile may be
    missing or be there twice. A cell that a spreadsheet would run begins with an apostrophe.
    """
    return await orders_file(context, query)


@returns_router.get(
    "/export",
    operation_id="export_returns",
    summary="Export returns as CSV",
    response_class=CsvResponse,
    responses=_file(export_rows.RETURN_COLUMNS)
    | problems("search_too_broad", "store_not_found", "order_not_found", "store_id_required"),
)
async def export_returns(context: Reading, query: Annotated[ReturnQuery, Depends()]) -> Response:
    """Export all returns that the list shows with these filters, one in a line, as of orders."""
    return await returns_file(context, query)


@updates_router.get(
    "/export",
    operation_id="export_updates",
    summary="Export updates as CSV",
    response_class=CsvResponse,
    responses=_file(export_rows.UPDATE_COLUMNS) | problems("store_not_found", "order_not_found"),
)
async def export_updates(context: Reading, query: Annotated[UpdateQuery, Depends()]) -> Response:
    """Export all updates that the list shows with these filters, one in a line, as of orders."""
    return await updates_file(context, query)


async def orders_file(context: RequestContext, query: OrderQuery) -> Response:
    """The file of a list of orders. Raises Unknown store, Invalid search_too_broad."""
    wanted = query.filter(context)
    if wanted.order == "changed":
        # In that order a busy list would go on for as long as its orders change.
        wanted = replace(wanted, sort=OrderSort.NEWEST)

    async def page(session: Session, at: KeysetPage) -> tuple[list[OrderView], After | None]:
        return await queries.orders(session, wanted, at)

    columns = export_rows.ORDER_COLUMNS
    return await _sent(context, "orders", columns, page, export_rows.order_row)


async def returns_file(context: RequestContext, query: ReturnQuery) -> Response:
    """The file of a list of returns. Raises as that of orders, and Unknown order."""
    wanted = query.filter(context)

    async def page(session: Session, at: KeysetPage) -> tuple[list[ReturnView], After | None]:
        return await queries.returns(session, wanted, at)

    columns = export_rows.RETURN_COLUMNS
    return await _sent(context, "returns", columns, page, export_rows.return_row)


async def updates_file(context: RequestContext, query: UpdateQuery) -> Response:
    """The file of a list of updates. Raises Unknown store or order."""
    wanted = query.filter(context)

    async def page(session: Session, at: KeysetPage) -> tuple[list[UpdateView], After | None]:
        return await queries.updates(session, wanted, at)

    columns = export_rows.UPDATE_COLUMNS
    return await _sent(context, "updates", columns, page, export_rows.update_row)


async def _sent(
    context: RequestContext,
    name: str,
    columns: Sequence[str],
    page: Callable[[Session, KeysetPage], Awaitable[tuple[list[Item], After | None]]],
    row: Callable[[Item], Sequence[object]],
) -> Response:
    async def read(after: After | None) -> tuple[list[Item], After | None]:
        async with context.app.database.direct.reading() as session:
            return await page(session, KeysetPage(_PAGE, after))

    day = context.app.now().date().isoformat()
    return await csv_stream.sent(f"{name}-{day}", columns, read, row)
