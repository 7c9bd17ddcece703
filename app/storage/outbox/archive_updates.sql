-- Move updates at rest to archived_updates, with what their order still needs of the payload.

-- One statement: a reader finds each update in exactly one of the two tables.
WITH old AS MATERIALIZED (
  SELECT d.store_id, d.id <due>
   ORDER BY d.finished_at LIMIT :batch FOR UPDATE SKIP LOCKED),
gone AS (
  DELETE FROM updates u USING old WHERE u.store_id = old.store_id AND u.id = old.id AND <u>
  RETURNING u.*)
INSERT INTO archived_updates (store_id, id, target, subject, order_id, kind, sequence, payload,
       state, attempts, ambiguous, dismissed_by, note, requested_by, request_id,
       traceparent, created_at, updated_at, finished_at)
SELECT <gone.store_id>, id, target, subject, order_id, kind, sequence,
       CASE WHEN kind = 'tracking' THEN payload
                 -- mutation: archived-stock-levels
                 WHEN kind = 'inventory' THEN payload
                 WHEN kind = 'commerce_note' THEN payload
                 -- mutation: archived-tracking-number
                 WHEN kind = 'shipment' THEN jsonb_build_object('tracking_number',
                                                                payload->'tracking_number')
                 ELSE '{}' END,
       state, attempts, ambiguous, dismissed_by, note, requested_by, request_id, traceparent,
       created_at, updated_at, finished_at
  FROM gone
