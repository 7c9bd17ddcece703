-- Reads the order that the transaction has locked, with what is needed to accept changes of it.
SELECT {{columns}}
  FROM orders o
  JOIN stores st ON st.store_id = o.store_id
 WHERE o.store_id = :store_id AND o.id = :order_id
