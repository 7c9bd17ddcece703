-- The causes of refused Commerce events: a loose scan, with one probe of the index for each.
WITH RECURSIVE found AS (
  SELECT s.store_id, f.* FROM stores s CROSS JOIN LATERAL (
    SELECT e.about, {{code}} AS code, {{value}} AS value FROM commerce_events e
     WHERE e.store_id = <s.store_id> AND e.state = 'refused'
     ORDER BY e.store_id, e.about, {{code}}, {{value}}, e.received_at, e.id LIMIT 1) f
   WHERE true AND <s>
  UNION ALL
  SELECT b.store_id, f.* FROM found b CROSS JOIN LATERAL (
    SELECT e.about, {{code}} AS code, {{value}} AS value FROM commerce_events e
     WHERE e.store_id = <b.store_id> AND e.state = 'refused'
       AND (e.about, {{code}}, {{value}}) > (b.about, b.code, b.value)
     ORDER BY e.store_id, e.about, {{code}}, {{value}}, e.received_at, e.id LIMIT 1) f)
 SELECT store_id, about AS operation, code, value, '' AS expected, NULL::timestamptz AS since
   FROM found LIMIT {{causes}}
