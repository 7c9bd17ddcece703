-- The returns in error: unreadable ones, and those with a failed refund.

-- It starts from the failed refunds: a scan of the returns in order would read on until it found
-- enough of them.
SELECT t.* FROM (
  SELECT DISTINCT f.store_id, f.return_id FROM stores s
   CROSS JOIN LATERAL (SELECT u.store_id, u.id FROM updates u WHERE u.store_id = <s.store_id>
                          AND u.state = 'failed' AND u.kind = 'refund' OFFSET 0) u
   CROSS JOIN LATERAL (SELECT f.store_id, f.return_id FROM refunds f
                        WHERE f.store_id = <s.store_id> AND f.update_id = u.id OFFSET 0) f
   WHERE true AND <s>
   UNION
   SELECT r.store_id, r.id FROM returns r
    WHERE r.import_error IS NOT NULL AND <r>) q
 CROSS JOIN LATERAL (SELECT t.* FROM returns t
                      WHERE t.store_id = <q.store_id> AND t.id = q.return_id OFFSET 0) t
