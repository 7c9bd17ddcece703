-- List each group (store, kind, ambiguous) that has an open update, with the seconds until it is due.

-- A loose index scan: one probe of the index for each group that has anything, and two probes for
-- each to find its first due update.
WITH RECURSIVE found AS (
  (SELECT store_id, kind, ambiguous FROM updates
    WHERE active AND state IN ('pending', 'retrying', 'verifying')
    ORDER BY store_id, kind, ambiguous LIMIT 1)
  UNION ALL
  SELECT n.store_id, n.kind, n.ambiguous FROM found g CROSS JOIN LATERAL (
    SELECT u.store_id, u.kind, u.ambiguous FROM updates u
     WHERE u.active AND u.state IN ('pending', 'retrying', 'verifying')
       AND (u.store_id, u.kind, u.ambiguous) > (g.store_id, g.kind, g.ambiguous)
     ORDER BY u.store_id, u.kind, u.ambiguous LIMIT 1) n)
SELECT g.store_id, g.kind, g.ambiguous,
       extract(epoch FROM greatest(first.due_at, everything.paused_until) - now())::float AS due_in
  FROM found g
  CROSS JOIN LATERAL (SELECT min(each.due_at) AS due_at
         FROM (VALUES (true), (false)) AS r(urgent)
         CROSS JOIN LATERAL (SELECT u.due_at FROM updates u
                WHERE u.store_id = g.store_id AND u.kind = g.kind
                  AND u.ambiguous = g.ambiguous AND u.urgent = r.urgent
                  AND u.active AND u.state IN ('pending', 'retrying', 'verifying')
                ORDER BY u.due_at LIMIT 1) each) first
  LEFT JOIN lanes everything
    ON everything.store_id = g.store_id AND everything.endpoint = '*'
   AND g.kind <> 'commerce_note'
