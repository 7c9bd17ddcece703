-- Write lanes as they became.
UPDATE lanes l
   SET paused_until = coalesce(v.paused_until, '-infinity'), reason = v.reason,
       since = coalesce(v.since, l.since), tokens = v.tokens, replenish_at = v.replenish_at,
       seen_at = v.seen_at, answered = v.answered, failures = v.failures
  FROM jsonb_to_recordset(:changes::jsonb) AS v(store_id int, endpoint text,
       paused_until timestamptz, reason text, since timestamptz, tokens int,
       replenish_at timestamptz, seen_at timestamptz, answered boolean, failures int)
 WHERE l.store_id = v.store_id AND l.endpoint = v.endpoint AND <l> AND <v>
