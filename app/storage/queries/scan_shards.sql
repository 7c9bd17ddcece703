-- Find the first keys of all stores, where tables are sharded: each server reads those of its stores.
SELECT f.store_id, f.key, f.id FROM ({{groups}}) f
 ORDER BY f.key {{direction}}, f.id {{direction}} LIMIT {{limit}}
