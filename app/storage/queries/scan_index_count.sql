-- Count the rows of an index scan (index_scan.py) up to a limit, with the first key of all.

-- Of each group the first key is read; only groups that have one are counted.
WITH RECURSIVE ends AS MATERIALIZED (
  SELECT :key::timestamptz AS key, :id::uuid AS id,
         :last_key::timestamptz AS last_key, :last_id::uuid AS last_id),
{{groups}},
heads AS MATERIALIZED (
  SELECT g.*, f.key FROM groups g CROSS JOIN LATERAL ({{first}}) f)
SELECT count(*)::int AS count, (SELECT {{earliest}}(key) FROM heads) AS first
  FROM (SELECT FROM heads g CROSS JOIN LATERAL ({{range}}) e LIMIT {{limit}}) page
