-- List some orders by their keys.
SELECT {{rows}} FROM unnest(:stores::int[], :ids::uuid[]) AS q(store_id, id)
 CROSS JOIN LATERAL (SELECT t.* FROM orders t
                      WHERE t.store_id = <q.store_id> AND t.id = q.id OFFSET 0) t
  JOIN stores s ON s.store_id = t.store_id
