-- Put some open or failed updates of a store in doubt, so that Walmart is read before they are sent.

-- rescue.sql treats the update of a lost poller alike. A failed update stays with its person.
WITH unsure AS MATERIALIZED (
  SELECT store_id, id FROM updates
   WHERE store_id = :store_id
     -- mutation: restore-doubts-failed-updates
     AND state IN ('pending', 'retrying', 'verifying', 'sending', 'failed')
     AND (state NOT IN ('verifying', 'failed') OR in_doubt_until IS NULL
          OR in_doubt_until < :until)
   LIMIT :batch FOR UPDATE)
UPDATE updates u
   SET state = CASE WHEN u.state = 'failed' THEN 'failed' ELSE 'verifying' END,
       -- mutation: restore-reads-before-send
       ambiguous = u.ambiguous OR (u.state <> 'failed' AND u.kind <> 'inventory'),
       in_doubt_until = greatest(u.in_doubt_until, :until), reads = 0,
       lease_token = NULL, leased_until = NULL, leased_by = NULL,
       due_at = CASE WHEN u.state = 'failed' THEN u.due_at ELSE :until END,
       updated_at = now()
  FROM unsure v WHERE u.store_id = :store_id AND v.store_id = :store_id AND u.id = v.id
RETURNING u.target, u.subject
