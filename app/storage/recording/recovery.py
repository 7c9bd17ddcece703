"""Recovery after a restored backup: rows that may be outdated are put in doubt, store by store.

Each step works on some rows in a transaction of its own and can be repeated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from app.domain.orders.order_event import OrderEvent
from app.domain.orders.requests import StockLevel
from app.domain.outbox.claimed_update import Subject
from app.storage import timeline
from app.storage.inventory import levels as stock_levels
from app.storage.outbox import updates
from app.storage.postgres import sql
from app.storage.postgres.database import Connection
from app.storage.postgres.sql import Statement
from app.storage.tables import cancellations, stores

# So many numbers of shipments and refunds may have been used after the backup.
MARGIN = 100_000
# Rows of one step.
BATCH = 500
NOT_KNOWN = "It is older than a restored backup: what Commerce has to sell now is not known."

_NEWEST = sql.load("recording/find_newest_row.sql")
_LEASED = Statement("""
    SELECT greatest(u.until, i.until)
      FROM (SELECT max(leased_until) AS until FROM updates
             WHERE state = 'sending' AND leased_until > now()) u,
           (SELECT max(leased_until) AS until FROM imports WHERE leased_until > now()) i
""")
# mutation: restore-raises-numbers
_RAISE = Statement("""
    SELECT setval(s, nextval(s) + :margin)
      FROM unnest(ARRAY[pg_get_serial_sequence('shipments', 'number'),
                        pg_get_serial_sequence('refunds', 'number')]) AS s
""")
_DOUBT = sql.load("recording/doubt_updates.sql")
_OPEN_LEVEL = sql.read("recording/open_level.sql")
_LEVELS = sql.load("recording/list_levels.sql", open=_OPEN_LEVEL)
_END_LEVELS = sql.load("recording/end_levels.sql", open=_OPEN_LEVEL)
_OLD_LEVELS = Statement("""
    SELECT c.id, c.inventory FROM cancellations c
      JOIN updates u ON u.store_id = :store_id AND u.id = c.update_id
     WHERE c.store_id = :store_id AND c.inventory <> '[]' AND u.in_doubt_until >= :until
     LIMIT :batch FOR UPDATE OF c
""")
_TO_READ = sql.load("recording/list_orders_to_read.sql")
_REFUNDS = sql.load("recording/count_refunded_units.sql")


@dataclass(frozen=True, slots=True)
class Level:
    """A stock level that lost its open value."""

    sku: str
    ship_node: str | None
    asked: bool
    """Whether Commerce is asked for a new value."""


async def newest(connection: Connection) -> datetime | None:
    """The time of the newest row, about that of the backup. None means an empty database."""
    found: datetime | None = (await _NEWEST.execute(connection)).scalar_one()
    return found


async def leased_until(connection: Connection) -> datetime | None:
    """When the last lease of a poller ends. None means that there is no lease."""
    found: datetime | None = (await _LEASED.execute(connection)).scalar_one()
    return found


async def raise_numbers(connection: Connection) -> None:
    """Raise the numbers of new shipments and refunds above any that was used after the backup."""
    await _RAISE.execute(connection, {"margin": MARGIN})


async def doubt(connection: Connection, store_id: int, until: datetime) -> int:
    """Put some of a store's updates in doubt; answers how many, 0 once all are.

    Open updates are due at until, and Walmart is read before they are sent. Leases end.
    """
    values = {"store_id": store_id, "until": until, "batch": BATCH}
    rows = (await _DOUBT.execute(connection, values)).all()
    subjects: list[Subject] = [(store_id, row.target, row.subject) for row in rows]
    await updates.activate_next(connection, subjects)
    return len(rows)


async def end_levels(
    connection: Connection, store_id: int, until: datetime, ids: timeline.NewId
) -> list[Level]:
    """End some of a store's open stock values in doubt; answers which, none once all are ended.

    Commerce is asked for a new value if possible; otherwise the order's timeline says that the
    value is not known.
    """
    values = {"store_id": store_id, "until": until, "batch": BATCH}
    rows = (await _LEVELS.execute(connection, values)).all()
    levels = [StockLevel(row.sku, None, row.ship_node) for row in rows]
    if not levels:
        return []
    asked = await _readable(connection, store_id)
    if asked:
        await stock_levels.put(
            connection, stock_levels.Levels(store_id, levels, timeline.WAYBILL), ids
        )
    else:
        await stock_levels.lock(connection, store_id, levels)
        rows_of = [{"sku": each.sku, "ship_node": each.ship_node} for each in levels]
        values |= {"levels": rows_of, "note": NOT_KNOWN}
        subjects: list[Subject] = []
        for row in (await _END_LEVELS.execute(connection, values)).all():
            subjects.append((store_id, row.target, row.subject))
            if row.order_id is not None:
                event = timeline.TimelineEvent(OrderEvent.STOCK_NOT_KNOWN, update_id=row.id)
                await timeline.add(connection, store_id, row.order_id, event, ids)
        await updates.activate_next(connection, subjects)
    return [Level(each.sku, each.ship_node, asked) for each in levels]


async def forget_levels(connection: Connection, store_id: int, until: datetime) -> list[Level]:
    """Delete the stock levels of some cancellations in doubt; answers which, none at the end.

    They would be sent after the cancellation, over newer values that were put after the backup.
    Without them Commerce is asked, or the timeline says that the level is not known.
    """
    values = {"store_id": store_id, "until": until, "batch": BATCH}
    rows = (await _OLD_LEVELS.execute(connection, values)).all()
    if not rows:
        return []
    await connection.execute(
        sa.update(cancellations)
        .where(cancellations.c.store_id == store_id, cancellations.c.id.in_([r.id for r in rows]))
        .values(inventory=[])
    )
    asked = await _readable(connection, store_id)
    # Commerce knows the stock of a SKU, not of a ship node.
    return [
        Level(each["sku"], each["ship_node"], asked and each["ship_node"] is None)
        for row in rows
        for each in row.inventory
    ]


async def to_read(
    connection: Connection, store_id: int, began: datetime, after: UUID | None
) -> list[UUID]:
    """Orders that are not final and were not read since began, by id, behind after."""
    values = {"store_id": store_id, "began": began, "after": after, "batch": BATCH}
    return [row.id for row in await _TO_READ.execute(connection, values)]


async def refunds_of(
    connection: Connection, store_id: int, return_orders: Sequence[str]
) -> dict[str, dict[int, int]]:
    """Units that refunds have requested, by return and line number."""
    found: dict[str, dict[int, int]] = {}
    values = {"store_id": store_id, "numbers": list(return_orders)}
    for row in await _REFUNDS.execute(connection, values):
        found.setdefault(row.return_order_id, {})[row.number] = row.units
    return found


async def _readable(connection: Connection, store_id: int) -> bool:
    """Whether the store's Commerce can be asked for stock."""
    statement = sa.select(stores.c.commerce_stock_id).where(stores.c.store_id == store_id)
    return (await connection.execute(statement)).scalar_one() is not None
