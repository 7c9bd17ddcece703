"""What a row of a file of shipments asks for."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain import db_limits, time_zones
from app.domain.errors import Invalid, Problem
from app.domain.ids import store_of
from app.domain.orders.requests import RequestedItem, ShipRequest
from app.storage import queries, rate_limits
from app.usecases.bulk.rows import Row
from app.usecases.context import AppContext


@dataclass(frozen=True, slots=True)
class Batch:
    """The sender of a file: its store, the name of its API key, its Idempotency-Key."""

    store_id: int
    actor: str
    key: str | None = None


def package(batch: Batch, row: Row) -> ShipRequest:
    """The package of a row, without its time. Raises Invalid."""
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


async def shipped_at(
    context: AppContext, row: Row, order_id: UUID, zone: str | None, market: str
) -> datetime | None:
    """When the package of a row left. None means now. zone and market: the store's."""
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
