-- List the rows of a page of an index scan (index_scan.py) that pass a filter, and its last row.

-- Most rows of a page may fail: only how many they are is of interest.
WITH RECURSIVE ends AS MATERIALIZED (
  SELECT :key::timestamptz AS key, :id::uuid AS id,
         :last_key::timestamptz AS last_key, :last_id::uuid AS last_id),
{{groups}},
{{page}},
examined AS MATERIALIZED (
  SELECT count(*) AS examined,
         (SELECT id FROM page ORDER BY key {{reverse}}, id {{reverse}} LIMIT 1) AS last_id FROM page)
SELECT {{rows}}, ({{checked}}) AS wanted, e.examined FROM page
 CROSS JOIN examined e
 CROSS JOIN LATERAL (SELECT t.* FROM {{table}} t
                      WHERE t.store_id = <page.store_id> AND t.id = page.id
                      LIMIT 1) t
  JOIN stores s ON s.store_id = <page.store_id>
 WHERE ({{checked}}) OR page.id = e.last_id
 ORDER BY page.key {{direction}}, page.id {{direction}}
