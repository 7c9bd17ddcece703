-- List a page of rows in the order of an index (index_scan.py), between two ends that are left out.
WITH RECURSIVE ends AS MATERIALIZED (
  SELECT :key::timestamptz AS key, :id::uuid AS id,
         :last_key::timestamptz AS last_key, :last_id::uuid AS last_id),
{{groups}},
{{page}}
SELECT {{rows}} FROM page
 CROSS JOIN LATERAL (SELECT t.* FROM {{table}} t
                      WHERE t.store_id = <page.store_id> AND t.id = page.id
                      LIMIT 1) t
  JOIN stores s ON s.store_id = <page.store_id>
 ORDER BY page.key {{direction}}, page.id {{direction}}
