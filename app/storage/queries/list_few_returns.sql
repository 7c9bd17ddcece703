-- List a page of a few returns, filtered and sorted, the newest first.
WITH few AS MATERIALIZED ({{few}})
SELECT {{rows}} FROM few t JOIN stores s ON s.store_id = t.store_id
 WHERE (:status::text IS NULL OR {{status}} = :status)
   AND (:after::timestamptz IS NULL OR ({{at}}, t.id) < (:after, :after_id::uuid))
 ORDER BY {{at}} DESC, t.id DESC LIMIT :limit::int
