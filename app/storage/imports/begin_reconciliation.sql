-- Begin another reconciliation of a store that is due, unless one is running.
UPDATE reconciliations r
   SET started_at = now(), leased_until = now() + make_interval(secs => :lease)
 WHERE r.store_id = :store_id AND (r.leased_until IS NULL OR r.leased_until < now())
   AND r.started_at <= now() - make_interval(secs => :every)
RETURNING r.store_id
