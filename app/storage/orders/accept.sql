-- Accepts changes of orders: their updates, with the rows of each kind and the units that they reserve.
WITH {{guard}},
queued AS (
  INSERT INTO updates (store_id, id, target, subject, order_id, kind, sequence, payload,
                       requested_by, request_id, traceparent, active, urgent, created_at,
                       updated_at, due_at)
  SELECT <a.store_id>, u.id, u.target, u.subject, a.order_id, u.kind, u.sequence, u.payload,
         u.requested_by, u.request_id, u.traceparent, u.active, a.urgent, a.at, a.at, a.at
    FROM accepted a
    JOIN jsonb_to_recordset(:updates::jsonb)
           AS u(n int, id uuid, target text, subject text, kind text, sequence int,
                payload jsonb, requested_by text, request_id text, traceparent text,
                active bool) USING (n)),
reserved AS (
  UPDATE order_lines l SET pending = l.pending + r.units
    FROM accepted a
    JOIN jsonb_to_recordset(:lines::jsonb) AS r(n int, line_number text, units int) USING (n)
   WHERE l.store_id = <a.store_id> AND l.order_id = a.order_id
     AND l.line_number = r.line_number){{parts}}
{{result}}
