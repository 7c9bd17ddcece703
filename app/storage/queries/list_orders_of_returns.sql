-- List orders by their purchase order numbers.
SELECT o.store_id, o.purchase_order_id, o.id, o.commerce_order_number, o.commerce_order_id
  FROM unnest(:stores::int[], :numbers::text[]) AS q(store_id, number)
 CROSS JOIN LATERAL (SELECT o.* FROM orders o WHERE o.store_id = <q.store_id>
                        AND o.purchase_order_id = q.number OFFSET 0) o
