-- The rows of list_stores_with_events.sql where tables are sharded: each server reads its open events.
SELECT w.store_id FROM webhook_events w
 WHERE w.processed_at IS NULL
   AND NOT EXISTS (SELECT FROM lanes l WHERE l.store_id = w.store_id
                      AND l.endpoint IN ('*', 'read_order') AND l.paused_until > now())
 GROUP BY w.store_id HAVING min(w.due_at) <= now() ORDER BY min(w.due_at)
