"""The outbox: updates take turns within a subject, and are leased.

`app/storage/orders/accept.py` appends them, and `app/storage/outbox/claims.py` decides which poller
may take which.

`active` marks the next update of a subject; a partial unique index allows one for each. A
shipment that is known to be absent after PASSABLE_AFTER retries lets later shipments of its order
take turns with it: the one that is due first goes first.
"""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from app.domain.outbox.claimed_update import Claimed, Subject
from app.storage.postgres import sql
from app.storage.postgres.database import Connection
from app.storage.postgres.sharding import ShardedCommand
from app.storage.postgres.sql import Statement
from app.storage.tables import updates

PASSABLE_AFTER = 5
_RENEW = Statement("""
    UPDATE updates SET leased_until = now() + make_interval(secs => :lease)
     WHERE store_id = :store_id AND id = :id AND lease_token = :token AND leased_until > now()
    RETURNING id
""")
_NEXT = sql.read("outbox/next_update.sql", passable_after=str(PASSABLE_AFTER))
_DEACTIVATE = ShardedCommand(sql.read("outbox/deactivate.sql", next=_NEXT))
_ACTIVATE = ShardedCommand(sql.read("outbox/activate.sql", next=_NEXT))


async def activate_next(connection: Connection, subjects: Sequence[Subject]) -> None:
    """Give the turn of each (store, target, subject) to the update that should have it now."""
    if not subjects:
        return
    stores, targets, names = zip(*sorted(set(subjects)), strict=True)
    parameters = {"stores": list(stores), "targets": list(targets), "subjects": list(names)}
    # In this order, because the unique index is checked row by row.
    await _DEACTIVATE.execute(connection, stores, parameters)
    await _ACTIVATE.execute(connection, stores, parameters)


async def has_turn(connection: Connection, store_id: int, update_id: UUID) -> bool:
    """Whether it is the update's turn within its subject."""
    statement = sa.select(updates.c.active).where(
        updates.c.store_id == store_id, updates.c.id == update_id
    )
    return bool((await connection.execute(statement)).scalar_one_or_none())


async def renew(connection: Connection, update: Claimed, lease: float) -> bool:
    """Hold an update for another lease seconds; False when it is no longer ours."""
    row = await _RENEW.execute(
        connection,
        {
            "store_id": update.store_id,
            "id": update.id,
            "token": update.lease_token,
            "lease": lease,
        },
    )
    return row.first() is not None
