-- List a page of the orders that a search found, filtered; they are few, so they are sorted.
WITH found AS MATERIALIZED (
  SELECT t.*, {{key}} AS key FROM unnest(:stores::int[], :ids::uuid[]) AS q(store_id, id)
   CROSS JOIN LATERAL (SELECT t.* FROM orders t
                        WHERE t.store_id = q.store_id AND t.id = q.id LIMIT 1) t)
SELECT {{rows}} FROM found t JOIN stores s ON s.store_id = t.store_id
 WHERE (:status::text IS NULL OR t.status = :status)
   AND (:updated_since::timestamptz IS NULL OR t.updated_at >= :updated_since)
   AND (:ship_before::timestamptz IS NULL OR ({{unshipped}} AND t.ship_by < :ship_before))
   AND (NOT :without_commerce_order::bool OR ({{without_commerce_order}}))
   AND (:after::timestamptz IS NULL OR (t.key, t.id) {{behind}} (:after, :after_id::uuid))
 ORDER BY t.key {{direction}}, t.id {{direction}} LIMIT :limit::int
