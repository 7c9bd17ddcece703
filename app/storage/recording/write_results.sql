-- Write the results of deliveries to updates that still have their lease, and every attempt.

-- One JSON value for all rows: to bind each column of each row costs several times as much. Times
-- are computed with the values: Citus takes none that an UPDATE computes from a row or in a CASE.
WITH changed AS (
  UPDATE updates u
     SET state = v.state, due_at = v.due_at,
         active = u.active AND v.state NOT IN ('confirmed', 'failed', 'dismissed'),
         retries = v.retries, reads = v.reads, ambiguous = v.ambiguous, faults = v.faults,
         in_doubt_until = CASE WHEN v.doubt = 'begin'
                                 THEN greatest(v.doubted_until, u.in_doubt_until)
                               WHEN v.doubt = 'keep' THEN u.in_doubt_until END,
         known_at = CASE WHEN v.known THEN v.at ELSE u.known_at END,
         failing_for = v.failing_for,
         failing_since = CASE WHEN v.failing THEN v.at END,
         last_error = v.last_error,
         lease_token = NULL, leased_until = NULL, leased_by = NULL, updated_at = now(),
         finished_at = CASE WHEN v.state IN ('confirmed', 'failed') THEN v.at END
    FROM (SELECT r.*, now() AS at, now() + make_interval(secs => r.due_in) AS due_at,
                 now() + make_interval(secs => r.quiet) AS doubted_until
            FROM jsonb_to_recordset(:changes::jsonb) AS r(store_id int, id uuid, lease_token uuid,
                 state text, due_in float, retries int, reads int, ambiguous boolean,
                 faults int, doubt text, quiet float, known boolean, failing_for float,
                 failing boolean, last_error jsonb)) v
   -- mutation: lease-token-on-record
   WHERE u.store_id = v.store_id AND u.id = v.id AND u.lease_token = v.lease_token
     AND <u> AND <v>
  RETURNING u.store_id, u.id, u.target, u.subject, u.in_doubt_until),
kept AS (
  INSERT INTO attempts (store_id, id, update_id, order_id, number, poller, started_at,
                        ended_at, verdict, detail, calls, request_id, traceparent)
  SELECT <v.store_id>, v.id, v.update_id, v.order_id, v.number, v.poller, v.started_at,
         v.ended_at, CASE WHEN c.id IS NULL THEN 'lease_lost' ELSE v.verdict END, v.detail,
         v.calls, v.request_id, v.traceparent
    FROM jsonb_to_recordset(:attempts::jsonb) AS v(store_id int, id uuid, update_id uuid,
         order_id uuid, number int, poller text, started_at timestamptz, ended_at timestamptz,
         verdict text, detail text, calls jsonb, request_id text, traceparent text)
    LEFT JOIN changed c ON c.store_id = v.store_id AND c.id = v.update_id
      -- mutation: repeated-result-single-attempt
      ON CONFLICT (store_id, id) DO NOTHING)
SELECT store_id, id, target, subject, in_doubt_until FROM changed
