-- The returns of one order.
SELECT r.* FROM orders t JOIN returns r ON r.store_id = <t.store_id> AND r.id IN ({{returns}})
 WHERE t.store_id = <t.store_id> AND t.id = :order_id
