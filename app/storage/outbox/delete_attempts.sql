-- Delete old attempts behind a position, and return the position and the counts of this batch.

-- The attempts of an update that is not at rest stay, however old: they say why it is not. A sweep
-- passes them once and does not look at them again in each batch.
WITH looked AS MATERIALIZED (
  SELECT d.store_id, d.id, d.update_id, d.ended_at <due> AND d.ended_at >= :at
     AND (d.ended_at, d.store_id, d.id) > (:at, :after_store, :id)
   ORDER BY d.ended_at, d.store_id, d.id LIMIT :batch FOR UPDATE SKIP LOCKED),
gone AS (
  DELETE FROM attempts a USING looked l
   WHERE a.store_id = l.store_id AND a.id = l.id AND <a>
     AND NOT EXISTS (SELECT FROM updates u
          WHERE u.store_id = <l.store_id> AND u.id = l.update_id
            -- mutation: attempts-of-failed-update
            AND u.state NOT IN ('confirmed', 'dismissed'))
  RETURNING a.id)
SELECT ended_at, store_id, id, (SELECT count(*) FROM gone) AS gone,
       (SELECT count(*) FROM looked) AS looked
  FROM looked ORDER BY ended_at DESC, store_id DESC, id DESC LIMIT 1
