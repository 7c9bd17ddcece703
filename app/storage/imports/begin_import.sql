-- Lease the import of a store, if it is due and no run has its lease.
INSERT INTO imports AS i (store_id, lease_token, leased_until)
VALUES (:store_id, :token, now() + make_interval(secs => :lease))
    ON CONFLICT (store_id) DO UPDATE
   SET started_at = now(), lease_token = excluded.lease_token,
       leased_until = excluded.leased_until, resume_at = NULL
 -- mutation: one-importer-per-store
 WHERE (i.leased_until IS NULL OR i.leased_until < now())
   AND (i.started_at <= now() - make_interval(secs => :every) OR i.resume_at <= now())
RETURNING i.read_until, i.returns_until, now() AS began_at
