"""Retries of orders that Walmart lists and that could not be read, less and less often."""

import sqlalchemy as sa

from app.storage.postgres import sql
from app.storage.postgres.database import Connection
from app.storage.postgres.sql import Statement
from app.storage.tables import import_retries

# Seconds until the first retry; twice as long after each failure, at most LONGEST.
FIRST, LONGEST = 60.0, 3_600.0
# Seconds until an order is read that another process was working on.
SOON = 5.0
_LONGEST_REASON = 500

_POSTPONE_FIRST = Statement("""
    INSERT INTO import_retries (store_id, purchase_order_id, reason, due_at)
    VALUES (:store_id, :number, :reason, now() + make_interval(secs => :first::float8))
        ON CONFLICT DO NOTHING
    RETURNING tries
""")
_POSTPONE = sql.load("imports/postpone_order.sql")
# It counts as no failure: lists may show the order meanwhile. Nor is an order read sooner than a
# retry that is planned already.
# mutation: busy-order-read-once
_SOON = Statement("""
    INSERT INTO import_retries (store_id, purchase_order_id, reason, tries, due_at)
    VALUES (:store_id, :number, :reason, 0, now() + make_interval(secs => :soon))
        ON CONFLICT (store_id, purchase_order_id) DO UPDATE
       SET due_at = greatest(import_retries.due_at, excluded.due_at)
""")
_DUE = Statement("""
    SELECT purchase_order_id FROM import_retries
     WHERE store_id = :store_id AND due_at <= now() ORDER BY due_at LIMIT :most
""")


async def postpone(connection: Connection, store_id: int, number: str, reason: str) -> int:
    """Postpone an order; answers how often reading it has failed, this time included."""
    values = {
        "store_id": store_id,
        "number": number,
        "reason": reason[:_LONGEST_REASON],
        "first": FIRST,
        "longest": LONGEST,
    }
    first: int | None = (await _POSTPONE_FIRST.execute(connection, values)).scalar_one_or_none()
    return first or int((await _POSTPONE.execute(connection, values)).scalar_one())


async def soon(connection: Connection, store_id: int, number: str, reason: str) -> None:
    """Read an order in a moment, not before; reading it has not failed."""
    values = {"store_id": store_id, "number": number, "reason": reason, "soon": SOON}
    await _SOON.execute(connection, values)


async def waiting(connection: Connection, store_id: int, numbers: list[str]) -> set[str]:
    """The numbers among these that could not be read and are retried."""
    statement = sa.select(import_retries.c.purchase_order_id).where(
        import_retries.c.store_id == store_id,
        import_retries.c.purchase_order_id.in_(numbers),
        import_retries.c.tries > 0,
    )
    return set((await connection.execute(statement)).scalars())


async def due(connection: Connection, store_id: int, most: int) -> list[str]:
    """Some orders that are due, the longest overdue first."""
    rows = await _DUE.execute(connection, {"store_id": store_id, "most": most})
    return list(rows.scalars())


async def done(connection: Connection, store_id: int, number: str) -> None:
    """Remove the retry of an order that was read."""
    await connection.execute(
        sa.delete(import_retries).where(
            import_retries.c.store_id == store_id, import_retries.c.purchase_order_id == number
        )
    )
