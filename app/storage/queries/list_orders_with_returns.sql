-- List the orders of some returns, by the purchase order of each and by further ones that it has.
SELECT t.store_id, t.id, q.id AS return_id
  FROM unnest(:stores::int[], :ids::uuid[], :numbers::text[]) AS q(store_id, id, number)
 CROSS JOIN LATERAL (
   SELECT q.number AS purchase_order_id
    UNION ALL
   SELECT o.purchase_order_id FROM return_orders o
    WHERE o.store_id = <q.store_id> AND o.return_id = q.id OFFSET 0) p
 CROSS JOIN LATERAL (SELECT f.store_id, f.id FROM orders f
                      WHERE f.store_id = <q.store_id> AND f.purchase_order_id = p.purchase_order_id
                      OFFSET 0) t
