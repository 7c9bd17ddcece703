"""Reconciliations: each store has one run at a time across all replicas, and its last totals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from app.storage.postgres import sql
from app.storage.postgres.database import Connection
from app.storage.postgres.sql import Statement
from app.storage.tables import events, orders, reconciliations, stores

# Seconds until the lease of a run ends that did not: its process is lost.
LEASE = 600.0

_BEGIN = sql.load("imports/begin_reconciliation.sql")
_BEGIN_FIRST = Statement("""
    INSERT INTO reconciliations (store_id, leased_until)
    VALUES (:store_id, now() + make_interval(secs => :lease)) ON CONFLICT DO NOTHING
    RETURNING store_id
""")
_DUE = sql.load("imports/list_due_reconciliations.sql")
_SETTLED = sql.load("imports/settle_findings.sql")


@dataclass(frozen=True, slots=True)
class ReconcileTotals:
    """The totals of a run."""

    orders: int
    repaired: int
    drift: Mapping[str, int] = field(default_factory=dict)
    """Findings that remain, by cause."""
    stopped: str | None = None
    """Why the run broke off. None means that it did not."""
    findings: Sequence[Mapping[str, object]] = ()
    """The first of these findings: number, order_id, cause, line_number and message."""


async def due(connection: Connection, every: float) -> list[int]:
    """Stores that last ran `every` seconds ago or earlier, the longest ago first."""
    rows = await _DUE.execute(connection, {"every": every})
    return [row.store_id for row in rows]


async def begin(connection: Connection, store_id: int, every: float = 0.0) -> bool:
    """Begin a run; False if one is running, or began less than every seconds ago."""
    parameters = {"store_id": store_id, "lease": LEASE, "every": every}
    for statement in (_BEGIN, _BEGIN_FIRST):
        if (await statement.execute(connection, parameters)).first() is not None:
            return True
    return False


async def end(connection: Connection, store_id: int, totals: ReconcileTotals) -> None:
    """Write the totals of a run."""
    await connection.execute(
        sa.update(reconciliations)
        .where(reconciliations.c.store_id == store_id)
        .values(
            leased_until=None,
            finished_at=sa.func.now(),
            orders=totals.orders,
            repaired=totals.repaired,
            drift=dict(totals.drift),
            stopped=totals.stopped,
            findings=list(totals.findings),
        )
    )


async def settled(connection: Connection, store_id: int, cause: str, number: str) -> None:
    """Remove the findings of a cause about an order: a person has settled them."""
    values = {"store_id": store_id, "cause": cause, "number": number}
    await _SETTLED.execute(connection, values)


async def known(
    connection: Connection, store_id: int, purchase_orders: Sequence[str]
) -> dict[str, UUID]:
    """Ids of the store's orders by purchase order number; an unknown order is left out."""
    statement = sa.select(orders.c.purchase_order_id, orders.c.id).where(
        orders.c.store_id == store_id, orders.c.purchase_order_id.in_(purchase_orders)
    )
    rows = await connection.execute(statement)
    return {row.purchase_order_id: row.id for row in rows}


async def changed(
    connection: Connection, store_id: int, since: datetime, after: UUID | None, limit: int
) -> list[UUID]:
    """Orders that changed since then, by id, behind after."""
    statement = sa.select(orders.c.id).where(
        orders.c.store_id == store_id, orders.c.updated_at >= since
    )
    if after is not None:
        statement = statement.where(orders.c.id > after)
    rows = await connection.execute(statement.order_by(orders.c.id).limit(limit))
    return [row.id for row in rows]


async def reported_before(
    connection: Connection, store_id: int, order_id: UUID, detail: Mapping[str, object]
) -> bool:
    """Whether the last drift in the order's timeline has just these details."""
    statement = (
        sa.select(events.c.detail)
        .where(
            events.c.store_id == store_id,
            events.c.order_id == order_id,
            events.c.what == "drift_found",
        )
        .order_by(events.c.at.desc(), events.c.id.desc())
        .limit(1)
    )
    last = (await connection.execute(statement)).scalar_one_or_none()
    return bool(last == detail)


async def codes(connection: Connection) -> dict[int, str]:
    """Every store's code by its number."""
    rows = await connection.execute(sa.select(stores.c.store_id, stores.c.code))
    return {row.store_id: row.code for row in rows}
