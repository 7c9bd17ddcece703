-- Count returns by status, of one store or of all.
SELECT {{status}} AS status, count(*) AS returns FROM returns t
 WHERE :store_id::int IS NULL OR t.store_id = :store_id GROUP BY 1
