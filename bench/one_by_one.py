"""Accepting a shipment in two statements of its own, without batching.

The equivalent of `app/storage/orders/accept.py` for one request: the best that a handler can do
without knowing other requests. The bare handler is measured with these.
"""

from app.storage import idempotency
from app.storage.orders import repository
from app.storage.postgres import sharding

LOOK = f"""
    SELECT {sharding.of_one(repository.WHOLE, "$1")}, o.xmin AS version,
           st.id AS store_uuid, st.carriers, st.default_tracking_url, st.market, now() AS at,
           nextval(pg_get_serial_sequence('shipments', 'number')) AS number,
           $3::text IS NOT NULL AND EXISTS (
             SELECT FROM shipments s WHERE s.store_id = o.store_id AND s.order_id = o.id
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

WRITE = """
    WITH guard AS MATERIALIZED (
      SELECT CASE WHEN $4::bigint IS NULL THEN true ELSE pg_try_advisory_xact_lock($4) END AS open),
    held AS (
      UPDATE orders o SET updated_at = now() FROM guard
       WHERE guard.open AND o.store_id = $1 AND o.id = $2 AND o.xmin = $3
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
    SELECT guard.open, EXISTS (SELECT FROM held) AS written FROM guard
"""
