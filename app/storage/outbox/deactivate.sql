-- Deactivates updates that are no longer the next ones of their subjects.
UPDATE updates u SET active = false
  FROM unnest(:stores::int[], :targets::text[], :subjects::text[])
         AS q(store_id, target, subject)
 WHERE u.store_id = q.store_id AND u.target = q.target AND u.subject = q.subject
   -- mutation: order-updates-index
   AND <u> AND <q> AND u.active::int = 1 AND NOT EXISTS (SELECT 1 FROM ({{next}}) n
                                 WHERE n.store_id = u.store_id AND n.id = u.id)
