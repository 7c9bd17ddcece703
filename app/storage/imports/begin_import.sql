-- Begin another import of a store that is due, unless one is running.
UPDATE imports i
   SET started_at = now(), lease_token = :token,
       leased_until = now() + make_interval(secs => :lease), resume_at = NULL
 -- mutation: one-importer-per-store
 WHERE i.store_id = :store_id AND (i.leased_until IS NULL OR i.leased_until < now())
   AND (i.started_at <= now() - make_interval(secs => :every) OR i.resume_at <= now())
RETURNING i.read_until, i.returns_until, i.started_at AS began_at
