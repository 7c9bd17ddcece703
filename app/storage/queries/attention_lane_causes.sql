-- Why calls of a store are stopped until a person acts, each reason once.
SELECT l.store_id, '' AS operation, l.reason AS code, '' AS value, '' AS expected, min(l.since) AS since
  FROM lanes l
 WHERE l.reason = ANY(:blocked::text[]) AND l.endpoint = ANY(:endpoints::text[])
   AND (l.paused_until > now() OR l.failures >= :failures::int) AND <l>
 GROUP BY l.store_id, l.reason
