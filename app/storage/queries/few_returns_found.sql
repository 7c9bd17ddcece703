-- The returns that a search found, of one store and of one order if these are given.
SELECT r.* FROM unnest(:stores::int[], :ids::uuid[]) AS q(store_id, id)
  JOIN returns r ON r.store_id = q.store_id AND r.id = q.id
 WHERE true AND <r> AND <q>
   AND (:order_id::uuid IS NULL OR EXISTS (SELECT FROM orders t
         WHERE t.store_id = <r.store_id> AND t.id = :order_id AND r.id IN ({{returns}})))
