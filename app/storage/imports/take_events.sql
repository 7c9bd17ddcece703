-- Take a few due webhook events of a store; the next attempt of each is due later and later.
WITH due AS MATERIALIZED (
  SELECT event_id,
         now() + make_interval(secs => least(:longest::float8, :first::float8 * 2 ^ tries)) AS again
    FROM webhook_events
   WHERE store_id = :store_id AND processed_at IS NULL AND due_at <= now()
   -- mutation: webhook-events-skip-locked
   ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED)
UPDATE webhook_events w
   SET tries = w.tries + 1, due_at = due.again
  FROM due WHERE w.store_id = :store_id AND w.event_id = due.event_id
RETURNING w.store_id, w.event_id, w.purchase_order_id, w.return_order_id, w.tries
