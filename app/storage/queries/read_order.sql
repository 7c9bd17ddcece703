-- Read one order.
SELECT {{rows}} FROM orders t JOIN stores s ON s.store_id = t.store_id
 WHERE t.store_id = :store_id AND t.id = :id
