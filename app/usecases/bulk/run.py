"""Carries out the rows of a file, each by itself, with a result for each.

A row's reference is a hash of its content (and of the request's Idempotency-Key, if any), so that
the same file sent again, after a crash or a lost answer, carries out only what is missing.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from app.domain import db_limits, time_zones
from app.domain.errors import Conflict, Invalid, NotAvailable, OrderError, Problem
from app.domain.ids import store_of
from app.domain.orders.cancellation import reason_of
from app.domain.orders.requests import CancelRequest, RequestedItem, ShipRequest
from app.storage import queries, rate_limits
from app.storage.orders import shipments
from app.storage.postgres.retry import again
from app.storage.queries.views import View, WarningView
from app.storage.stores import stores
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


@dataclass(frozen=True, slots=True)
class Batch:
    """The sender of a file: its store, the name of its API key, its Idempotency-Key."""

    store_id: int
    actor: str
    key: str | None = None


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
        shipped_at = await _shipped_at(context, row, order_id, zone, market)
        package = replace(_package(batch, row), shipped_at=shipped_at)
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

    return await _each(context, batch, rows, one, progress)


async def cancel_rows(
    context: AppContext,
    batch: Batch,
    rows: Sequence[Row],
    progress: Callable[[int], None] | None = None,
) -> BulkReport:
    """Cancel the order of each row."""

    async def one(row: Row, order_id: UUID) -> RowResult:
        reason = row.fields.get("reason")
        if reason is None:
            raise Invalid("reason_required", "A cancellation needs a reason.")
        request = CancelRequest(reason_of(reason), row.fields.get("comment", "")[:1000] or None)
        try:
            await cancel.cancel(context, order_id, request, actor=batch.actor)
        except Conflict as error:
            if error.code not in _ALREADY:
                raise
            return RowResult(row.number, KNOWN, row.fields["order"], order_id, order_id)
        return RowResult(row.number, ACCEPTED, row.fields["order"], order_id, order_id)

    return await _each(context, batch, rows, one, progress)


async def _each(
    context: AppContext,
    batch: Batch,
    rows: Sequence[Row],
    one: Callable[[Row, UUID], Awaitable[RowResult]],
    progress: Callable[[int], None] | None,
) -> BulkReport:
    known = await _orders(context, batch.store_id, rows)
    results: dict[int, RowResult] = {}
    queues: dict[object, list[Row]] = {}
    for row in rows:
        queues.setdefault(row.fields.get("order", row.number), []).append(row)
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


def _package(batch: Batch, row: Row) -> ShipRequest:
    fields = row.fields
    for name in ("carrier_code", "tracking_number"):
        if name not in fields:
            raise Invalid("required", f"The row has no {name}.", [Problem("required", name)])
    return ShipRequest(
        carrier_code=fields["carrier_code"][:200],
        carrier_title=fields.get("carrier_title", "")[:200] or None,
        tracking_number=fields["tracking_number"],
        tracking_url=fields.get("tracking_url"),
        reference=fields.get("reference", "")[:200] or _reference(batch, row),
        items=_items(row),
    )


def _items(row: Row) -> tuple[RequestedItem, ...] | None:
    line, sku = row.fields.get("line_number"), row.fields.get("sku")
    said = row.fields.get("quantity")
    if line is None and sku is None:
        if said is not None:
            raise Invalid("required", "A quantity needs a sku or line_number.")
        return None
    units = db_limits.whole_number(said, db_limits.INT)
    if not units:
        raise Invalid("invalid_quantity", "quantity must be a whole number of at least 1.")
    return (RequestedItem(units, line, None if line else sku),)


async def _known(context: AppContext, row: Row, order_id: UUID, package: ShipRequest) -> RowResult:
    """The shipment of a row that came before: of a date alone the time of the row may differ."""
    store_id = store_of(order_id) or 0
    async with context.transaction() as connection:
        found = await shipments.by_reference(
            connection, store_id, order_id, package.reference or ""
        )
    known = found[0] if found else None
    return RowResult(row.number, KNOWN, row.fields["order"], order_id, known)


async def _shipped_at(
    context: AppContext, row: Row, order_id: UUID, zone: str | None, market: str
) -> datetime | None:
    text = row.fields.get("shipped_at")
    if text is None:
        return None
    written = time_zones.read(text, zone, market)
    if written is None:
        raise Invalid("invalid", "shipped_at must be a date such as 2026-11-23T10:00:00Z.")
    if written.ends is None:
        return written.at
    async with context.transaction() as connection:
        order = await queries.order(connection, store_of(order_id) or 0, order_id)
        now = await rate_limits.now(connection)
    return written.shipped_at(order.ordered_at if order else None, now)


def _reference(batch: Batch, row: Row) -> str:
    content = [batch.key or "", *(f"{name}={row.fields[name]}" for name in sorted(row.fields))]
    # mutation: repeated-file
    said = "\x1f".join(content).encode()
    return f"bulk-{hashlib.sha256(said).hexdigest()[:40]}"
