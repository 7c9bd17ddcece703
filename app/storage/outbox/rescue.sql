-- Take updates back whose lease has ended; they are in doubt until :quiet seconds after its end.
WITH lapsed AS MATERIALIZED (
  SELECT d.store_id, d.id, d.leased_by, d.leased_until,
         d.leased_until + make_interval(secs => :quiet) AS until <due>
   ORDER BY d.leased_until LIMIT :limit FOR UPDATE SKIP LOCKED)
UPDATE updates u
   -- mutation: lost-poller-may-have-sent
   SET state = 'verifying', ambiguous = (u.kind <> 'inventory'),
       in_doubt_until = greatest(u.in_doubt_until, lapsed.until), reads = 0,
       lease_token = NULL, leased_until = NULL, leased_by = NULL,
       due_at = now(), updated_at = now()
  FROM lapsed WHERE u.store_id = lapsed.store_id AND u.id = lapsed.id AND <u>
RETURNING u.store_id, u.id, u.order_id, u.attempts, u.request_id, u.traceparent,
          lapsed.leased_by, lapsed.leased_until
