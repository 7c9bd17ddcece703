"""The dry run of a file of shipments: a result for each row, and nothing is written.

That of a file of cancellations is `run.cancel_rows` with a context that rehearses.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from app.domain.errors import refuse
from app.storage.queries.views import WarningView
from app.storage.stores import stores
from app.usecases.bulk import row_requests, run
from app.usecases.bulk.row_requests import Batch
from app.usecases.bulk.rows import Row
from app.usecases.bulk.run import ACCEPTED, KNOWN, BulkReport, RowResult
from app.usecases.context import AppContext
from app.usecases.orders import preview_shipment
from app.usecases.orders.preview_shipment import PreviewedOrder


async def ship_rows(context: AppContext, batch: Batch, rows: Sequence[Row]) -> BulkReport:
    """What `run.ship_rows` would return, without the ids of shipments."""
    async with context.transaction() as connection:
        zone, market = await stores.time_zone(connection, batch.store_id)
    orders: dict[UUID, PreviewedOrder] = {}

    async def one(row: Row, order_id: UUID) -> RowResult:
        shipped_at = await row_requests.shipped_at(context, row, order_id, zone, market)
        package = replace(row_requests.package(batch, row), shipped_at=shipped_at)
        async with context.transaction() as connection:
            if order_id not in orders:
                orders[order_id] = await preview_shipment.begin(connection, order_id)
            found = await preview_shipment.add(connection, context, orders[order_id], package)
        reused = [each.code for each in found.problems] == ["reference_reused"]
        known = found.repeats is not None or (reused and "reference" not in row.fields)
        if not known:
            refuse(found.problems)
        return RowResult(
            row.number,
            KNOWN if known else ACCEPTED,
            row.fields["order"],
            order_id,
            warnings=() if known else _warnings(found),
        )

    return await run.each_row(context, batch, rows, one, None)


def _warnings(found: preview_shipment.Preview) -> tuple[WarningView, ...]:
    return tuple(WarningView(each.pointer, each.code, each.message) for each in found.warnings)
