-- Write on an order whether it has an open event: the first state by the alphabet, so refused.
UPDATE orders o SET commerce_open = v.state, updated_at = now()
  FROM (SELECT min(e.state) AS state FROM commerce_events e
         WHERE e.store_id = :store_id AND e.order_id = :order_id
           AND e.state IN ('waiting', 'refused')) v
 WHERE o.store_id = :store_id AND o.id = :order_id
   AND o.commerce_open IS DISTINCT FROM v.state
RETURNING o.id
