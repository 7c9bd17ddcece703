-- Take some stores with something to send, found one by one: a store may have very many.
WITH RECURSIVE with_errors AS (
  (SELECT n.store_id FROM notifications n ORDER BY n.store_id LIMIT 1)
  UNION ALL
  SELECT (SELECT n.store_id FROM notifications n WHERE n.store_id > t.store_id
           ORDER BY n.store_id LIMIT 1)
    FROM with_errors t WHERE t.store_id IS NOT NULL),
with_any AS (
  SELECT store_id FROM with_errors WHERE store_id IS NOT NULL
  UNION
  SELECT m.store_id FROM notification_messages m
   WHERE m.delivered_at IS NULL AND m.given_up_at IS NULL),
due AS MATERIALIZED (
  SELECT q.store_id, extract(epoch FROM now() - q.failing_since)::float AS failing_for
    FROM notification_queues q JOIN with_any USING (store_id)
   WHERE q.due_at <= now() ORDER BY q.due_at LIMIT :batch FOR UPDATE OF q SKIP LOCKED)
UPDATE notification_queues q SET due_at = now() + make_interval(secs => :lease)
  FROM due JOIN stores s USING (store_id) WHERE q.store_id = due.store_id
RETURNING q.store_id, s.id, s.code, s.name, q.tries, due.failing_for
