-- Count the updates that are not at rest, failed ones included: all, due and urgent ones.

-- Each store has the lane of all calls, on the server that has its updates where tables are sharded.
-- Each store's by an index: PostgreSQL may believe that more updates are open than there are.
SELECT o.kind, o.state, count(*) AS updates, count(*) FILTER (WHERE o.due) AS due,
       count(*) FILTER (WHERE o.urgent) AS urgent,
       coalesce(max(extract(epoch FROM now() - o.due_at)) FILTER (WHERE o.due), 0)::float
         AS oldest_due
  FROM lanes l CROSS JOIN LATERAL (
    SELECT u.kind, u.state, u.urgent, u.due_at,
           u.active AND u.state <> 'sending' AND u.due_at < now() AS due
      FROM updates u WHERE u.store_id = l.store_id
       AND u.state IN ('pending', 'sending', 'retrying', 'verifying', 'failed') OFFSET 0) o
 WHERE l.endpoint = '*' GROUP BY o.kind, o.state
