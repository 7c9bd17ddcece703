-- Read the rows of the keys of a page, where tables are sharded.
SELECT {{rows}}{{more}}, page.place
  FROM unnest(:stores::int[], :keys::timestamptz[], :ids::uuid[], :places::int[])
         AS page(store_id, key, id, place)
 CROSS JOIN LATERAL (SELECT t.* FROM {{table}} t
                      WHERE t.store_id = <page.store_id> AND t.id = page.id
                      LIMIT 1) t
  JOIN stores s ON s.store_id = <page.store_id>
 WHERE {{wanted}}
