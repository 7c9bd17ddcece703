-- The causes of failed updates: a loose scan, with one probe of the index for each.
WITH RECURSIVE found AS (
  SELECT s.store_id, f.* FROM stores s CROSS JOIN LATERAL (
    SELECT u.kind, {{code}} AS code, {{value}} AS value, {{expected}} AS expected FROM updates u
     WHERE u.store_id = <s.store_id> AND u.state = 'failed'
     ORDER BY u.store_id, u.kind, {{code}}, {{value}}, {{expected}}, u.created_at, u.id LIMIT 1) f
   WHERE true AND <s>
  UNION ALL
  SELECT b.store_id, f.* FROM found b CROSS JOIN LATERAL (
    SELECT u.kind, {{code}} AS code, {{value}} AS value, {{expected}} AS expected FROM updates u
     WHERE u.store_id = <b.store_id> AND u.state = 'failed'
       AND (u.kind, {{code}}, {{value}}, {{expected}}) > (b.kind, b.code, b.value, b.expected)
     ORDER BY u.store_id, u.kind, {{code}}, {{value}}, {{expected}}, u.created_at, u.id LIMIT 1) f)
 SELECT store_id, kind AS operation, code, value, expected, NULL::timestamptz AS since
   FROM found LIMIT {{causes}}
