-- Queue notes on orders that Commerce has, or is about to have.

-- The conditions on the queue are written so that no partial index serves them, as in
-- app/storage/outbox/updates.py.
INSERT INTO updates (store_id, id, target, subject, order_id, kind, sequence, payload, active,
                     requested_by, request_id, traceparent)
SELECT CAST(:store_id AS int), g.id, 'commerce', o.purchase_order_id, o.id, 'commerce_note',
       coalesce(k.last, 0) + g.place, jsonb_build_object('text', g.text, 'payment', g.payment),
       g.place = 1 AND NOT coalesce(k.busy, false), :actor, :request_id,
       :traceparent
  FROM jsonb_to_recordset(:rows::jsonb) AS g(id uuid, order_id uuid, place int, text text,
       payment text)
  JOIN orders o ON o.store_id = :store_id AND o.id = g.order_id
  JOIN stores s ON s.store_id = o.store_id AND s.commerce_push_orders
 CROSS JOIN LATERAL (
   SELECT max(u.sequence) AS last, bool_or(u.active::int = 1) AS busy FROM updates u
    WHERE u.store_id = :store_id AND u.target = 'commerce'
      AND u.subject = o.purchase_order_id) k
 WHERE o.commerce_order_number IS NOT NULL OR o.commerce_order_id IS NOT NULL
    OR k.last IS NOT NULL
