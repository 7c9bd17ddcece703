-- List the orders of open Commerce events with a code, and how many events are open, at most {{limit}}.
WITH open AS MATERIALIZED (
  SELECT s.store_id, f.order_id, f.code FROM stores s CROSS JOIN LATERAL (
    SELECT t.order_id, t.code FROM commerce_events t
     WHERE t.store_id = s.store_id AND t.state IN ('waiting', 'refused')
     ORDER BY t.id LIMIT {{limit}}) f
   WHERE {{store}} LIMIT {{limit}})
SELECT c.counted, f.store_id, f.order_id AS id FROM (SELECT count(*) AS counted FROM open) c
  LEFT JOIN open f ON f.code = :code::text
