-- List stores that have a due webhook event and whose Walmart may be read, the longest overdue first.

-- Stores one by one by the index, so that a store with a million events costs no more than another.
WITH RECURSIVE s AS (
  (SELECT store_id FROM webhook_events WHERE processed_at IS NULL ORDER BY store_id LIMIT 1)
  UNION ALL
  SELECT (SELECT w.store_id FROM webhook_events w
           WHERE w.processed_at IS NULL AND w.store_id > s.store_id
           ORDER BY w.store_id LIMIT 1)
    FROM s WHERE s.store_id IS NOT NULL)
SELECT s.store_id FROM s
  CROSS JOIN LATERAL (
    SELECT w.due_at FROM webhook_events w
     WHERE w.store_id = s.store_id AND w.processed_at IS NULL
     ORDER BY w.due_at LIMIT 1) oldest
 WHERE s.store_id IS NOT NULL AND oldest.due_at <= now()
   AND NOT EXISTS (SELECT FROM lanes l WHERE l.store_id = s.store_id
                      -- mutation: no-events-from-paused-lane
                      AND l.endpoint IN ('*', 'read_order') AND l.paused_until > now())
 ORDER BY oldest.due_at
