-- Take some Commerce events that are due; each is due again later, so that the others have a turn.
WITH due AS MATERIALIZED (
  SELECT d.store_id, d.id <due> ORDER BY d.due_at LIMIT :batch FOR UPDATE OF d SKIP LOCKED)
UPDATE commerce_events e SET due_at = now() + make_interval(secs => :again)
  FROM due WHERE e.store_id = due.store_id AND e.id = due.id AND <e>
RETURNING e.id
