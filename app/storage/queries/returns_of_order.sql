-- The ids of the returns of an order t: by its number, because a return may arrive before its order.
SELECT f.id FROM returns f
 WHERE f.store_id = <t.store_id> AND f.purchase_order_id = t.purchase_order_id
 UNION ALL
SELECT f.return_id FROM return_orders f
 WHERE f.store_id = <t.store_id> AND f.purchase_order_id = t.purchase_order_id
