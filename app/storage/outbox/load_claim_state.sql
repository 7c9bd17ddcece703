-- Load what a claim is based on: the stores' credentials, calls in flight, lanes and claim counts.

-- Only updates with calls in flight count: one whose lease is about to end (:silent seconds) is
-- held by a poller that makes no calls any more. They are counted once for all stores, because the
-- index of what is being sent is long while an old transaction is open. Each other row is looked
-- up by its key, whatever the planner expects of tables that are still small. A poller of an older
-- version, which may run beside this one for a while, has lanes of other names.
WITH sending AS MATERIALIZED (
  SELECT f.store_id, jsonb_agg(jsonb_build_array(f.kind, f.ambiguous, f.updates)) AS under_way
    FROM (SELECT u.store_id, u.kind, u.ambiguous, count(*) AS updates FROM updates u
           WHERE u.store_id = ANY(:stores::int[]) AND <u> AND u.state = 'sending'
             AND u.leased_until > now() + make_interval(secs => :silent::float8)
           GROUP BY u.store_id, u.kind, u.ambiguous) f
   GROUP BY f.store_id)
SELECT now() AS at, s.store_id, s.walmart_client_id, s.walmart_client_secret, s.market,
       s.charge_amount_is,       n.under_way, l.endpoint, l.claims, {{lane}}
  FROM unnest(:stores::int[]) AS q(store_id)
  CROSS JOIN LATERAL (SELECT * FROM stores c WHERE c.store_id = <q.store_id> LIMIT 1) s
  LEFT JOIN sending n ON n.store_id = s.store_id
  LEFT JOIN LATERAL (SELECT * FROM lanes k WHERE k.store_id = <q.store_id>
                        AND k.endpoint = ANY(:endpoints::text[]) OFFSET 0) l ON true
