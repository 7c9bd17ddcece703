-- List the names of stores, or of one store.
SELECT store_id, id, name, market FROM stores
 WHERE :only::int IS NULL OR store_id = :only
 ORDER BY lower(name), store_id LIMIT :most::int
