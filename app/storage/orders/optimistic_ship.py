"""Accepting a shipment in two statements: look at the order, then write if nothing changed.

Between the two nobody is kept waiting: the order is not locked while the rules are applied.
Its row's version (PostgreSQL's xmin) stands for all that the rules looked at, because whoever
changes an order's lines or updates changes its row in the same transaction. The write holds
the row while it compares the version, and does nothing where it is another one, or where
somebody else holds the row. Both statements are for several requests (decision 0023).
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from app.domain.errors import Unknown
from app.domain.ids import store_of
from app.domain.orders.order import Order
from app.domain.orders.snapshot import tracking_key
from app.domain.outbox.claimed_update import NewUpdate
from app.domain.update import OPEN, State
from app.storage import idempotency
from app.storage.idempotency import IdempotentRequest, StoredResponse
from app.storage.orders import repository
from app.storage.orders.repository import items_json
from app.storage.orders.shipments import NewShipment
from app.storage.postgres import sharding
from app.storage.postgres.session import Row, Session
from app.storage.stores.stores import ShippingRules

_json = json.JSONEncoder(separators=(",", ":"), default=dict).encode

# Both for several requests at once, each under its number n (app/storage/postgres/batcher.py).
_LOOK = f"""
    SELECT v.n, {sharding.of_any(repository.WHOLE)}, o.xmin AS version,
           st.id AS store_uuid, st.carriers, st.default_tracking_url, st.market, now() AS at,
           nextval(pg_get_serial_sequence('shipments', 'number')) AS number,
           v.reference IS NOT NULL AND EXISTS (
             SELECT FROM shipments s WHERE s.store_id = o.store_id AND s.order_id = o.id
                AND s.reference = v.reference) AS repeated,
           k.fingerprint, k.status AS kept_status, k.headers, k.body,
           k.created_at > now() - make_interval(secs => {idempotency.KEPT_FOR.total_seconds()})
             AS replayable
      FROM unnest($1::int[], $2::int[], $3::uuid[], $4::text[], $5::text[], $6::text[],
                  $7::text[], $8::text[])
             AS v(n, store_id, id, reference, api_key, method, path, key)
      JOIN orders o ON o.store_id = v.store_id AND o.id = v.id
      JOIN stores st ON st.store_id = o.store_id
      LEFT JOIN idempotency_keys k ON k.store_id = o.store_id AND k.api_key = v.api_key
       AND k.method = v.method AND k.path = v.path AND k.key = v.key
"""  # noqa: S608 - only constants are put in

# The gate keeps a twin of the same Idempotency-Key from waiting for the row. An order that
# somebody holds, or that is there twice, is not written: nobody waits for another's order.
_WRITE = """
    WITH given AS MATERIALIZED (
      SELECT v.*, v.lock IS NULL OR pg_try_advisory_xact_lock(v.lock) AS open
        FROM unnest($1::int[], $2::int[], $3::uuid[], $4::xid[], $5::bigint[], $6::uuid[],
                    $7::text[], $8::int[], $9::text[], $10::text[], $11::bool[],
                    $12::timestamptz[], $13::uuid[], $14::bigint[], $15::text[], $16::text[],
                    $17::text[], $18::text[], $19::text[], $20::timestamptz[], $21::text[],
                    $22::text[], $23::bytea[], $24::bool[], $25::text[], $26::text[],
                    $27::text[], $28::text[], $29::text[], $30::text[], $31::bytea[],
                    $32::int[], $33::text[], $34::bytea[])
             AS v(n, store_id, order_id, version, lock, update_id, target, sequence, payload,
                  requested_by, active, at, shipment_id, number, carrier_code, carrier_title,
                  tracking_number, tracking_key, tracking_url, shipped_at, method_code, reference,
                  fingerprint, override_cancel_request, walmart_carrier, items, api_key, method,
                  path, key, key_fingerprint, status, headers, body)),
    unheld AS MATERIALIZED (
      SELECT v.n, o.store_id, o.id FROM given v
        JOIN orders o ON o.store_id = v.store_id AND o.id = v.order_id AND o.xmin = v.version
       WHERE v.open
       FOR NO KEY UPDATE OF o SKIP LOCKED),
    held AS MATERIALIZED (
      UPDATE orders o SET updated_at = now()
        FROM unheld u
       WHERE o.store_id = u.store_id AND o.id = u.id
      RETURNING u.n, o.purchase_order_id, o.ship_by_warned_at IS NOT NULL AS urgent),
    queued AS (
      INSERT INTO updates (store_id, id, target, subject, order_id, kind, sequence, payload,
                           requested_by, active, urgent, created_at, updated_at, due_at)
      SELECT store_id, update_id, target, purchase_order_id, order_id, 'shipment', sequence,
             payload::jsonb, requested_by, active, urgent, at, at, at
        FROM held JOIN given USING (n)),
    sent AS (
      INSERT INTO shipments (store_id, id, order_id, update_id, number, carrier_code,
                             carrier_title, tracking_number, tracking_key, tracking_url,
                             shipped_at, method_code, reference, fingerprint,
                             override_cancel_request, walmart_carrier, items, created_at)
      OVERRIDING SYSTEM VALUE
      SELECT store_id, shipment_id, order_id, update_id, number, carrier_code, carrier_title,
             tracking_number, tracking_key, tracking_url, shipped_at, method_code, reference,
             fingerprint, override_cancel_request, walmart_carrier::jsonb, items::jsonb, at
        FROM held JOIN given USING (n)),
    reserved AS (
      UPDATE order_lines l SET pending = l.pending + w.units
        FROM held JOIN given v USING (n)
        JOIN unnest($35::int[], $36::text[], $37::int[]) AS w(n, line_number, units) USING (n)
       WHERE l.store_id = v.store_id AND l.order_id = v.order_id
         AND l.line_number = w.line_number),
    kept AS (
      INSERT INTO idempotency_keys (store_id, api_key, method, path, key, fingerprint, status,
                                    headers, body)
      SELECT store_id, api_key, method, path, key, key_fingerprint, status, headers::jsonb, body
        FROM held JOIN given USING (n) WHERE key IS NOT NULL)
    SELECT n, open, held.n IS NOT NULL AS written FROM given LEFT JOIN held USING (n)
"""
# Another request was quicker, or an answer too old to be given again lies under the key.
_OVERTAKEN = frozenset({"pk_idempotency_keys", "uq_updates_active", "uq_shipments_reference"})


@dataclass(frozen=True, slots=True)
class ShipLookup:
    """An order that a request is about, with the request's reference and key."""

    order_id: UUID
    reference: str | None
    once: IdempotentRequest | None


@dataclass(frozen=True, slots=True)
class OrderVersion:
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


@dataclass(frozen=True, slots=True)
class ShipWrite:
    """A shipment to write with its update; answer: what the request is told, kept by its key."""

    picture: OrderVersion
    update: NewUpdate
    shipment: NewShipment
    once: IdempotentRequest | None
    answer: StoredResponse | None


async def load(session: Session, asked: Sequence[ShipLookup]) -> Sequence[OrderVersion | Exception]:
    """Look at orders before they are shipped; answers a picture for each question, or its error.

    That is Unknown; Replay where the request was answered before, Invalid
    idempotency_key_reused where its key was used for another body.
    """
    rows = await session.fetch(_LOOK, *_columns(_question(*each) for each in enumerate(asked)))
    found = {row["n"]: row for row in rows}
    return [_seen(each, found.get(n)) for n, each in enumerate(asked)]


def _seen(asked: ShipLookup, row: Row | None) -> OrderVersion | Exception:
    if row is None:
        return Unknown("order", asked.order_id)
    if asked.once is not None and row["replayable"]:
        answer = StoredResponse(row["kept_status"], row["body"], row["headers"])
        return idempotency.known(asked.once, row["fingerprint"], answer)
    return OrderVersion(
        order=repository.from_row(row),
        version=row["version"],
        store=row["store_uuid"],
        rules=ShippingRules(row["carriers"], row["default_tracking_url"], row["market"]),
        at=row["at"],
        number=row["number"],
        repeated=row["repeated"],
    )


async def ship(session: Session, wanted: Sequence[ShipWrite]) -> Sequence[bool | Exception]:
    """Write shipments with their updates, all in one transaction; answers for each whether it is.

    False where the order has changed since the picture, is held by somebody, or has another
    shipment among these. Conflict idempotency_in_progress for one whose twin runs.
    """
    lines = [
        (n, item.line_number, item.reserved)
        for n, each in enumerate(wanted)
        for item in each.shipment.items
    ]
    rows = _columns(_row(*each) for each in enumerate(wanted))
    try:
        found = await session.fetch(_WRITE, *rows, *_columns(lines))
    except asyncpg.UniqueViolationError as error:
        if len(wanted) == 1 and error.constraint_name in _OVERTAKEN:
            return [False]
        raise
    told = {row["n"]: row["written"] if row["open"] else idempotency.in_progress() for row in found}
    return [told[n] for n in range(len(wanted))]


def _columns(rows: Iterable[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    return zip(*rows, strict=True)


def _question(n: int, asked: ShipLookup) -> Sequence[Any]:
    once = asked.once
    key = (once.api_key, once.method, once.path, once.key) if once else (None,) * 4
    return (n, store_of(asked.order_id), asked.order_id, asked.reference, *key)


def _row(n: int, wanted: ShipWrite) -> Sequence[Any]:
    order, once = wanted.picture.order, wanted.once
    return (
        n,
        order.store_id,
        order.id,
        wanted.picture.version,
        idempotency.lock_number(once) if once else None,
        *_update(wanted.update, wanted.picture),
        *_shipment(wanted.shipment, wanted.picture),
        *_key(once, wanted.answer),
    )


def _update(new: NewUpdate, picture: OrderVersion) -> Sequence[Any]:
    return (
        new.id,
        new.target.value,
        new.sequence,
        _json(new.payload),
        new.requested_by,
        picture.idle,
        picture.at,
    )


def _shipment(new: NewShipment, picture: OrderVersion) -> Sequence[Any]:
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
        _json(new.walmart_carrier),
        _json(items_json(new.items)),
    )


def _key(once: IdempotentRequest | None, answer: StoredResponse | None) -> Sequence[Any]:
    if once is None or answer is None:
        return (None,) * 8
    return (
        once.api_key,
        once.method,
        once.path,
        once.key,
        once.fingerprint,
        answer.status,
        _json(answer.headers),
        answer.body,
    )
