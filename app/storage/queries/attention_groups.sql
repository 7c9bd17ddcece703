-- Count and describe the members of each cause of one source.

-- Of each cause at most {{least}} are read. The causes that have more then share what may be counted
-- of all of them together, which is {{most}}, unless their shares are hardly larger.
WITH causes AS MATERIALIZED ({{causes}}),
few AS MATERIALIZED (
  SELECT g.*, a.* FROM causes g CROSS JOIN LATERAL (
    SELECT count(*)::int AS members, min(m.since) AS oldest, min(m.deadline) AS deadline{{sample}}
      FROM (SELECT f.*, row_number() OVER (ORDER BY f.key, f.id) AS place FROM ({{few}}) f) m) a),
share AS MATERIALIZED (
  -- mutation: attention-shares
  SELECT CASE WHEN {{most}} > 2 * {{least}} * count(*) THEN {{most}} / greatest(count(*), 1)
              ELSE {{least}} END + 1 AS limit_of_each
    FROM few WHERE members > {{least}})
SELECT g.store_id, s.id AS store_uuid, s.name AS store_name, g.operation, g.code, g.value, g.expected,
       least(greatest(g.members, a.members), (SELECT limit_of_each - 1 FROM share))::int AS members,
       greatest(g.members, a.members) >= (SELECT limit_of_each FROM share) AS at_least,
       coalesce(g.since, least(g.oldest, a.oldest)) AS oldest,
       least(g.deadline, a.deadline) AS deadline{{sampled}}
  FROM few g
  JOIN stores s ON s.store_id = g.store_id
 CROSS JOIN LATERAL (
   SELECT count(*)::int AS members, min(m.since) AS oldest, min(m.deadline) AS deadline
     FROM ({{more}}) m
    WHERE g.members > {{least}} AND (SELECT limit_of_each FROM share) > {{least}} + 1) a
 WHERE g.members > 0 OR g.since IS NOT NULL
 ORDER BY g.store_id, g.operation, g.code, g.value, g.expected
