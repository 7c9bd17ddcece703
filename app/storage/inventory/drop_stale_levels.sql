-- Dismiss claimed levels that have a newer value by now.
UPDATE updates o
   SET state = 'dismissed', active = false, dismissed_by = 'waybill', note = :note,
       lease_token = NULL, leased_until = NULL, leased_by = NULL,
       finished_at = now(), updated_at = now()
  FROM {{levels}}
 WHERE o.store_id = :store_id AND o.id = q.id
   AND EXISTS (SELECT FROM updates u
                WHERE {{same}}
                  AND CASE WHEN u.subject = o.subject THEN u.sequence > o.sequence
                           ELSE u.subject = q.subject END)
RETURNING o.id, o.target, o.subject
