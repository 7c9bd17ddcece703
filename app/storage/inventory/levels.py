"""Stock levels as updates: one queue for each SKU and ship node; the newest value is sent.

The write is absolute, so an older value that is sent late would sell units that do not exist. A
value's age is when Commerce gave it, not when it was queued: a level that came with a cancellation
is as old as the cancellation, however late Walmart confirms it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.orders.requests import StockLevel
from app.domain.outbox.claimed_update import Claimed, Subject
from app.domain.update import Kind, State
from app.storage import audit, timeline
from app.storage.outbox import updates
from app.storage.postgres import sql
from app.storage.postgres.database import Connection
from app.storage.postgres.sql import Statement

# In these states a level may have reached Walmart; in any other it waits, perhaps for a person.
# mutation: newest-level-after-cancellation
_MAY_HAVE_GONE = frozenset({State.CONFIRMED, State.SENDING})
SUPERSEDED = "A newer value took its place."
_LEVELS, _SAME, _GIVEN_AT = (
    sql.read(f"inventory/{name}.sql") for name in ("levels", "same_level", "given_at")
)
# Transactions that write the same SKU wait for each other; sorted, so that they do not deadlock.
_LOCK = Statement("""
    SELECT pg_advisory_xact_lock(hashtextextended('stock:' || :store_id::text || ':' || s, 0))
      FROM unnest(:subjects::text[]) AS s ORDER BY s
""")
_LOCK_ACTIVE = sql.load("inventory/lock_active_levels.sql", levels=_LEVELS, same=_SAME)
_SUPERSEDE = sql.load("inventory/supersede_levels.sql", levels=_LEVELS, same=_SAME)
_PUT = sql.load("inventory/put_levels.sql", levels=_LEVELS)
_NEWER = sql.load("inventory/find_newer_levels.sql", levels=_LEVELS, same=_SAME, given_at=_GIVEN_AT)
_DROP_STALE = sql.load("inventory/drop_stale_levels.sql", levels=_LEVELS, same=_SAME)
_DOUBTS = sql.load("inventory/find_doubts_of_levels.sql", levels=_LEVELS, same=_SAME)


@dataclass(frozen=True, slots=True)
class Levels:
    """Stock levels of a store, each SKU and ship node once."""

    store_id: int
    levels: Sequence[StockLevel]
    actor: str
    order_id: UUID | None = None
    given_at: datetime | None = None
    """When Commerce gave them. None means now."""


def asks_commerce(update: Claimed) -> bool:
    """Whether the number of units is read from Commerce when the update is sent."""
    return update.kind is Kind.INVENTORY and update.payload["quantity"] is None


def subject(sku: str, ship_node: str | None = None) -> str:
    """The queue of a SKU at a ship node; no purchase order number looks like it."""
    # Few SKUs need an escape; the first @ separates the SKU from the node.
    # mutation: stock-queue-per-sku
    escaped = sku.replace("%", "%25").replace("@", "%40")
    return f"sku:{escaped}" + (f"@{ship_node}" if ship_node else "")


def _level(identifier: UUID, sku: str, ship_node: str | None) -> dict[str, Any]:
    return {
        "id": str(identifier),
        "subject": subject(sku, ship_node),
        "former": f"sku:{sku}" + (f"@{ship_node}" if ship_node else ""),
        "sku": sku,
        "ship_node": ship_node,
    }


async def put(connection: Connection, wanted: Levels, ids: timeline.NewId) -> list[UUID]:
    """Queue levels; older values that no poller holds are dismissed and never sent.

    An older value keeps its doubt: the new value is sent at once, and once more when the doubt is
    over. Answers the updates in the order given. If a newer value has replaced a level with a
    given_at, the newer value is queued again if it was sent or may have been, because what the
    level follows may have undone it. If it still waits, nothing is queued.
    """
    rows = [_level(ids(wanted.store_id), each.sku, each.ship_node) for each in wanted.levels]
    await lock(connection, wanted.store_id, wanted.levels)
    for row, each in zip(rows, wanted.levels, strict=True):
        row |= {"quantity": each.quantity}
        row |= {"given_at": wanted.given_at.isoformat() if wanted.given_at else None}
    values: dict[str, Any] = {"store_id": wanted.store_id, "levels": rows}
    if wanted.given_at is not None:
        found = await _NEWER.execute(connection, values | {"given_at": wanted.given_at})
        rows = _newest(rows, {str(row.id): row for row in found})
    values |= {"levels": rows, "note": SUPERSEDED}
    # mutation: stock-level-gets-turn
    await _LOCK_ACTIVE.execute(connection, values)
    # Before the new values are written: a queue has one active update.
    older = (await _SUPERSEDE.execute(connection, values)).all()
    for row in rows:
        row |= {"payload": {name: row[name] for name in ("sku", "quantity", "ship_node")}}
    values |= {"order_id": wanted.order_id, "actor": wanted.actor}
    values |= audit.origin.get().thread
    await _PUT.execute(connection, values)
    emptied = [(wanted.store_id, "walmart", row.queue) for row in older if row.queue != row.subject]
    await updates.activate_next(connection, emptied)
    return [UUID(row["id"]) for row in rows]


def _newest(
    rows: Iterable[dict[str, Any]], newer: Mapping[str, sa.Row[Any]]
) -> list[dict[str, Any]]:
    """The rows to queue of levels that have newer values: never an older value."""
    queued = []
    for row in rows:
        after = newer.get(row["id"])
        if after is None:
            queued.append(row)
        elif after.state in _MAY_HAVE_GONE:
            again = {"quantity": after.quantity, "given_at": after.given_at.isoformat()}
            queued.append(row | again)
    return queued


async def lock(connection: Connection, store_id: int, levels: Iterable[StockLevel]) -> None:
    """Lock these levels until the transaction ends, so that no other transaction puts them."""
    subjects = sorted({subject(each.sku, each.ship_node) for each in levels})
    await _LOCK.execute(connection, {"store_id": str(store_id), "subjects": subjects})


async def drop_stale(
    connection: Connection, store_id: int, claimed: Iterable[Claimed]
) -> frozenset[UUID]:
    """Dismiss claimed levels that have a newer value by now; answers which."""
    levels = [_level(each.id, each.payload["sku"], each.payload["ship_node"]) for each in claimed]
    if not levels:
        return frozenset()
    values = {"store_id": store_id, "levels": levels, "note": SUPERSEDED}
    rows = (await _DROP_STALE.execute(connection, values)).all()
    subjects: list[Subject] = [(store_id, row.target, row.subject) for row in rows]
    await updates.activate_next(connection, subjects)
    return frozenset(row.id for row in rows)


async def others_until(
    connection: Connection, store_id: int, claimed: Iterable[Claimed]
) -> dict[UUID, datetime]:
    """Until when another value of the same level may still arrive, by claimed update."""
    levels = [_level(each.id, each.payload["sku"], each.payload["ship_node"]) for each in claimed]
    if not levels:
        return {}
    rows = await _DOUBTS.execute(connection, {"store_id": store_id, "levels": levels})
    return {row.id: row.until for row in rows}
