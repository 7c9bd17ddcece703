"""Accepting a shipment in two statements: look at the order, then write if nothing changed.

Between the two nobody is kept waiting: the order is not locked while the rules are applied.
Its row's version (PostgreSQL's xmin) stands for all that the rules looked at, because whoever
changes an order's lines or updates changes its row in the same transaction. The write holds
the row while it compares the version, and does nothing where it is another one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from app.orders.errors import Unknown
from app.orders.ids import store_of
from app.orders.order import Order
from app.orders.snapshot import tracking_key
from app.orders.update import OPEN, State
from app.storage import forms, idempotency, orders
from app.storage.direct import Session
from app.storage.idempotency import Answer, Once
from app.storage.orders import items_json
from app.storage.shipments import NewShipment
from app.storage.stores import ShippingRules
from app.storage.updates import NewUpdate

_LOOK = f"""
    SELECT {forms.of_one(orders.WHOLE, "$1")}, o.xmin AS version,
           st.id AS store_uuid, st.carriers, st.default_tracking_url, st.market, now() AS at,
           nextval(pg_get_serial_sequence('shipments', 'number')) AS number,
           $3::text IS NOT NULL AND EXISTS (
             SELECT FROM shipments s WHERE s.store_id = $1 AND s.order_id = o.id
                AND s.reference = $3) AS repeated,
           k.fingerprint, k.status AS kept_status, k.headers, k.body,
           k.created_at > now() - make_interval(secs => {idempotency.KEPT_FOR.total_seconds()})
             AS replayable
      FROM orders o
      JOIN stores st ON st.store_id = o.store_id
      LEFT JOIN idempotency_keys k ON k.store_id = o.store_id AND k.api_key = $4
       AND k.method = $5 AND k.path = $6 AND k.key = $7
     WHERE o.store_id = $1 AND o.id = $2
"""  # noqa: S608 - only constants are put in

# The gate keeps a twin of the same Idempotency-Key from waiting for the row.
_WRITE = """
    WITH gate AS MATERIALIZED (
      SELECT CASE WHEN $4::bigint IS NULL THEN true ELSE pg_try_advisory_xact_lock($4) END AS open),
    held AS (
      UPDATE orders o SET updated_at = now() FROM gate
       WHERE gate.open AND o.store_id = $1 AND o.id = $2 AND o.xmin = $3
      RETURNING o.purchase_order_id, o.ship_by_warned_at IS NOT NULL AS urgent),
    queued AS (
      INSERT INTO updates (store_id, id, target, subject, order_id, kind, sequence, payload,
                           requested_by, active, urgent, created_at, updated_at, due_at)
      SELECT $1, $5, $6, held.purchase_order_id, $2, 'shipment', $7, $8, $9, $10, held.urgent,
             $11, $11, $11
        FROM held),
    sent AS (
      INSERT INTO shipments (store_id, id, order_id, update_id, number, carrier_code,
                             carrier_title, tracking_number, tracking_key, tracking_url,
                             shipped_at, method_code, reference, fingerprint,
                             override_cancel_request, walmart_carrier, items, created_at)
      OVERRIDING SYSTEM VALUE
      SELECT $1, $12, $2, $5, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $11
        FROM held),
    reserved AS (
      UPDATE order_lines l SET pending = l.pending + v.units
        FROM held, unnest($26::text[], $27::int[]) AS v(line_number, units)
       WHERE l.store_id = $1 AND l.order_id = $2 AND l.line_number = v.line_number),
    kept AS (
      INSERT INTO idempotency_keys (store_id, api_key, method, path, key, fingerprint, status,
                                    headers, body)
      SELECT $1, $28, $29, $30, $31, $32, $33, $34, $35 FROM held WHERE $31::text IS NOT NULL)
    SELECT gate.open, EXISTS (SELECT FROM held) AS written FROM gate
"""
# Another request was quicker, or an answer too old to be given again lies under the key.
_OVERTAKEN = frozenset({"pk_idempotency_keys", "uq_updates_active", "uq_shipments_reference"})


@dataclass(frozen=True, slots=True)
class Picture:
    """An order as it is now, not held, with what a shipment of it needs.

    at is the database's time, number the one a new shipment gets. repeated: a shipment bears
    the reference that was asked for.
    """

    order: Order
    version: int
    store: UUID
    rules: ShippingRules
    at: datetime
    number: int
    repeated: bool

    @property
    def simple(self) -> bool:
        """Whether a shipment takes its place behind what is queued, and nothing else moves.

        Not so where the reference is known, or a retried shipment might let it pass.
        """
        passable = any(task.state is State.RETRYING for task in self.order.walmart_tasks)
        return not (self.repeated or passable)

    @property
    def idle(self) -> bool:
        """Whether Walmart waits for nothing else, so that a new update's turn is at once."""
        return not any(task.state in OPEN for task in self.order.walmart_tasks)


async def look(
    session: Session, order_id: UUID, reference: str | None, once: Once | None
) -> Picture:
    """Look at an order before it is shipped.

    Raises Unknown; Replay where the request was answered before, Invalid
    idempotency_key_reused where its key was used for another body.
    """
    store_id = store_of(order_id)
    if store_id is None:
        raise Unknown("order", order_id)
    key = (once.api_key, once.method, once.path, once.key) if once else (None,) * 4
    rows = await session.fetch(_LOOK, store_id, order_id, reference, *key)
    if not rows:
        raise Unknown("order", order_id)
    (row,) = rows
    if once is not None and row["replayable"]:
        answer = Answer(row["kept_status"], row["body"], row["headers"])
        idempotency.replay(once, row["fingerprint"], answer)
    return Picture(
        order=orders.from_row(row),
        version=row["version"],
        store=row["store_uuid"],
        rules=ShippingRules(row["carriers"], row["default_tracking_url"], row["market"]),
        at=row["at"],
        number=row["number"],
        repeated=row["repeated"],
    )


async def ship(
    session: Session,
    picture: Picture,
    update: NewUpdate,
    shipment: NewShipment,
    *,
    once: Once | None,
    answer: Answer | None,
) -> bool:
    """Write a shipment with its update; False where the order has changed since the picture.

    answer: what the request will be told, kept under its key. Raises Conflict
    idempotency_in_progress while a twin of the request runs.
    """
    try:
        rows = await session.fetch(
            _WRITE,
            picture.order.store_id,
            picture.order.id,
            picture.version,
            idempotency.lock_number(once) if once else None,
            *_update(update, picture),
            *_shipment(shipment, picture),
            [item.line_number for item in shipment.items],
            [item.reserved for item in shipment.items],
            *_key(once, answer),
        )
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name in _OVERTAKEN:
            return False
        raise
    if not rows[0]["open"]:
        raise idempotency.in_progress()
    return bool(rows[0]["written"])


def _update(new: NewUpdate, picture: Picture) -> Sequence[Any]:
    return (
        new.id,
        new.target.value,
        new.sequence,
        dict(new.payload),
        new.requested_by,
        picture.idle,
        picture.at,
    )


def _shipment(new: NewShipment, picture: Picture) -> Sequence[Any]:
    return (
        new.id,
        picture.number,
        new.carrier_code,
        new.carrier_title,
        new.tracking_number,
        tracking_key(new.tracking_number),
        new.tracking_url,
        new.shipped_at,
        new.method_code,
        new.reference,
        new.fingerprint,
        new.override_cancel_request,
        dict(new.walmart_carrier),
        items_json(new.items),
    )


def _key(once: Once | None, answer: Answer | None) -> Sequence[Any]:
    if once is None or answer is None:
        return (None,) * 8
    return (
        once.api_key,
        once.method,
        once.path,
        once.key,
        once.fingerprint,
        answer.status,
        dict(answer.headers),
        answer.body,
    )
