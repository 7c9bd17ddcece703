"""Orders that Walmart lists and that could not be read: kept, and tried again ever more rarely."""

import sqlalchemy as sa

from app.storage.postgres.database import Connection
from app.storage.tables import import_retries

# Seconds until the first try; twice as long after each that came to nothing, at most LONGEST.
FIRST, LONGEST = 60.0, 3_600.0
# Seconds after which an order is looked at that somebody was at work on.
SOON = 5.0
_LONGEST_REASON = 500

_POSTPONE = sa.text("""
    INSERT INTO import_retries AS r (store_id, purchase_order_id, reason, due_at)
    VALUES (:store_id, :number, :reason, now() + make_interval(secs => :first))
        ON CONFLICT (store_id, purchase_order_id) DO UPDATE
       SET reason = excluded.reason, tries = r.tries + 1,
           due_at = now()
                    + make_interval(secs => least(:longest, :first * 2.0 ^ least(r.tries, 20)))
    RETURNING tries
""")
# No try of its own: lists may show it meanwhile. Nor is it read sooner than was said before.
_SOON = sa.text("""
    INSERT INTO import_retries (store_id, purchase_order_id, reason, tries, due_at)
    VALUES (:store_id, :number, :reason, 0, now() + make_interval(secs => :soon))
        ON CONFLICT (store_id, purchase_order_id) DO UPDATE
       SET due_at = greatest(import_retries.due_at, excluded.due_at)
""")
_DUE = sa.text("""
    SELECT purchase_order_id FROM import_retries
     WHERE store_id = :store_id AND due_at <= now() ORDER BY due_at LIMIT :most
""")


async def postpone(connection: Connection, store_id: int, number: str, reason: str) -> int:
    """Let an order be read later; answers how often that came to nothing, this time included."""
    values = {
        "store_id": store_id,
        "number": number,
        "reason": reason[:_LONGEST_REASON],
        "first": FIRST,
        "longest": LONGEST,
    }
    return int((await connection.execute(_POSTPONE, values)).scalar_one())


async def soon(connection: Connection, store_id: int, number: str, reason: str) -> None:
    """Let an order be read in a moment, not before; nothing is wrong with it."""
    values = {"store_id": store_id, "number": number, "reason": reason, "soon": SOON}
    await connection.execute(_SOON, values)


async def waiting(connection: Connection, store_id: int, numbers: list[str]) -> set[str]:
    """Which of these could not be read, and are tried again by themselves."""
    statement = sa.select(import_retries.c.purchase_order_id).where(
        import_retries.c.store_id == store_id,
        import_retries.c.purchase_order_id.in_(numbers),
        import_retries.c.tries > 0,
    )
    return set((await connection.execute(statement)).scalars())


async def due(connection: Connection, store_id: int, most: int) -> list[str]:
    """Some whose time has come, the longest overdue first."""
    rows = await connection.execute(_DUE, {"store_id": store_id, "most": most})
    return list(rows.scalars())


async def done(connection: Connection, store_id: int, number: str) -> None:
    """An order was read."""
    await connection.execute(
        sa.delete(import_retries).where(
            import_retries.c.store_id == store_id, import_retries.c.purchase_order_id == number
        )
    )
