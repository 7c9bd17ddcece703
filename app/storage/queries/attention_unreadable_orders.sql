-- The orders of a store of which only the number could be read.
SELECT o.created_at AS key, o.id, o.id AS order_id, o.purchase_order_id AS number,
       o.created_at AS since, NULL::timestamptz AS deadline, o.updated_at AS changed_at,
       o.import_error ->> 'message' AS message
  FROM orders o
 WHERE o.store_id = <g.store_id> AND o.import_error IS NOT NULL
   AND (o.created_at, o.id) > (:after::timestamptz, :after_id::uuid)
 ORDER BY o.store_id, o.created_at, o.id LIMIT {{limit}}
