-- Take a store with something to send: the rows of take_notifications.sql where tables are sharded.
WITH due AS MATERIALIZED (
  SELECT d.store_id, extract(epoch FROM now() - d.failing_since)::float AS failing_for <due>
   LIMIT :batch FOR UPDATE OF d SKIP LOCKED)
UPDATE notification_queues q SET due_at = now() + make_interval(secs => :lease)
  FROM due JOIN stores s USING (store_id) WHERE q.store_id = due.store_id AND <q>
RETURNING q.store_id, s.id, s.code, s.name, q.tries, due.failing_for
