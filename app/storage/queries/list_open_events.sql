-- List the orders of open Commerce events with a code, and how many events are open, at most {{limit}}.

-- Each store has the lane of all calls, which is on the server of the store where tables are sharded.
WITH open AS MATERIALIZED (
  SELECT l.store_id, f.order_id, f.code FROM lanes l CROSS JOIN LATERAL (
    SELECT t.order_id, t.code FROM commerce_events t
     WHERE t.store_id = <l.store_id> AND t.state IN ('waiting', 'refused')
     ORDER BY t.id LIMIT {{limit}}) f
   WHERE l.endpoint = '*' AND <l> LIMIT {{limit}})
SELECT c.counted, f.store_id, f.order_id AS id FROM (SELECT count(*) AS counted FROM open) c
  LEFT JOIN open f ON f.code = :code::text
