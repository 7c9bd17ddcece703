-- Whether an order t has a return that is neither refunded nor closed (returns_of_order.sql).

-- OFFSET 0: otherwise PostgreSQL may read all open returns of the store for one order.
((SELECT true FROM (
    SELECT o.refunded, o.closed FROM returns o
     WHERE o.store_id = <t.store_id> AND o.purchase_order_id = t.purchase_order_id OFFSET 0) r
   WHERE NOT r.refunded AND NOT r.closed LIMIT 1) IS TRUE
 OR (SELECT true FROM (
    SELECT f.return_id FROM return_orders f
     WHERE f.store_id = <t.store_id> AND f.purchase_order_id = t.purchase_order_id OFFSET 0) i
  CROSS JOIN LATERAL (SELECT o.refunded, o.closed FROM returns o
                       WHERE o.store_id = <t.store_id> AND o.id = i.return_id OFFSET 0) r
   WHERE NOT r.refunded AND NOT r.closed LIMIT 1) IS TRUE)
