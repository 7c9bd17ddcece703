-- List lanes, in the same order everywhere, so that transactions that lock several do not deadlock.
SELECT l.store_id, l.endpoint, {{lane}}
  FROM lanes l
  JOIN unnest(:stores::int[], :endpoints::text[]) AS q(store_id, endpoint)
    ON l.store_id = q.store_id AND l.endpoint = q.endpoint AND <l> AND <q>
 ORDER BY l.store_id, l.endpoint
