-- List the refunds of some returns.
SELECT f.* FROM unnest(:stores::int[], :ids::uuid[]) AS q(store_id, return_id)
 CROSS JOIN LATERAL (SELECT f.* FROM refunds f WHERE f.store_id = <q.store_id>
                        AND f.return_id = q.return_id OFFSET 0) f ORDER BY f.number
