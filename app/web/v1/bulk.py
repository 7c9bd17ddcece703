"""/v1/shipments/bulk and /v1/cancellations/bulk: files of rows, with a result for each row."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from app.domain.errors import Invalid, Problem
from app.storage.idempotency import StoredResponse
from app.usecases.bulk import dry_run as dry_runs
from app.usecases.bulk import rows as bulk_rows
from app.usecases.bulk import run
from app.usecases.bulk.row_requests import Batch
from app.usecases.bulk.rows import Row
from app.usecases.bulk.run import ACCEPTED, KNOWN, REFUSED, BulkReport, RowResult
from app.web.dependencies import RequestContext, Writing, respond
from app.web.dry_runs import DryRun
from app.web.path_rules import FILE, PathRule
from app.web.route import OperationRouter
from app.web.v1.fields import Out
from app.web.v1.responses import problems, success


class TotalsOut(Out):
    """The number of rows with each status."""

    accepted: int
    known: int
    refused: int


class BulkOut(Out):
    """The totals, and a result for each row."""

    totals: TotalsOut
    results: list[RowResult]

    @classmethod
    def of(cls, report: BulkReport) -> "BulkOut":
        """Convert a report."""
        totals = report.totals
        return cls(
            totals=TotalsOut(
                accepted=totals[ACCEPTED], known=totals[KNOWN], refused=totals[REFUSED]
            ),
            results=report.results,
        )


_TYPES = ("text/csv", "application/x-ndjson", "application/jsonl")
router = OperationRouter(
    "/v1",
    "bulk",
    PathRule("/v1/shipments/bulk", FILE, _TYPES),
    PathRule("/v1/cancellations/bulk", FILE, _TYPES),
    PathRule("/v1/shipments/bulk/preview", FILE, _TYPES),
    PathRule("/v1/cancellations/bulk/preview", FILE, _TYPES),
)
_StoreId = Annotated[UUID, Query(description="The store of the orders.")]
_RESULT = {
    "totals": {"accepted": 1, "known": 0, "refused": 1},
    "results": [
        {
            "row": 1,
            "status": "accepted",
            "order": "000000123",
            "order_id": "01932f5b-2d40-7b3e-9a04-77aa00000001",
            "id": "01932f5c-3e51-7c11-8c3f-0b1200000001",
            "code": None,
            "message": None,
            "warnings": [],
        },
        {
            "row": 2,
            "status": "refused",
            "order": "000000124",
            "order_id": None,
            "id": None,
            "code": "order_not_found",
            "message": "The store has no order 000000124.",
            "warnings": [],
        },
    ],
}


# Generated clients send it as a file, not as JSON.
_BYTES = {"type": "string", "format": "binary"}


def _file(csv: str, lines: str) -> dict[str, object]:
    return {
        "requestBody": {
            "required": True,
            "content": {
                "text/csv": {"schema": _BYTES, "example": csv},
                "application/x-ndjson": {"schema": _BYTES, "example": lines},
            },
        }
    }


_PROBLEMS = problems(
    "store_not_found", "file_invalid", "file_too_long", "idempotency_key_invalid", body=True
)
_ANSWERS = success(200, BulkOut, _RESULT, "The result of each row.") | _PROBLEMS
_PREVIEWED = success(200, BulkOut, _RESULT, "What each row would have as its result.") | _PROBLEMS
_SHIPMENTS = _file(
    "order,sku,quantity,carrier_code,tracking_number\n000000123,ABC,1,ups,1Z999AA10123456784\n",
    '{"order": "000000123", "carrier_code": "ups", "tracking_number": "1Z999AA10123456784"}\n',
)
_CANCELLATIONS = _file(
    "order,reason,comment\n000000123,out_of_stock,The last one was damaged\n",
    '{"order": "000000123", "reason": "out_of_stock"}\n',
)


@router.post(
    "/shipments/bulk",
    operation_id="ship_orders",
    summary="Ship many orders",
    response_model=BulkOut,
    responses=_ANSWERS,
    openapi_extra=_SHIPMENTS,
)
async def ship_orders(
    context: Writing, request: Request, store_id: _StoreId, dry_run: DryRun = False
) -> Response:
    """Ship one package for each row, which names its order by Walmart's or Commerce's number.

    At most 10,000 rows. A refused row does not affect the others. A repeated row is `known`, so a
    file can be sent again; with another `Idempotency-Key` a repeated row is a new shipment. The
    other columns of Commerce's shipment export are ignored, unknown columns are refused. With
    `?dry_run=true` the answer is that of `POST …/bulk/preview`.
    """
    if dry_run:
        return await preview_ship_orders(context, request, store_id)
    batch, rows = await _read(context, request, store_id, bulk_rows.SHIPMENT_COLUMNS)
    return _answer(await run.ship_rows(context.app, batch, rows))


@router.post(
    "/cancellations/bulk",
    operation_id="cancel_orders",
    summary="Cancel many orders",
    response_model=BulkOut,
    responses=_ANSWERS,
    openapi_extra=_CANCELLATIONS,
)
async def cancel_orders(
    context: Writing, request: Request, store_id: _StoreId, dry_run: DryRun = False
) -> Response:
    """Cancel the whole order of each row. The row of a canceled order is `known`.

    With `?dry_run=true` the answer is that of `POST …/bulk/preview`.
    """
    if dry_run:
        return await preview_cancel_orders(context, request, store_id)
    batch, rows = await _read(context, request, store_id, bulk_rows.CANCELLATION_COLUMNS)
    return _answer(await run.cancel_rows(context.app, batch, rows))


@router.post(
    "/shipments/bulk/preview",
    operation_id="preview_ship_orders",
    summary="Preview a file of shipments",
    response_model=BulkOut,
    responses=_PREVIEWED,
    openapi_extra=_SHIPMENTS,
)
async def preview_ship_orders(context: Writing, request: Request, store_id: _StoreId) -> Response:
    """Return the results that the file would have, without ids of shipments; write nothing.

    `accepted` is a row that would be accepted, also after those before it.
    """
    batch, rows = await _read(context, request, store_id, bulk_rows.SHIPMENT_COLUMNS)
    return _answer(await dry_runs.ship_rows(context.app, batch, rows))


@router.post(
    "/cancellations/bulk/preview",
    operation_id="preview_cancel_orders",
    summary="Preview a file of cancellations",
    response_model=BulkOut,
    responses=_PREVIEWED,
    openapi_extra=_CANCELLATIONS,
)
async def preview_cancel_orders(context: Writing, request: Request, store_id: _StoreId) -> Response:
    """Return the results that the file would have, and write nothing."""
    batch, rows = await _read(context, request, store_id, bulk_rows.CANCELLATION_COLUMNS)
    return _answer(await run.cancel_rows(context.app.rehearsing(), batch, rows))


async def _read(
    context: RequestContext, request: Request, store_id: UUID, columns: tuple[str, ...]
) -> tuple[Batch, list[Row]]:
    store = context.store_of(store_id, "store")
    csv = "csv" in request.headers.get("content-type", "")
    read = bulk_rows.read_csv if csv else bulk_rows.read_lines
    batch = Batch(store, context.actor, context.given_key())
    content = await request.body()
    # A thread, so that other requests are served while a large file is parsed.
    # mutation: file-read-in-thread
    return batch, await asyncio.to_thread(_rows, content, read, columns)


def _rows(
    content: bytes,
    read: Callable[[str, tuple[str, ...]], Iterator[Row]],
    columns: tuple[str, ...],
) -> list[Row]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = "The file is not UTF-8."
        raise Invalid("file_invalid", message, [Problem("file_invalid", message)]) from error
    return run.limited(read(text, columns))


def _answer(report: BulkReport) -> Response:
    content = json.dumps(BulkOut.of(report).model_dump(mode="json")).encode()
    return respond(StoredResponse(200, content, {}))
