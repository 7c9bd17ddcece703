-- Marks orders as warned of their ship-by time, except those with updates that are not urgent yet.
UPDATE orders o SET ship_by_warned_at = now(), updated_at = now()
  FROM unnest(:stores::int[], :orders::uuid[]) AS n(store_id, order_id)
 WHERE o.store_id = n.store_id AND o.id = n.order_id AND <o> AND <n>
   AND NOT EXISTS (SELECT FROM updates u
                    WHERE u.store_id = o.store_id AND u.order_id = o.id AND {{late}} AND <u>)
RETURNING o.store_id, o.id, o.ship_by
