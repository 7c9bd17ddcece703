-- List stores with their imports, announcements and comparisons.
SELECT s.store_id, s.id, s.name, s.code, s.market, s.webhooks_since, e.received_at,
       i.store_id AS importing, i.finished_at, i.read_until, i.stopped, i.unreadable,
       r.finished_at AS compared_at, r.orders, r.repaired, r.stopped AS comparison_stopped,
       (SELECT coalesce(sum(d.value::int), 0) FROM jsonb_each_text(r.drift) AS d) AS differences
  FROM stores AS s
  LEFT JOIN imports AS i ON i.store_id = <s.store_id>
  LEFT JOIN reconciliations AS r ON r.store_id = <s.store_id>
  LEFT JOIN LATERAL (
    SELECT w.received_at FROM webhook_events AS w WHERE w.store_id = <s.store_id>
     ORDER BY w.received_at DESC LIMIT 1) AS e ON true
 WHERE s.store_id = ANY(:stores::int[]) AND <s>
