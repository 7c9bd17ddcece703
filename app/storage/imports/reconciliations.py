"""The last reconciliation of each store: one at a time, across all replicas."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from app.storage.postgres.database import Connection
from app.storage.tables import events, orders, reconciliations, stores

# A run that has not ended by then is somebody's who is gone (seconds).
LEASE = 600.0

_BEGIN = sa.text("""
    INSERT INTO reconciliations AS r (store_id, leased_until)
    VALUES (:store_id, now() + make_interval(secs => :lease))
        ON CONFLICT (store_id) DO UPDATE
       SET started_at = now(), leased_until = excluded.leased_until
     WHERE (r.leased_until IS NULL OR r.leased_until < now())
       AND r.started_at <= now() - make_interval(secs => :every)
    RETURNING store_id
""")
_DUE = sa.text("""
    SELECT s.store_id FROM stores s
      LEFT JOIN reconciliations r ON r.store_id = s.store_id
     WHERE r.store_id IS NULL
        OR ((r.leased_until IS NULL OR r.leased_until < now())
            AND r.started_at <= now() - make_interval(secs => :every))
     ORDER BY r.started_at NULLS FIRST LIMIT 100
""")


@dataclass(frozen=True, slots=True)
class ReconcileTotals:
    """What a run came to. drift: findings that remain, by cause; stopped: why it broke off."""

    orders: int
    repaired: int
    drift: Mapping[str, int] = field(default_factory=dict)
    stopped: str | None = None


async def due(connection: Connection, every: float) -> list[int]:
    """Stores whose last run began every seconds ago or more, the longest ago first."""
    rows = await connection.execute(_DUE, {"every": every})
    return [row.store_id for row in rows]


async def begin(connection: Connection, store_id: int, every: float = 0.0) -> bool:
    """Begin a run; False where another is at it, or was within every seconds."""
    parameters = {"store_id": store_id, "lease": LEASE, "every": every}
    return (await connection.execute(_BEGIN, parameters)).first() is not None


async def end(connection: Connection, store_id: int, tally: ReconcileTotals) -> None:
    """Write down what a run came to."""
    await connection.execute(
        sa.update(reconciliations)
        .where(reconciliations.c.store_id == store_id)
        .values(
            leased_until=None,
            finished_at=sa.func.now(),
            orders=tally.orders,
            repaired=tally.repaired,
            drift=dict(tally.drift),
            stopped=tally.stopped,
        )
    )


async def known(
    connection: Connection, store_id: int, purchase_orders: Sequence[str]
) -> dict[str, UUID]:
    """Ids of the store's orders by their purchase order number, where we have them."""
    statement = sa.select(orders.c.purchase_order_id, orders.c.id).where(
        orders.c.store_id == store_id, orders.c.purchase_order_id.in_(purchase_orders)
    )
    rows = await connection.execute(statement)
    return {row.purchase_order_id: row.id for row in rows}


async def changed(
    connection: Connection, store_id: int, since: datetime, after: UUID | None, limit: int
) -> list[UUID]:
    """Orders of ours that changed since then, by id, from after on."""
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
    """Whether the order's timeline told just this the last time drift was found."""
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
