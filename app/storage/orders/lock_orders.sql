-- Locks orders, in one sequence everywhere, so that transactions with several orders do not deadlock.
SELECT o.id FROM orders o
  JOIN unnest(:stores::int[], :ids::uuid[]) AS q(store_id, id)
    ON o.store_id = q.store_id AND o.id = q.id AND <o> AND <q>
 ORDER BY o.store_id, o.id FOR UPDATE OF o
