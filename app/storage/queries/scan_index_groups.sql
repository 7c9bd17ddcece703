-- The groups of an index scan: a loose scan, with one probe of the index for each group.
seeds AS MATERIALIZED ({{seeds}}),
groups AS (
  SELECT b.store_id, f.* FROM seeds b CROSS JOIN LATERAL ({{first_group}}) f
  UNION ALL
  SELECT g.store_id, f.* FROM groups g CROSS JOIN LATERAL ({{next_group}}) f)
