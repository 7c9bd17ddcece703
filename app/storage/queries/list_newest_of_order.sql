-- List the newest rows of an order behind a row; all are read, for finding them among the store's is slow.
WITH own AS MATERIALIZED (SELECT * FROM {{table}} WHERE store_id = :store_id AND order_id = :order_id)
SELECT * FROM own
 WHERE :before::timestamptz IS NULL OR ({{at}}, id) < (:before, :before_id::uuid)
 ORDER BY {{at}} DESC, id DESC LIMIT :limit::int
