-- List stores whose import is due, the longest ago first.
SELECT s.store_id FROM stores s
  LEFT JOIN imports i ON i.store_id = s.store_id
 WHERE i.store_id IS NULL
    OR ((i.leased_until IS NULL OR i.leased_until < now())
        AND (i.started_at <= now() - make_interval(secs => :every) OR i.resume_at <= now()))
 ORDER BY i.started_at NULLS FIRST LIMIT :limit
