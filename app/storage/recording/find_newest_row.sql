-- Find the time of the newest row, by columns that have an index.

-- What changes an update without a new row there leaves an attempt.
-- mutation: newest-row-of-any-kind
SELECT greatest(written.at, tried.at) FROM (
  SELECT greatest(max(o.at), max(u.at)) AS at FROM lanes l
   CROSS JOIN LATERAL (SELECT max(updated_at) AS at FROM orders WHERE store_id = l.store_id) o
   CROSS JOIN LATERAL (SELECT max(created_at) AS at FROM updates WHERE store_id = l.store_id) u
   WHERE l.endpoint = '*') written,
  (SELECT max(ended_at) AS at FROM attempts) tried
