-- Lock a store and those that share its account or name, by number, so that they wait for each other.

-- Of two stores that give something up at once the second sees what became of the first. Rows that
-- refer to stores are not blocked.
SELECT s.store_id, s.market, s.walmart_client_id, s.name
  FROM stores s JOIN stores o ON o.store_id = :store_id
 WHERE s.store_id = o.store_id
    OR (s.market = o.market AND s.walmart_client_id = o.walmart_client_id)
    OR lower(s.name) = lower(o.name)
 ORDER BY s.store_id
   FOR NO KEY UPDATE OF s
