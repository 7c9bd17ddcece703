-- List the SKUs of refunds whose store's Commerce can be asked for stock.
SELECT f.store_id, f.order_id, jsonb_agg(DISTINCT l->>'sku') AS skus
  FROM refunds f
  JOIN unnest(:stores::int[], :ids::uuid[]) AS q(store_id, id)
    ON f.store_id = q.store_id AND f.update_id = q.id AND <f> AND <q>
  JOIN stores s ON s.store_id = f.store_id AND s.commerce_stock_id IS NOT NULL
  JOIN returns r ON r.store_id = f.store_id AND r.id = f.return_id
 CROSS JOIN LATERAL jsonb_array_elements(f.items) i
  JOIN LATERAL jsonb_array_elements(r.lines) l ON l->'number' = i->'number'
 WHERE l->>'sku' <> ''
 GROUP BY f.store_id, f.order_id, f.update_id
 ORDER BY f.store_id, f.update_id
