-- The orders of a cause g that must be shipped soon or are late, the earliest ship-by time first.
SELECT o.ship_by AS key, o.id, o.id AS order_id, o.purchase_order_id AS number,
       o.ship_by_warned_at AS since, o.ship_by AS deadline, o.updated_at AS changed_at,
       NULL::text AS message
  FROM orders o
 WHERE o.store_id = <g.store_id> AND o.fulfillment_status IN ('open', 'partially_shipped')
   AND o.ship_by_warned_at IS NOT NULL AND o.fulfilled_by = 'seller'
   AND o.ship_by >= CASE WHEN g.code = 'ship_by_near' THEN now() ELSE '-infinity' END
   AND o.ship_by < CASE WHEN g.code = 'ship_by_near' THEN 'infinity' ELSE now() END
   AND (o.ship_by, o.id) > (:after::timestamptz, :after_id::uuid)
   AND {{remaining}}
 ORDER BY o.store_id, o.ship_by, o.id LIMIT {{limit}}
