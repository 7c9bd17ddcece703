-- List a page of an order's updates, the newest first; an order has few, so all are read.
WITH own AS MATERIALIZED (SELECT * FROM updates WHERE store_id = :store_id AND order_id = :order_id)
SELECT {{rows}} FROM own t JOIN stores s ON s.store_id = t.store_id
 WHERE (:state::text IS NULL OR t.state = :state) AND (:kind::text IS NULL OR t.kind = :kind)
   AND (:code::text IS NULL OR t.last_error ->> 'code' = :code)
   AND (:after::timestamptz IS NULL OR (t.created_at, t.id) < (:after, :after_id::uuid))
 ORDER BY t.created_at DESC, t.id DESC LIMIT :limit::int
