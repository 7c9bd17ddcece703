-- Read by which phase of a list, and where in it, some orders come; those that are filtered out are not.

-- Each order is looked up by itself; otherwise PostgreSQL reads a table that it believes to be small.
SELECT t.store_id, t.id, {{phase}} AS phase, {{key}} AS key
  FROM unnest(:stores::int[], :ids::uuid[]) AS q(store_id, id)
 CROSS JOIN LATERAL (SELECT t.* FROM orders t
                      WHERE t.store_id = <q.store_id> AND t.id = q.id OFFSET 0) t
 WHERE {{among}}
