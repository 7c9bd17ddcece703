-- The condition that an update u is of a level q.

-- A queue may hold levels of another SKU: before subjects were escaped, "A@n" and "A" at node "n"
-- shared one queue, and rows of that time are still in the table.
u.store_id = :store_id AND u.target = 'walmart' AND u.subject IN (q.subject, q.former)
   AND u.payload->>'sku' = q.sku AND u.payload->>'ship_node' IS NOT DISTINCT FROM q.ship_node
