-- List cancellations with the stock levels that they gave, and the SKUs that Commerce can be asked for.
SELECT c.store_id, c.order_id, c.update_id, c.inventory, c.created_at,
       (SELECT coalesce(jsonb_agg(DISTINCT l.sku), '[]') FROM order_lines l, stores s
         WHERE s.store_id = <c.store_id> AND s.commerce_stock_id IS NOT NULL
           AND l.store_id = <c.store_id> AND l.order_id = c.order_id) AS readable
  FROM cancellations c
  JOIN unnest(:stores::int[], :ids::uuid[]) AS q(store_id, id)
    ON c.store_id = q.store_id AND c.update_id = q.id AND <c> AND <q>
