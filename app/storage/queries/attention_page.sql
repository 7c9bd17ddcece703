-- List members of one cause behind a key, the first of its order first.
SELECT m.* FROM (
  SELECT CAST(:store_id AS int) AS store_id, CAST(:operation AS text) AS operation,
         CAST(:code AS text) AS code, CAST(:value AS text) AS value,
         CAST(:expected AS text) AS expected) g
 CROSS JOIN LATERAL ({{members}}) m ORDER BY m.key, m.id
