-- List the newest rows of an order; all are read, for finding them among the store's is slow.
WITH own AS MATERIALIZED (SELECT * FROM {{table}} WHERE store_id = :store_id AND order_id = :order_id)
SELECT * FROM own ORDER BY id DESC LIMIT :limit::int
