-- Queue new values of some levels.

-- The time is the clock's, read under the lock: of two transactions the later one is the newer.
INSERT INTO updates (store_id, id, subject, order_id, kind, sequence, payload, active,
                     requested_by, request_id, traceparent, due_at)
SELECT :store_id::int, q.id, q.subject, :order_id::uuid, 'inventory', coalesce(k.last, 0) + 1,
       q.payload || jsonb_build_object('given_at', coalesce(q.given_at, clock_timestamp())),
       NOT coalesce(k.under_way, false), :actor::text, :request_id::text,
       :traceparent::text, now()
  FROM {{levels}}
 CROSS JOIN LATERAL (
   SELECT max(u.sequence) FILTER (WHERE u.subject = q.subject) AS last,
          bool_or(u.active) FILTER (WHERE u.subject = q.subject) AS under_way
     FROM updates u WHERE u.store_id = :store_id AND u.target = 'walmart'
      AND u.subject IN (q.subject, q.former)) k
