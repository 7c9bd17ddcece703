-- Queue the creation of orders in Commerce that are not linked, if the store wants it.
INSERT INTO updates (store_id, id, target, subject, order_id, kind, sequence, active,
                     requested_by, request_id, traceparent)
SELECT CAST(:store_id AS int), g.id, 'commerce', o.purchase_order_id, o.id, 'commerce_order', 1, true,
       :actor, :request_id, :traceparent
  FROM jsonb_to_recordset(:rows::jsonb) AS g(id uuid, order_id uuid)
  JOIN orders o ON o.store_id = :store_id AND o.id = g.order_id
  JOIN stores s ON s.store_id = o.store_id AND s.commerce_push_orders
 -- Written so that no partial index serves it: the order is found by its key.
 WHERE (o.commerce_order_number || '') IS NULL AND (o.commerce_order_id + 0) IS NULL
    ON CONFLICT (store_id, target, subject, sequence) DO NOTHING
