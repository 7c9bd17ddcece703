-- The page of an index scan with several groups, merged.

-- Of each group the first few rows are read. Where these together fill the page, nothing behind its
-- last row is needed, and most groups have given everything that they have before it.
heads AS MATERIALIZED (
  SELECT g.store_id{{names}}, e.key, e.id, e.place FROM groups g CROSS JOIN LATERAL (
    SELECT f.*, row_number() OVER () AS place FROM ({{head}}) f) e),
bound AS MATERIALIZED (
  SELECT h.key, h.id FROM heads h
   -- mutation: merged-list-page-bound
   ORDER BY h.key {{direction}}, h.id {{direction}} OFFSET {{limit}} - 1 LIMIT 1),
page AS (
  SELECT e.store_id, e.key, e.id FROM (
    SELECT store_id, key, id FROM heads
    UNION ALL
    SELECT h.store_id, e.key, e.id FROM heads h LEFT JOIN bound b ON true
     CROSS JOIN LATERAL ({{rest}}) e
     -- mutation: merged-list-beyond-first-rows
     WHERE h.place = {{first}} AND (b.id IS NULL OR (h.key, h.id) {{before}} (b.key, b.id))) e
  ORDER BY e.key {{direction}}, e.id {{direction}} LIMIT {{limit}})
