-- Adds changes to the counts of orders.
WITH taken AS (
  DELETE FROM order_count_changes c
   USING (SELECT d.store_id, d.id <due>
           ORDER BY d.store_id, d.id LIMIT :batch FOR UPDATE SKIP LOCKED) old
   WHERE c.store_id = old.store_id AND c.id = old.id AND <c>
  RETURNING c.store_id, c.status, c.orders),
added AS (
  -- In one sequence everywhere, so that two pollers do not deadlock.
  INSERT INTO order_counts AS k (store_id, status, orders)
  SELECT <taken.store_id>, status, sum(orders) FROM taken
   GROUP BY taken.store_id, status ORDER BY taken.store_id, status
      -- mutation: order-count-fold-adds
      ON CONFLICT (store_id, status) DO UPDATE SET orders = k.orders + excluded.orders)
SELECT count(*) FROM taken
