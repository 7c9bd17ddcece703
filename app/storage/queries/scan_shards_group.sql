-- Each store's own by its index. A server has the lanes of its stores, but all rows of stores.
SELECT l.store_id, e.key, e.id FROM lanes l CROSS JOIN LATERAL (
  SELECT {{selected}} AS key, t.id FROM {{table}} t
   WHERE {{where}} AND t.store_id = l.store_id{{same}} AND {{within}}
   ORDER BY {{order}} LIMIT {{limit}}) e
 WHERE l.endpoint = '*'
