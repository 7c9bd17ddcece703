-- Loads orders as the rules need them.
SELECT {{columns}}
  FROM unnest(:stores::int[], :ids::uuid[]) AS q(store_id, id)
  JOIN orders o ON o.store_id = q.store_id AND o.id = q.id AND <o> AND <q>
