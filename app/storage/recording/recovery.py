"""After a restored backup: rows that can no longer be believed, store by store.

Each step works on some rows in a transaction of its own and is done again without harm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from app.domain.orders.requests import StockLevel
from app.domain.outbox.claimed_update import Subject
from app.storage import timeline
from app.storage.inventory import levels as stock
from app.storage.outbox import updates
from app.storage.postgres.database import Connection
from app.storage.tables import cancellations, stores

# So many numbers of shipments and refunds may have been given after the backup.
MARGIN = 100_000
# Rows of one step.
BATCH = 500
NOT_KNOWN = "It is older than a restored backup: what Commerce has to sell now is not known."
_UNSURE = "('pending', 'retrying', 'verifying', 'sending', 'failed')"

# By what has an index; what changes an update otherwise is an attempt.
_NEWEST = sa.text("""
    SELECT greatest(max(o.at), max(u.at), (SELECT max(ended_at) FROM attempts)) FROM stores s
     CROSS JOIN LATERAL (SELECT max(updated_at) AS at FROM orders WHERE store_id = s.store_id) o
     CROSS JOIN LATERAL (SELECT max(created_at) AS at FROM updates WHERE store_id = s.store_id) u
""")
_LEASED = sa.text("""
    SELECT greatest(
      (SELECT max(leased_until) FROM updates WHERE state = 'sending' AND leased_until > now()),
      (SELECT max(leased_until) FROM imports WHERE leased_until > now()))
""")
_RAISE = sa.text("""
    SELECT setval(s, nextval(s) + :margin)
      FROM unnest(ARRAY[pg_get_serial_sequence('shipments', 'number'),
                        pg_get_serial_sequence('refunds', 'number')]) AS s
""")
# A lost poller's update is treated alike (updates.LAPSED). A failed one stays with its person.
_DOUBT = sa.text(f"""
    WITH unsure AS MATERIALIZED (
      SELECT store_id, id FROM updates
       WHERE store_id = :store_id AND state IN {_UNSURE}
         AND (state NOT IN ('verifying', 'failed') OR in_doubt_until IS NULL
              OR in_doubt_until < :until)
       LIMIT :batch FOR UPDATE)
    UPDATE updates u
       SET state = CASE u.state WHEN 'failed' THEN 'failed' ELSE 'verifying' END,
           ambiguous = u.ambiguous OR (u.state <> 'failed' AND u.kind <> 'inventory'),
           in_doubt_until = greatest(u.in_doubt_until, :until), reads = 0,
           lease_token = NULL, leased_until = NULL, leased_by = NULL,
           due_at = CASE u.state WHEN 'failed' THEN u.due_at ELSE :until END,
           updated_at = now()
      FROM unsure v WHERE u.store_id = :store_id AND v.store_id = :store_id AND u.id = v.id
    RETURNING u.target, u.subject
""").bindparams(  # noqa: S608 - only a constant of this module is put in
    sa.bindparam("until", type_=sa.DateTime(timezone=True))
)
_OPEN_LEVEL = f"""
       u.store_id = :store_id AND u.kind = 'inventory' AND u.state || '' IN {_UNSURE}
       AND u.in_doubt_until >= :until
"""
_LEVELS = sa.text(f"""
    SELECT DISTINCT u.payload->>'sku' AS sku, u.payload->>'ship_node' AS ship_node FROM updates u
     WHERE {_OPEN_LEVEL} ORDER BY 1, 2 LIMIT :batch
""").bindparams(  # noqa: S608 - as above
    sa.bindparam("until", type_=sa.DateTime(timezone=True))
)
_END_LEVELS = sa.text(f"""
    UPDATE updates u
       SET state = 'dismissed', active = false, dismissed_by = 'waybill', note = :note,
           finished_at = now(), updated_at = now()
      FROM jsonb_to_recordset(:levels) AS q(sku text, ship_node text)
     WHERE {_OPEN_LEVEL} AND u.payload->>'sku' = q.sku
       AND u.payload->>'ship_node' IS NOT DISTINCT FROM q.ship_node
    RETURNING u.id, u.order_id, u.target, u.subject
""").bindparams(  # noqa: S608 - as above
    sa.bindparam("levels", type_=JSONB),
    sa.bindparam("until", type_=sa.DateTime(timezone=True)),
)
_OLD_LEVELS = sa.text("""
    SELECT c.id, c.inventory FROM cancellations c
      JOIN updates u ON u.store_id = :store_id AND u.id = c.update_id
     WHERE c.store_id = :store_id AND c.inventory <> '[]' AND u.in_doubt_until >= :until
     LIMIT :batch FOR UPDATE OF c
""").bindparams(sa.bindparam("until", type_=sa.DateTime(timezone=True)))
_TO_READ = sa.text(f"""
    SELECT o.id FROM orders o
     WHERE o.store_id = :store_id AND (o.id > :after OR :after IS NULL)
       AND o.created_at < :began AND (o.last_synced_at IS NULL OR o.last_synced_at < :began)
       AND (o.fulfillment_status IN ('open', 'partially_shipped')
            OR EXISTS (SELECT FROM updates u WHERE u.store_id = :store_id AND u.order_id = o.id
                          AND (u.state IN {_UNSURE} OR u.in_doubt_until IS NOT NULL)))
     ORDER BY o.id LIMIT :batch
""").bindparams(  # noqa: S608 - as above
    sa.bindparam("after", type_=sa.Uuid()),
    sa.bindparam("began", type_=sa.DateTime(timezone=True)),
)
_REFUNDS = sa.text("""
    SELECT r.return_order_id, (i->>'number')::int AS number, sum((i->>'quantity')::int) AS units
      FROM refunds f
      JOIN returns r ON r.store_id = :store_id AND r.id = f.return_id
     CROSS JOIN LATERAL jsonb_array_elements(f.items) i
     WHERE f.store_id = :store_id AND r.return_order_id = ANY(CAST(:numbers AS text[]))
     GROUP BY 1, 2
""")


@dataclass(frozen=True, slots=True)
class Level:
    """A stock level whose open value was ended; asked: Commerce is asked for it anew."""

    sku: str
    ship_node: str | None
    asked: bool


async def newest(connection: Connection) -> datetime | None:
    """The time of the newest row, about when the backup was made; None in an empty database."""
    found: datetime | None = (await connection.execute(_NEWEST)).scalar_one()
    return found


async def leased_until(connection: Connection) -> datetime | None:
    """Until when a poller holds something, as far as leases show; None where none does."""
    found: datetime | None = (await connection.execute(_LEASED)).scalar_one()
    return found


async def raise_numbers(connection: Connection) -> None:
    """Let shipments and refunds to come have numbers that none after the backup can have had."""
    await connection.execute(_RAISE, {"margin": MARGIN})


async def doubt(connection: Connection, store_id: int, until: datetime) -> int:
    """Put some of a store's updates in doubt; answers how many, 0 once all are.

    What is open is read before it is sent, from until on; leases are taken back.
    """
    values = {"store_id": store_id, "until": until, "batch": BATCH}
    rows = (await connection.execute(_DOUBT, values)).all()
    places: list[Subject] = [(store_id, row.target, row.subject) for row in rows]
    await updates.activate_next(connection, places)
    return len(rows)


async def end_levels(
    connection: Connection, store_id: int, until: datetime, ids: timeline.NewId
) -> list[Level]:
    """End some of a store's open stock values that are in doubt; answers which, none once all are.

    Commerce is asked anew where it can be, else the timeline of a value's order says that it is
    not known.
    """
    values = {"store_id": store_id, "until": until, "batch": BATCH}
    rows = (await connection.execute(_LEVELS, values)).all()
    levels = [StockLevel(row.sku, None, row.ship_node) for row in rows]
    if not levels:
        return []
    asked = await _readable(connection, store_id)
    if asked:
        await stock.put(connection, stock.Levels(store_id, levels, "waybill"), ids)
    else:
        await stock.hold(connection, store_id, levels)
        given = [{"sku": each.sku, "ship_node": each.ship_node} for each in levels]
        ended = await connection.execute(_END_LEVELS, values | {"levels": given, "note": NOT_KNOWN})
        places: list[Subject] = []
        for row in ended.all():
            places.append((store_id, row.target, row.subject))
            if row.order_id is not None:
                event = timeline.TimelineEvent("stock_not_known", update_id=row.id)
                await timeline.add(connection, store_id, row.order_id, event, ids)
        await updates.activate_next(connection, places)
    return [Level(each.sku, each.ship_node, asked) for each in levels]


async def forget_levels(connection: Connection, store_id: int, until: datetime) -> list[Level]:
    """Forget levels that came with some cancellations in doubt; answers which, none once all are.

    They would follow the cancellation, over newer ones that were put after the backup. Without
    them Commerce is asked, or the timeline says that the level is not known.
    """
    values = {"store_id": store_id, "until": until, "batch": BATCH}
    rows = (await connection.execute(_OLD_LEVELS, values)).all()
    if not rows:
        return []
    await connection.execute(
        sa.update(cancellations)
        .where(cancellations.c.store_id == store_id, cancellations.c.id.in_([r.id for r in rows]))
        .values(inventory=[])
    )
    asked = await _readable(connection, store_id)
    # Commerce is asked of a SKU, not of a node.
    return [
        Level(each["sku"], each["ship_node"], asked and each["ship_node"] is None)
        for row in rows
        for each in row.inventory
    ]


async def to_read(
    connection: Connection, store_id: int, began: datetime, after: UUID | None
) -> list[UUID]:
    """Orders that are not final and were not read since then, by id, from after on."""
    values = {"store_id": store_id, "began": began, "after": after, "batch": BATCH}
    return [row.id for row in await connection.execute(_TO_READ, values)]


async def refunds_of(
    connection: Connection, store_id: int, return_orders: Sequence[str]
) -> dict[str, dict[int, int]]:
    """Units that refunds here asked for, by return and its line."""
    found: dict[str, dict[int, int]] = {}
    values = {"store_id": store_id, "numbers": list(return_orders)}
    for row in await connection.execute(_REFUNDS, values):
        found.setdefault(row.return_order_id, {})[row.number] = row.units
    return found


async def _readable(connection: Connection, store_id: int) -> bool:
    """Whether a store's Commerce can be asked for stock."""
    statement = sa.select(stores.c.commerce_stock_id).where(stores.c.store_id == store_id)
    return (await connection.execute(statement)).scalar_one() is not None
