-- Lease due updates of some stores to one poller, as many as each group's quota allows.

-- A store passes if its count of claims is still the one that the quotas were computed from: then
-- no other claim was made since, and none can be until the statement ends. A locked store is skipped.
WITH passed AS MATERIALIZED (
  SELECT p.store_id FROM unnest(:stores::int[], :claims::bigint[]) AS v(store_id, claims)
   CROSS JOIN LATERAL (
     SELECT l.store_id FROM lanes l
      -- mutation: claim-count-comparison
      WHERE l.store_id = <v.store_id> AND l.endpoint = '*' AND l.claims = v.claims
      -- mutation: claim-skips-locked-store
      LIMIT 1 FOR UPDATE SKIP LOCKED) p),
counted AS (
  -- mutation: claim-count-increment
  UPDATE lanes l SET claims = l.claims + 1
   WHERE l.store_id = ANY(ARRAY(SELECT store_id FROM passed)) AND <l> AND l.endpoint = '*'),
-- A shipment without an answer for longer than the quiet period, as in a backlog or a
-- restored backup, is stale: Walmart is read before it is sent (contract, promise 3). Other kinds
-- are read anyway, or may be sent twice. Each row is found by its key, whatever the planner expects.
picked AS MATERIALIZED (
  SELECT passed.store_id, p.*, w.ambiguous, w.lane, w.calls, w.may_write, w.most
    FROM passed
    JOIN unnest(:group_stores::int[], :kinds::text[], :ambiguous::bool[], :lanes::text[],
                :calls::int[], :may_write::bool[], :limits::int[])
         AS w(store_id, kind, ambiguous, lane, calls, may_write, most)
      ON w.store_id = passed.store_id
    CROSS JOIN (VALUES (true), (false)) AS r(urgent)
    CROSS JOIN LATERAL (
      SELECT u.id, u.state AS claimed_from, u.urgent, u.due_at,
             -- mutation: fresh-shipment-without-read
             -- mutation: restore-resends-no-shipment
             (u.kind = 'shipment' AND coalesce(u.known_at, u.created_at)
                    < now() - make_interval(secs => :quiet::float8)) AS stale
        FROM updates u
       WHERE u.store_id = <passed.store_id> AND u.kind = w.kind AND u.ambiguous = w.ambiguous
         -- mutation: order-updates-in-turn
         AND u.urgent = r.urgent AND u.active AND u.state IN ('pending', 'retrying', 'verifying')
         AND u.due_at <= now()
       ORDER BY u.due_at, u.id LIMIT w.calls
       FOR UPDATE SKIP LOCKED) p),
-- Updates of late orders come first, then those in doubt (a lane with an open circuit is not tried
-- with an update that was never sent), then the longest due. A lane's groups share its quota.
ranked AS (
  SELECT picked.*, row_number() OVER (
           PARTITION BY store_id, lane
           -- mutation: late-orders-first
           ORDER BY urgent DESC, ambiguous DESC, due_at, id) AS place
    FROM picked),
chosen AS (
  SELECT ranked.*, row_number() OVER (
           PARTITION BY store_id ORDER BY urgent DESC, ambiguous DESC, due_at, id) AS number
    FROM ranked WHERE place <= calls),
taken AS (
  UPDATE updates u
     SET state = 'sending', lease_token = :token, leased_by = :poller,
         leased_until = now() + make_interval(secs => :lease::float8),
         -- mutation: stale-shipment-read-back
         ambiguous = chosen.ambiguous OR chosen.stale,
         attempts = u.attempts + 1, updated_at = now()
    FROM chosen WHERE u.store_id = chosen.store_id AND <u> AND u.id = chosen.id
                  AND chosen.number <= chosen.most
  RETURNING u.store_id, u.id, u.order_id, u.kind, u.subject, u.payload, u.attempts, u.retries,
         u.reads, u.ambiguous, u.in_doubt_until, u.faults, u.failing_for, u.failing_since,
         u.created_at, u.request_id, u.traceparent, u.lease_token, u.leased_until,
         chosen.claimed_from, chosen.may_write)
SELECT passed.store_id AS of_store, taken.*, now() AS claimed_at, {{order}}
  FROM passed
  LEFT JOIN taken ON taken.store_id = passed.store_id
  LEFT JOIN orders o ON o.store_id = <taken.store_id> AND o.id = taken.order_id
