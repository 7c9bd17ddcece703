-- List all rows of an index scan (index_scan.py) if these are fewer than a limit, and how many they are.

-- A LIMIT of 0 looks up no row; a condition may be checked after all of them.
WITH RECURSIVE ends AS MATERIALIZED (
  SELECT :key::timestamptz AS key, :id::uuid AS id,
         :last_key::timestamptz AS last_key, :last_id::uuid AS last_id),
{{groups}},
{{page}},
counted AS MATERIALIZED (SELECT count(*) AS counted FROM page)
SELECT c.counted, f.* FROM counted c
  LEFT JOIN (
    SELECT {{rows}} FROM page
     CROSS JOIN LATERAL (SELECT t.* FROM {{table}} t
                          WHERE t.store_id = <page.store_id> AND t.id = page.id
                          LIMIT 1) t
      JOIN stores s ON s.store_id = <page.store_id>
     -- mutation: few-rows-or-none
     LIMIT (SELECT CASE WHEN counted < {{limit}} THEN counted ELSE 0 END FROM counted)) f ON true
