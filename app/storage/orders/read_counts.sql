-- Reads how many orders there are by status.
SELECT status, sum(orders)::bigint AS orders FROM (
  SELECT status, orders FROM order_counts {{of_store}}
  UNION ALL
  -- mutation: order-count-unfolded-changes
  SELECT status, orders FROM order_count_changes {{of_store}}) found
 GROUP BY status
