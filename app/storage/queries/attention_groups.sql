-- Count and describe the members of each cause of one source, at most {{most}} of each.
SELECT g.store_id, s.id AS store_uuid, s.name AS store_name, g.operation, g.code, g.value, g.expected,
       a.members, coalesce(g.since, a.oldest) AS oldest, a.deadline, a.sample
  FROM ({{causes}}) g
  JOIN stores s ON s.store_id = g.store_id
 CROSS JOIN LATERAL (
   SELECT count(*)::int AS members, min(m.since) AS oldest, min(m.deadline) AS deadline,
          jsonb_agg(jsonb_build_object(
            'key', m.key, 'id', m.id, 'order_id', m.order_id, 'number', m.number,
            'since', m.since, 'deadline', m.deadline, 'changed_at', m.changed_at,
            'message', m.message) ORDER BY m.key, m.id)
            FILTER (WHERE m.place <= 5) AS sample
     FROM (SELECT f.*, row_number() OVER (ORDER BY f.key, f.id) AS place
             FROM ({{members}}) f) m) a
 WHERE a.members > 0 OR g.since IS NOT NULL
 ORDER BY g.store_id, g.operation, g.code, g.value, g.expected
