-- Count the causes of one source that have a member.
SELECT count(*)::int AS causes FROM ({{causes}}) g
  LEFT JOIN LATERAL ({{members}}) m ON true
 WHERE m.id IS NOT NULL OR g.since IS NOT NULL
