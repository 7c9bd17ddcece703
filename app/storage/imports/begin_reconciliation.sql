-- Lease the reconciliation of a store, if it is due and no run has its lease.
INSERT INTO reconciliations AS r (store_id, leased_until)
VALUES (:store_id, now() + make_interval(secs => :lease))
    ON CONFLICT (store_id) DO UPDATE
   SET started_at = now(), leased_until = excluded.leased_until
 WHERE (r.leased_until IS NULL OR r.leased_until < now())
   AND r.started_at <= now() - make_interval(secs => :every)
RETURNING store_id
