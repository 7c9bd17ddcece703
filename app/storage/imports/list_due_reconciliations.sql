-- List stores whose reconciliation is due, the longest ago first.
SELECT s.store_id FROM stores s
  LEFT JOIN reconciliations r ON r.store_id = s.store_id
 WHERE r.store_id IS NULL
    OR ((r.leased_until IS NULL OR r.leased_until < now())
        AND r.started_at <= now() - make_interval(secs => :every))
 ORDER BY r.started_at NULLS FIRST LIMIT 100
