-- Postpone the next attempt to read an order, twice as long after each failure.
INSERT INTO import_retries AS r (store_id, purchase_order_id, reason, due_at)
VALUES (:store_id, :number, :reason, now() + make_interval(secs => :first::float8))
    ON CONFLICT (store_id, purchase_order_id) DO UPDATE
   SET reason = excluded.reason, tries = r.tries + 1,
       due_at = now() + make_interval(
         secs => least(:longest::float8, :first::float8 * 2.0 ^ least(r.tries, 20)))
RETURNING tries
