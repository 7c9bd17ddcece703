-- Count the updates that are not at rest, failed ones included, and how long the oldest is overdue.

-- Each store's by an index: PostgreSQL may believe that more updates are open than there are.
SELECT u.kind, u.state, count(*) AS updates,
       coalesce(max(extract(epoch FROM now() - u.due_at))
                FILTER (WHERE u.active AND u.state <> 'sending' AND u.due_at < now()), 0)::float
         AS oldest_due
  FROM stores s CROSS JOIN LATERAL (
    SELECT kind, state, active, due_at FROM updates WHERE store_id = s.store_id
       AND state IN ('pending', 'sending', 'retrying', 'verifying', 'failed') OFFSET 0) u
 GROUP BY u.kind, u.state
