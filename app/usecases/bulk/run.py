"""Carries out the rows of a file, each by itself, with a result for each.

A row's reference is a hash of its content (and of the request's Idempotency-Key, if any), so that
the same file sent again, after a crash or a lost answer, carries out only what is missing.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from app.domain.errors import Conflict, Invalid, NotAvailable, OrderError
from app.domain.ids import store_of
from app.domain.orders.cancellation import reason_of
from app.domain.orders.requests import CancelRequest, ShipRequest
from app.storage import queries
from app.storage.orders import shipments
from app.storage.postgres.retry import again
from app.storage.queries.views import View, WarningView
from app.storage.stores import stores
from app.usecases.bulk import row_requests
from app.usecases.bulk.row_requests import Batch
from app.usecases.bulk.rows import MOST_ROWS, Row
from app.usecases.context import AppContext
from app.usecases.orders import cancel, ship

ACCEPTED, KNOWN, REFUSED = "accepted", "known", "refused"
# Concurrent rows of a file; rows of one order go one after the other.
_AT_ONCE = 8
_LOOKED_UP = 500
_ALREADY = frozenset({"cancellation_pending", "order_already_canceled"})


@dataclass(frozen=True, slots=True)
class RowResult(View, schema="ResultOut"):
    """The result of one row of a file."""

    row: int
    status: str
    """accepted, known or refused. known means that an earlier request did the same."""
    order: str | None = None
    order_id: UUID | None = None
    id: UUID | None = None
    """The id of the shipment; for a cancellation the id of the order."""
    code: str | None = None
    """The code of the problem that refused the row."""
    message: str | None = None
    warnings: tuple[WarningView, ...] = ()


@dataclass(slots=True)
class BulkReport:
    """A file's results, in the order of its rows."""

    results: list[RowResult] = field(default_factory=list)

    @property
    def totals(self) -> Counter[str]:
        """How many rows have each status."""
        return Counter(result.status for result in self.results)


def limited(rows: Iterable[Row]) -> list[Row]:
    """All rows. Raises Invalid file_too_long, or file_invalid if there is none."""
    found: list[Row] = []
    for row in rows:
        if len(found) == MOST_ROWS:
            message = f"A file has at most {MOST_ROWS:,} rows: send the rest in another."
            raise Invalid("file_too_long", message)
        found.append(row)
    if not found:
        raise Invalid("file_invalid", "The file has no rows.")
    return found


async def ship_rows(
    context: AppContext,
    batch: Batch,
    rows: Sequence[Row],
    progress: Callable[[int], None] | None = None,
) -> BulkReport:
    """Ship each row. progress is called with the number of finished rows."""
    async with context.transaction() as connection:
        zone, market = await stores.time_zone(connection, batch.store_id)

    async def one(row: Row, order_id: UUID) -> RowResult:
        shipped_at = await row_requests.shipped_at(context, row, order_id, zone, market)
        package = replace(row_requests.package(batch, row), shipped_at=shipped_at)
        try:
            accepted = await ship.ship(context, order_id, package, actor=batch.actor)
        except Conflict as error:
            if error.code != "reference_reused" or "reference" in row.fields:
                raise
            return await _known(context, row, order_id, package)
        status = KNOWN if accepted.repeated else ACCEPTED
        shipment = accepted.shipment
        return RowResult(
            row.number,
            status,
            row.fields["order"],
            order_id,
            shipment.id,
            warnings=shipment.warnings,
        )

    return await each_row(context, batch, rows, one, progress)


async def cancel_rows(
    context: AppContext,
    batch: Batch,
    rows: Sequence[Row],
    progress: Callable[[int], None] | None = None,
) -> BulkReport:
    """Cancel the order of each row."""
    canceled: set[UUID] = set()

    async def one(row: Row, order_id: UUID) -> RowResult:
        reason = row.fields.get("reason")
        if reason is None:
            raise Invalid("reason_required", "A cancellation needs a reason.")
        request = CancelRequest(reason_of(reason), row.fields.get("comment", "")[:1000] or None)
        known = RowResult(row.number, KNOWN, row.fields["order"], order_id, order_id)
        try:
            await cancel.cancel(context, order_id, request, actor=batch.actor)
        except Conflict as error:
            if error.code not in _ALREADY:
                raise
            return known
        # A dry run has not canceled the order for the rows after this one.
        if order_id in canceled:
            return known
        canceled.add(order_id)
        return replace(known, status=ACCEPTED)

    return await each_row(context, batch, rows, one, progress)


async def each_row(
    context: AppContext,
    batch: Batch,
    rows: Sequence[Row],
    one: Callable[[Row, UUID], Awaitable[RowResult]],
    progress: Callable[[int], None] | None,
) -> BulkReport:
    """Do `one` for each row with its order: rows of one order one after the other."""
    known = await _orders(context, batch.store_id, rows)
    results: dict[int, RowResult] = {}
    queues: dict[object, list[Row]] = {}
    for row in rows:
        name = row.fields.get("order", row.number)
        # Walmart's and Commerce's number of one order are one queue.
        orders = tuple(dict.fromkeys(known.get(row.fields.get("order", ""), ())))
        queues.setdefault(orders or name, []).append(row)
    slots = asyncio.Semaphore(_AT_ONCE)

    async def work(queue: Sequence[Row]) -> None:
        async with slots:
            for row in queue:
                results[row.number] = await _result(row, known, one)
                if progress is not None:
                    progress(len(results))

    try:
        # If one fails, the others end before the answer, so that none works on unseen.
        async with asyncio.TaskGroup() as group:
            for queue in queues.values():
                group.create_task(work(queue))
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from failed
    return BulkReport([results[row.number] for row in rows])


async def _result(
    row: Row, known: dict[str, list[UUID]], one: Callable[[Row, UUID], Awaitable[RowResult]]
) -> RowResult:
    try:
        if row.problem is not None:
            raise Invalid(row.problem.code, row.problem.message)
        return await again(lambda: one(row, _only(row, known)))
    except NotAvailable:
        # The client sends the file again; finished rows are recognised then.
        raise
    except OrderError as error:
        order = row.fields.get("order")
        return RowResult(row.number, REFUSED, order, code=error.code, message=str(error))


async def _orders(context: AppContext, store_id: int, rows: Sequence[Row]) -> dict[str, list[UUID]]:
    """Order ids by the number in a row: a Walmart or a Commerce number."""
    names = list(dict.fromkeys(row.fields["order"] for row in rows if "order" in row.fields))
    found: dict[str, list[UUID]] = {}
    for start in range(0, len(names), _LOOKED_UP):
        async with context.transaction() as connection:
            part = names[start : start + _LOOKED_UP]
            for name, order_id in await queries.by_numbers(connection, store_id, part):
                found.setdefault(name, []).append(order_id)
    return found


def _only(row: Row, known: dict[str, list[UUID]]) -> UUID:
    name = row.fields.get("order")
    if name is None:
        raise Invalid("required", "The row names no order.")
    found = list(dict.fromkeys(known.get(name, ())))
    if not found:
        raise Invalid("order_not_found", f"The store has no order {name}.")
    if len(found) > 1:
        raise Conflict(
            "order_ambiguous", f"{name} is the number of several orders: use the Walmart number."
        )
    return found[0]


async def _known(context: AppContext, row: Row, order_id: UUID, package: ShipRequest) -> RowResult:
    """The shipment of a row that came before: of a date alone the time of the row may differ."""
    store_id = store_of(order_id) or 0
    async with context.transaction() as connection:
        found = await shipments.by_reference(
            connection, store_id, order_id, package.reference or ""
        )
    known = found[0] if found else None
    return RowResult(row.number, KNOWN, row.fields["order"], order_id, known)
