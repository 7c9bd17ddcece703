-- Search the returns of some orders, by two indexes.
SELECT t.store_id, r.id FROM unnest(:stores::int[], :ids::uuid[]) AS q(store_id, id)
  JOIN orders t ON t.store_id = q.store_id AND t.id = q.id
 CROSS JOIN LATERAL ({{returns}}) AS r(id) LIMIT {{limit}}
