-- Count orders of all stores that are to be shipped in a range of time, up to a limit, with the first date.

-- Few index entries for each store: orders that were warned of have an index by store, and all
-- others one of all stores together. Of each store the first one is read; only stores that have
-- one are counted. PostgreSQL does not see the limits, so it expects a tenth and reads in order.
WITH near AS MATERIALIZED (
  SELECT t.ship_by AS key FROM orders t
   WHERE {{unshipped}} AND t.ship_by_warned_at IS NULL
     AND t.ship_by >= :since::timestamptz AND t.ship_by < :until::timestamptz
   ORDER BY t.ship_by LIMIT (SELECT {{limit}})),
heads AS MATERIALIZED (
  SELECT l.store_id, f.key FROM lanes l CROSS JOIN LATERAL (
    SELECT t.ship_by AS key FROM orders t
     -- mutation: leaving-warned-of
     WHERE {{unshipped}} AND t.ship_by_warned_at IS NOT NULL AND t.store_id = l.store_id
       AND t.ship_by >= :since::timestamptz AND t.ship_by < :until::timestamptz
     ORDER BY t.store_id, t.ship_by, t.id LIMIT 1) f
   WHERE l.endpoint = '*')
SELECT count(*)::int AS count,
       least((SELECT min(key) FROM near), (SELECT min(key) FROM heads)) AS first
  FROM (
    SELECT FROM near UNION ALL
    SELECT FROM heads h CROSS JOIN LATERAL (
      SELECT FROM orders t
       WHERE {{unshipped}} AND t.ship_by_warned_at IS NOT NULL AND t.store_id = h.store_id
         AND t.ship_by >= :since::timestamptz AND t.ship_by < :until::timestamptz
       ORDER BY t.store_id, t.ship_by, t.id LIMIT (SELECT {{limit}})) e
    LIMIT {{limit}}) page
