-- List finished orders that did not change for so many days, behind a position, oldest first.

-- Units that are open, an error or an event of Commerce keep an order.
SELECT o.updated_at AS at, o.id FROM orders o
 WHERE o.store_id = :store_id AND (o.updated_at, o.id) > (:at, :id)
   AND o.updated_at < now() - make_interval(days => :days)
   -- mutation: finished-orders-age
   AND o.status IN ('shipped', 'canceled') AND o.fulfillment_status = o.status
   AND o.commerce_open IS NULL AND o.import_error IS NULL
 ORDER BY o.updated_at, o.id LIMIT :batch FOR UPDATE SKIP LOCKED
