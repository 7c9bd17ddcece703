-- List stores with attempts that may be summed up.

-- Each store by its cursor and the key of attempts: counted attempts are not read. A store that was
-- delivered to has the lane of all calls, which is distributed as attempts are.
SELECT d.store_id FROM lanes d
  LEFT JOIN delivery_rollup_cursors c ON c.store_id = d.store_id
 CROSS JOIN LATERAL (
    SELECT FROM attempts a
     WHERE a.store_id = d.store_id AND a.id >= coalesce(c.next_id, :oldest) AND a.id < :edge
     LIMIT 1) due
 WHERE d.endpoint = '*' {{more}}
 GROUP BY d.store_id ORDER BY d.store_id LIMIT :stores
