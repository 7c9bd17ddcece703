-- Count the returns of each card, at most {{most}} each, by an index of its own.

-- PostgreSQL does not see through the SELECT of a limit, so it expects a tenth and reads in order;
-- otherwise it would read and sort all rows of a store.
SELECT
 (SELECT count(*)::int FROM (SELECT FROM stores s CROSS JOIN LATERAL (
    SELECT FROM returns t WHERE t.store_id = <s.store_id> AND NOT t.refunded AND NOT t.closed
     ORDER BY t.store_id, t.created_at, t.id LIMIT (SELECT {{most}})) t
     WHERE true AND <s> LIMIT {{most}}) c) AS open,
 (SELECT count(*)::int FROM (SELECT FROM stores s CROSS JOIN LATERAL (
    SELECT FROM returns t WHERE t.store_id = <s.store_id> AND t.closed AND NOT t.refunded
     ORDER BY t.store_id, t.id LIMIT (SELECT {{most}})) t WHERE true AND <s> LIMIT {{most}}) c) AS closed,
 (SELECT count(*)::int FROM (SELECT FROM stores s CROSS JOIN LATERAL (
    SELECT FROM returns t WHERE t.store_id = <s.store_id> AND t.refunded
     ORDER BY t.store_id, t.refunded,
              coalesce(t.requested_at, '0001-01-01 00:00:00+00'::timestamptz), t.id
     LIMIT (SELECT {{most}})) t WHERE true AND <s> LIMIT {{most}}) c) AS refunded,
 (SELECT count(*)::int FROM (SELECT FROM stores s CROSS JOIN LATERAL (
    SELECT FROM returns t WHERE t.store_id = <s.store_id> AND t.arrived_at IS NOT NULL
       AND NOT t.refunded AND NOT t.closed
     ORDER BY t.store_id, t.arrived_at, t.id LIMIT (SELECT {{most}})) t
     WHERE true AND <s> LIMIT {{most}}) c) AS arrived,
 (SELECT min(t.arrived_at) FROM stores s CROSS JOIN LATERAL (
    SELECT t.arrived_at FROM returns t WHERE t.store_id = <s.store_id> AND t.arrived_at IS NOT NULL
       AND NOT t.refunded AND NOT t.closed
     ORDER BY t.store_id, t.arrived_at, t.id LIMIT 1) t WHERE true AND <s>) AS first_arrived,
 e.error, e.open_in_error, e.closed_in_error, e.first_error
  FROM (
   SELECT count(*)::int AS error, min(t.updated_at) AS first_error,
          (count(*) FILTER (WHERE NOT t.closed))::int AS open_in_error,
          (count(*) FILTER (WHERE t.closed))::int AS closed_in_error
     FROM ({{few}}) t WHERE NOT t.refunded) e
