-- The page of an index scan with one group.
page AS (SELECT g.store_id, e.key, e.id FROM groups g
          CROSS JOIN LATERAL ({{range}}) e
          ORDER BY e.key {{direction}}, e.id {{direction}} LIMIT {{limit}})
