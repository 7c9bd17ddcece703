-- List stores with what waits, what failed and what is stopped, each counted up to a bound.

-- Each store's by partial indexes of open rows.
SELECT s.store_id, waiting.count AS waiting, oldest.at AS oldest_at, failed.count AS failed,
       stopped.blocked, stopped.paused
  FROM stores AS s
 CROSS JOIN LATERAL (
    SELECT count(*) FROM (
      SELECT FROM updates AS u WHERE u.store_id = <s.store_id>
         AND u.state IN ('pending', 'sending', 'retrying', 'verifying') LIMIT :most) AS u) AS waiting
 CROSS JOIN LATERAL (
    SELECT min(u.created_at) AS at
      FROM unnest(CASE WHEN waiting.count > 0
                       THEN ARRAY['pending', 'sending', 'retrying', 'verifying'] END) AS w (state)
     CROSS JOIN unnest(:kinds::text[]) AS k (kind)
     CROSS JOIN LATERAL (
        SELECT created_at FROM updates AS o
         WHERE o.store_id = <s.store_id> AND o.state = w.state AND o.kind = k.kind
         ORDER BY created_at, id LIMIT 1) AS u) AS oldest
 CROSS JOIN LATERAL (
    SELECT count(*) FROM (
      SELECT FROM updates AS u
       WHERE u.store_id = <s.store_id> AND u.state = 'failed' LIMIT :most) AS u) AS failed
 CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE l.reason = ANY(:blocked::text[])) AS blocked, count(*) AS paused
      FROM lanes AS l
     WHERE l.store_id = <s.store_id> AND l.reason <> ''
       AND (l.paused_until > now() OR l.failures >= :failures)) AS stopped
 WHERE true AND <s>
