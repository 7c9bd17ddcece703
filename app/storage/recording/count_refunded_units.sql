-- Count the units that refunds have requested, by return and line number.
SELECT r.return_order_id, (i->>'number')::int AS number, sum((i->>'quantity')::int) AS units
  FROM refunds f
  JOIN returns r ON r.store_id = :store_id AND r.id = f.return_id
 CROSS JOIN LATERAL jsonb_array_elements(f.items) i
 WHERE f.store_id = :store_id AND r.return_order_id = ANY(:numbers::text[])
 GROUP BY 1, 2
