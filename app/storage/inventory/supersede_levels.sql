-- Dismiss older values of some levels that no poller holds.
UPDATE updates u
   SET state = 'dismissed', active = false, dismissed_by = 'waybill', note = :note,
       finished_at = now(), updated_at = now()
  FROM {{levels}}
 WHERE {{same}}
   -- mutation: older-levels-superseded
   AND u.state || '' IN ('pending', 'retrying', 'verifying', 'failed')
RETURNING q.subject, u.subject AS queue
