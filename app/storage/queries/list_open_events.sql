-- List open Commerce events with their orders, at most {{limit}}.
SELECT s.store_id, f.order_id AS id, f.code, f.received_at AS key
  FROM stores s CROSS JOIN LATERAL (
    SELECT t.order_id, t.code, t.received_at FROM commerce_events t
     WHERE t.store_id = s.store_id AND t.state IN ('waiting', 'refused')
     ORDER BY t.id LIMIT {{limit}}) f
 WHERE {{store}} LIMIT {{limit}}
