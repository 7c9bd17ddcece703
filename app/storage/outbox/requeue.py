"""Changes that a person makes to an update: requeue it, dismiss it, end its doubt."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.domain.ids import store_of
from app.domain.orders import reservation
from app.domain.orders.order import Order
from app.domain.outbox.claimed_update import Subject
from app.domain.outbox.doubt import ENDED_BY_TIME
from app.domain.update import DUE, Kind, State
from app.storage.orders import save
from app.storage.outbox import updates as outbox
from app.storage.postgres.database import Connection
from app.storage.tables import cancellations, shipments, updates


@dataclass(frozen=True, slots=True)
class StoredUpdate:
    """An update as it is stored. Times are the database's."""

    store_id: int
    id: UUID
    order_id: UUID | None
    target: str
    subject: str
    kind: Kind
    state: State
    attempts: int
    in_doubt_until: datetime | None
    due_at: datetime
    payload: Mapping[str, Any]

    @property
    def queue(self) -> Subject:
        """The queue that the update is in."""
        return self.store_id, self.target, self.subject


async def find(connection: Connection, update_id: UUID) -> StoredUpdate | None:
    """An update by its id, locked. The caller locks its order first if that must not change."""
    store_id = store_of(update_id)
    if store_id is None:
        return None
    columns = [updates.c[name] for name in StoredUpdate.__slots__]
    statement = sa.select(*columns).where(updates.c.store_id == store_id, updates.c.id == update_id)
    row = (await connection.execute(statement.with_for_update())).mappings().one_or_none()
    if row is None:
        return None
    return StoredUpdate(**{**row, "kind": Kind(row["kind"]), "state": State(row["state"])})


async def requeue(connection: Connection, found: StoredUpdate) -> None:
    """Make an update due now, with its retries counted from zero.

    If it was attempted before, Walmart is read before anything is sent.
    """
    failed = found.state is State.FAILED
    ambiguous = failed and found.attempts > 0 and found.kind not in ENDED_BY_TIME
    requeued = State.VERIFYING if ambiguous else State.PENDING
    state = requeued if failed else found.state
    await connection.execute(
        sa.update(updates)
        .where(updates.c.store_id == found.store_id, updates.c.id == found.id)
        .values(
            state=state.value,
            due_at=sa.func.now(),
            ambiguous=updates.c.ambiguous | ambiguous,
            retries=0,
            reads=0,
            faults=0,
            failing_for=0,
            failing_since=None,
            finished_at=None,
            updated_at=sa.func.now(),
        )
    )


async def try_again(connection: Connection, order: Order, found: StoredUpdate) -> None:
    """Reserve the units of an update of a locked order again, and make it due now.

    Raises Conflict quantity_exceeds_remaining if too few units are left for it.
    """
    again = reservation.reserve_again(order, found.id)
    await save.save(connection, order, again)
    waiting = State.VERIFYING if found.attempts else State.PENDING
    again = reservation.with_state(again, {found.id: waiting})
    await save.save_status(connection, again, synced=False)
    await requeue(connection, found)
    await outbox.activate_next(connection, [found.queue])


async def override_cancel_request(connection: Connection, found: StoredUpdate) -> None:
    """Send a shipment although the buyer asked to cancel, from its next attempt on."""
    payload = dict(found.payload) | {"override_cancel_request": True}
    await connection.execute(
        sa.update(updates)
        .where(updates.c.store_id == found.store_id, updates.c.id == found.id)
        .values(payload=payload)
    )
    await connection.execute(
        sa.update(shipments)
        .where(shipments.c.store_id == found.store_id, shipments.c.update_id == found.id)
        .values(override_cancel_request=True)
    )


async def replace_reason(
    connection: Connection, found: StoredUpdate, reason: str, comment: str | None
) -> None:
    """Cancel with another reason, from the next attempt on. No attempt may be in doubt."""
    payload = dict(found.payload) | {"reason": reason}
    await connection.execute(
        sa.update(updates)
        .where(updates.c.store_id == found.store_id, updates.c.id == found.id)
        .values(payload=payload)
    )
    await connection.execute(
        sa.update(cancellations)
        .where(cancellations.c.store_id == found.store_id, cancellations.c.update_id == found.id)
        .values(reason=reason, comment=comment)
    )


async def dismiss(connection: Connection, found: StoredUpdate, *, actor: str, note: str) -> None:
    """Dismiss an update; it keeps the actor and the note."""
    await connection.execute(
        sa.update(updates)
        .where(updates.c.store_id == found.store_id, updates.c.id == found.id)
        .values(
            state=State.DISMISSED.value,
            active=False,
            # When Walmart is read once more, to end the doubt.
            due_at=sa.func.coalesce(updates.c.in_doubt_until, updates.c.due_at),
            reads=0,
            dismissed_by=actor,
            note=note,
            finished_at=sa.func.now(),
            updated_at=sa.func.now(),
        )
    )


async def supersede(connection: Connection, order: Order, update_id: UUID, why: str) -> Order:
    """Dismiss a tracking correction that is pointless (`tracking_correction.pointless`).

    It stays in doubt. Answers the locked order with the update dismissed.
    """
    found = await find(connection, update_id)
    # One that was claimed since the order was loaded is superseded when its result is recorded.
    if found is None or found.state not in DUE | {State.FAILED}:
        return order
    await dismiss(connection, found, actor="waybill", note=why)
    return reservation.with_state(order, {update_id: State.DISMISSED})


async def end_doubt(connection: Connection, found: StoredUpdate) -> None:
    """End the doubt of an update: none of its attempts can take effect any more."""
    await connection.execute(
        sa.update(updates)
        .where(updates.c.store_id == found.store_id, updates.c.id == found.id)
        .values(in_doubt_until=None, updated_at=sa.func.now())
    )


async def doubt_now(connection: Connection, found: StoredUpdate) -> None:
    """Put an update at rest that holds units in doubt, so that it is read at once."""
    await connection.execute(
        sa.update(updates)
        .where(
            updates.c.store_id == found.store_id,
            updates.c.id == found.id,
            updates.c.in_doubt_until.is_(None),
        )
        .values(in_doubt_until=sa.func.now(), due_at=sa.func.now())
    )
