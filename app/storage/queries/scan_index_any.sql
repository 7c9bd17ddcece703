-- Some rows of all groups of an index scan, in no order; nothing is read beyond the limit.
page AS MATERIALIZED (SELECT g.store_id, e.key, e.id FROM groups g
          CROSS JOIN LATERAL ({{range}}) e LIMIT {{limit}})
