-- The orders of a store that the buyer asked to cancel, the first imported first.
SELECT o.created_at AS key, o.id, o.id AS order_id, o.purchase_order_id AS number,
       coalesce((o.cancel_requested ->> 'seen_at')::timestamptz, o.updated_at) AS since,
       o.ship_by AS deadline, o.updated_at AS changed_at, NULL::text AS message
  FROM orders o
 WHERE o.store_id = <g.store_id> AND o.fulfillment_status IN ('open', 'partially_shipped')
   AND o.cancel_requested IS NOT NULL AND o.fulfilled_by = 'seller'
   AND (o.created_at, o.id) > (:after::timestamptz, :after_id::uuid)
   AND {{remaining}}
 ORDER BY o.store_id, o.created_at, o.id LIMIT {{limit}}
