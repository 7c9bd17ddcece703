-- Count the rows of an index scan (index_scan.py) up to a limit, with the first key of all.
WITH RECURSIVE ends AS MATERIALIZED (
  SELECT :key::timestamptz AS key, :id::uuid AS id,
         :last_key::timestamptz AS last_key, :last_id::uuid AS last_id),
{{groups}},
{{page}}
SELECT c.count, CASE WHEN c.count < {{limit}} THEN c.first
                     ELSE (SELECT min(f.key) FROM groups g CROSS JOIN LATERAL ({{first}}) f)
                END AS first
  FROM (SELECT count(*)::int AS count, min(key) AS first FROM page) c
