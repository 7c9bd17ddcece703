-- Take some of a store's doubts that may end now; the next read of each is due later and later.
WITH due AS MATERIALIZED (
  SELECT id, now() AS at,
         now() + make_interval(
           secs => least(:longest::float8, :first::float8 * 2.0 ^ least(reads, 20))) AS again
    FROM updates
   WHERE store_id = :store_id AND in_doubt_until <= now()
     AND state IN ('confirmed', 'failed', 'dismissed') AND due_at <= now()
   ORDER BY in_doubt_until LIMIT :batch FOR UPDATE SKIP LOCKED)
UPDATE updates u SET reads = u.reads + 1, due_at = due.again
  FROM due WHERE u.store_id = :store_id AND u.id = due.id
RETURNING u.id, u.order_id, due.at
