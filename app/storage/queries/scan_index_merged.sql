-- The page of an index scan with several groups, merged.

-- Of each group the first few rows are read. Where these together fill the page, nothing behind its
-- last row is needed, and most groups have given everything that they have before it. Each group
-- that may have more then gives about twice its share of the page; where the groups have rows in
-- much the same places, these fill the page. Only what lies before the end of that is read further.
heads AS MATERIALIZED (
  SELECT g.store_id{{names}}, e.key, e.id, e.place FROM groups g CROSS JOIN LATERAL (
    SELECT f.*, row_number() OVER () AS place FROM ({{head}}) f) e),
bound AS MATERIALIZED (
  SELECT h.key, h.id FROM heads h
   -- mutation: merged-list-page-bound
   ORDER BY h.key {{direction}}, h.id {{direction}} OFFSET {{limit}} - 1 LIMIT 1),
share AS MATERIALIZED (
  -- mutation: merged-list-shares
  SELECT 1 + 2 * {{limit}} / greatest(count(*), 1) AS most FROM heads WHERE place = {{first}}),
shares AS MATERIALIZED (
  SELECT h.store_id{{more_names}}, e.key, e.id, e.place FROM heads h LEFT JOIN bound b ON true
   CROSS JOIN LATERAL (SELECT f.*, row_number() OVER () AS place FROM ({{more}}) f) e
   -- mutation: merged-list-beyond-first-rows
   WHERE h.place = {{first}} AND (b.id IS NULL OR (h.key, h.id) {{before}} (b.key, b.id))),
last AS MATERIALIZED (
  SELECT f.key, f.id FROM (
    SELECT key, id FROM heads UNION ALL SELECT key, id FROM shares) f
   ORDER BY f.key {{direction}}, f.id {{direction}} OFFSET {{limit}} - 1 LIMIT 1),
page AS (
  SELECT e.store_id, e.key, e.id FROM (
    SELECT store_id, key, id FROM heads
    UNION ALL
    SELECT store_id, key, id FROM shares
    UNION ALL
    SELECT h.store_id, e.key, e.id FROM shares h LEFT JOIN last b ON true
     CROSS JOIN LATERAL ({{rest}}) e
     -- mutation: merged-list-beyond-shares
     WHERE h.place = (SELECT most FROM share) AND (b.id IS NULL OR (h.key, h.id) {{before}} (b.key, b.id))
    ) e
  ORDER BY e.key {{direction}}, e.id {{direction}} LIMIT {{limit}})
